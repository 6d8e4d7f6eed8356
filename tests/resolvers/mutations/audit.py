"""Cases of the mutations that take personal data out."""

from tests.resolvers.mutations.cases import Case, Given, Stage


async def contact(stage: Stage) -> Given:
    return {"contact": await stage.first("contacts")}


CASES = (Case(mutation="eraseContact", right=contact),)
