"""Crewing: the mutations that say who goes to a visit together, after which other, how it stands."""

import strawberry

from resolvers import crews, dependencies, substatuses, visits
from resolvers.duties import APPROVERS, AT_WORK, PLANNERS
from schema.crews import (
    AcceptOfferInput,
    AcceptOfferPayload,
    AssignTechnicianInput,
    AssignTechnicianPayload,
    CreateCrewInput,
    CreateCrewPayload,
    DeclineOfferInput,
    DeclineOfferPayload,
    ReleaseTechnicianInput,
    ReleaseTechnicianPayload,
    UpdateCrewInput,
    UpdateCrewPayload,
)
from schema.dependencies import (
    AddVisitDependencyInput,
    AddVisitDependencyPayload,
    RemoveVisitDependencyInput,
    RemoveVisitDependencyPayload,
)
from schema.steps import UpdateVisitInput, UpdateVisitPayload
from schema.substatuses import (
    CreateSubstatusInput,
    CreateSubstatusPayload,
    SetVisitSubstatusInput,
    SetVisitSubstatusPayload,
    UpdateSubstatusInput,
    UpdateSubstatusPayload,
)
from schema.verbs import verb


@strawberry.type
class Crewing:
    """Fields of Mutation; a type of its own only in Python."""

    create_crew: CreateCrewPayload = verb(
        crews.create_crew,
        CreateCrewInput,
        "Put technicians together who go as a unit.",
        roles=PLANNERS,
        scope="technicians:write",
    )
    update_crew: UpdateCrewPayload = verb(
        crews.update_crew,
        UpdateCrewInput,
        "Change a crew: its name, who is in it, who leads it.",
        roles=PLANNERS,
        scope="technicians:write",
    )
    assign_technician: AssignTechnicianPayload = verb(
        crews.assign_technician,
        AssignTechnicianInput,
        "One more technician for a visit, or another who leads it.",
        roles=PLANNERS,
        scope="work:write",
    )
    release_technician: ReleaseTechnicianPayload = verb(
        crews.release_technician,
        ReleaseTechnicianInput,
        "One who does not lead a visit shall not go there; the others go on.",
        roles=PLANNERS,
        scope="work:write",
    )
    accept_offer: AcceptOfferPayload = verb(
        crews.accept_offer,
        AcceptOfferInput,
        "A subcontractor takes what is offered, or the office says so for them.",
        roles=AT_WORK,
        scope="work:write",
    )
    decline_offer: DeclineOfferPayload = verb(
        crews.decline_offer,
        DeclineOfferInput,
        "A subcontractor does not take it, or steps back from it before travel: without its lead the visit"
        " goes back to the pool. An employee who was told hands it back to the office: SCHEDULED.",
        roles=AT_WORK,
        scope="work:write",
    )
    update_visit: UpdateVisitPayload = verb(
        visits.update_visit,
        UpdateVisitInput,
        "Promise another arrival window, or say how long it takes and how many.",
        roles=PLANNERS,
        scope="work:write",
    )
    add_visit_dependency: AddVisitDependencyPayload = verb(
        dependencies.add_visit_dependency,
        AddVisitDependencyInput,
        "One visit waits for another's end, or shares its day or its technician.",
        roles=PLANNERS,
        scope="work:write",
    )
    remove_visit_dependency: RemoveVisitDependencyPayload = verb(
        dependencies.remove_visit_dependency,
        RemoveVisitDependencyInput,
        "A visit depends on that other no longer.",
        roles=PLANNERS,
        scope="work:write",
    )
    create_substatus: CreateSubstatusPayload = verb(
        substatuses.create_substatus,
        CreateSubstatusInput,
        "A word of the company's own for where visits stand.",
        roles=APPROVERS,
        scope="work:write",
    )
    update_substatus: UpdateSubstatusPayload = verb(
        substatuses.update_substatus,
        UpdateSubstatusInput,
        "Change a substatus, or use it no more.",
        roles=APPROVERS,
        scope="work:write",
    )
    set_visit_substatus: SetVisitSubstatusPayload = verb(
        substatuses.set_visit_substatus,
        SetVisitSubstatusInput,
        "Say more closely where a visit stands, until its state changes.",
        roles=AT_WORK,
        scope="work:write",
    )
