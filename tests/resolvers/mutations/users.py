"""Users and API keys: their mutations' cases."""

from datetime import UTC, datetime, timedelta

from tests.resolvers.mutations.cases import Case, Given, Stage, Wrong

ISSUER = "https://login.example"
TAKEN = {"issuer": ISSUER, "subject": "taken"}
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).isoformat()
OWN = {"name": "Own", "role": "ADMIN", "email": "own@example.com"}


async def invite(stage: Stage, **given: str) -> str:
    """The id of a new user: `Stage.make` has a use of its own for the word `role`."""
    query = (
        "mutation M($input: CreateUserInput!)"
        " { createUser(input: $input) { user { id } userErrors { code } } }"
    )
    payload = (await stage.company.data(query, {"input": given}))["createUser"]
    assert payload["userErrors"] == []
    return str(payload["user"]["id"])


async def portal(stage: Stage) -> Given:
    customer = await stage.first("customers")
    contact = await stage.make("createContact", "contact", customer=customer, name="Pia")
    await invite(stage, **OWN, **TAKEN)
    return {
        "name": "Pia Portal",
        "email": "Pia@Example.com",
        "role": "CUSTOMER",
        "issuer": ISSUER,
        "subject": "pia",
        "customer": customer,
        "contact": contact,
    }


async def update(stage: Stage) -> Given:
    await invite(stage, **OWN, **TAKEN)
    user = await invite(stage, name="Mika", role="DISPATCHER")
    technician = await stage.first("technicians", "{kind: {eq: EMPLOYEE}}")
    return {"user": user, "role": "TECHNICIAN", "technician": technician, "name": "Mika"}


async def known(stage: Stage) -> Given:
    return {"user": await invite(stage, name="Mika", role="MANAGER")}


async def shut_out(stage: Stage) -> Given:
    given = await known(stage)
    await stage.make("deactivateUser", "user", **given)
    return given


async def gateway(stage: Stage) -> Given:
    return {"name": "Van 3", "scopes": ["positions:write"], "technician": await stage.first("technicians")}


async def key(stage: Stage) -> Given:
    return {"apiKey": await stage.make("createApiKey", "apiKey", name="ERP", scopes=["stock:write"])}


NOBODY = {"customer": None, "contact": None}
CASES = [
    Case(
        mutation="createUser",
        right=portal,
        again=False,
        wrong={
            "no name": Wrong({"name": " "}, "INVALID", ("name",)),
            "no address": Wrong({"email": "pia"}, "INVALID", ("email",)),
            "an address that another has": Wrong({"email": "OWN@example.com"}, "CONFLICT", ("email",)),
            "an identity that another has": Wrong(TAKEN, "CONFLICT", ("subject",)),
            "half an identity": Wrong({"issuer": None}, "INVALID", ("issuer",)),
            "the other half": Wrong({"subject": None}, "INVALID", ("subject",)),
            "an issuer that is no address": Wrong({"issuer": "login"}, "INVALID", ("issuer",)),
            "a portal without a customer": Wrong(NOBODY, "INVALID", ("customer",)),
            "a dispatcher with a customer": Wrong({"role": "DISPATCHER"}, "INVALID", ("customer",)),
            "a technician who is nobody": Wrong({"role": "TECHNICIAN", **NOBODY}, "INVALID", ("technician",)),
            "a machine": Wrong({"role": "INTEGRATION", **NOBODY}, "INVALID", ("role",)),
            "a link": Wrong({"role": "TRACKING", **NOBODY}, "INVALID", ("role",)),
        },
    ),
    Case(
        mutation="updateUser",
        right=update,
        wrong={
            "no name": Wrong({"name": None}, "INVALID", ("name",)),
            "no role": Wrong({"role": None}, "INVALID", ("role",)),
            "another kind of technician": Wrong({"role": "SUBCONTRACTOR"}, "INVALID", ("technician",)),
            "a manager with a technician": Wrong({"role": "MANAGER"}, "INVALID", ("technician",)),
            "an address that another has": Wrong({"email": "own@example.com"}, "CONFLICT", ("email",)),
            "half an identity": Wrong({"subject": "s"}, "INVALID", ("issuer",)),
        },
    ),
    Case(mutation="deactivateUser", right=known),
    Case(mutation="restoreUser", right=shut_out, again=False),
    Case(mutation="renewUserToken", right=known, again=False),
    Case(
        mutation="createApiKey",
        right=gateway,
        again=False,
        wrong={
            "no name": Wrong({"name": ""}, "INVALID", ("name",)),
            "no scope": Wrong({"scopes": []}, "INVALID", ("scopes",)),
            "a scope that there is not": Wrong({"scopes": ["people"]}, "INVALID", ("scopes",)),
            "a role that is not the technician's": Wrong({"role": "MANAGER"}, "INVALID", ("role",)),
            "an ADMIN": Wrong({"role": "ADMIN", "technician": None}, "INVALID", ("role",)),
            "a customer": Wrong({"role": "CUSTOMER", "technician": None}, "INVALID", ("role",)),
            "a technician who is nobody": Wrong(
                {"role": "TECHNICIAN", "technician": None}, "INVALID", ("technician",)
            ),
            "over already": Wrong({"expiresAt": YESTERDAY}, "INVALID", ("expiresAt",)),
        },
    ),
    Case(mutation="revokeApiKey", right=key),
]
