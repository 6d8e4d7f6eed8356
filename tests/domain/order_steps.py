"""The steps of a work order itself, for the machine that takes the verbs of its visits in any order."""

from uuid import UUID

from hypothesis import strategies as some
from hypothesis.stateful import rule

from domain import intake, lifecycles
from domain.work_orders import OPEN, WorkOrderOutcome
from tests.domain.detours import Detours
from tests.domain.ledgers import Fact
from tests.domain.machines import SOME_VISIT, SOMEONE, Verb

BEGUN = {"EN_ROUTE", "ARRIVED", "IN_PROGRESS", "PAUSED", "COMPLETED", "INCOMPLETE", "NO_ACCESS"}
CALLED_OFF = {"NEW", "PENDING_APPROVAL", "READY", "SCHEDULED", "ON_HOLD"}
NAMES = ("hold", "release", "cancel", "solve", "leave", "change", "add")


class Orders(Detours):
    """Any verb on the work orders of a day's visits, too."""

    @rule(number=SOME_VISIT, who=SOMEONE, steps=some.integers(0, 6), name=some.sampled_from(NAMES))
    def step_order(self, number: int, who: int, steps: int, name: str) -> None:
        for _ in range(steps):
            self.go_on(number, who, 1)
        if name == "release":
            self.of_order(number, "hold")
        self.of_order(number, name)

    def of_order(self, number: int, name: str) -> None:
        """Done where the glossary lets it, refused anywhere else; no open visit outlives its order."""
        order = self.order_of(self.visit(number))
        key = UUID(order["id"])
        solved, unresolved = WorkOrderOutcome.SOLVED, WorkOrderOutcome.UNRESOLVED
        verbs: dict[str, Verb] = {
            "hold": lambda work: lifecycles.hold(work, key, reason="No key"),
            "release": lambda work: lifecycles.release(work, key),
            "cancel": lambda work: lifecycles.cancel(work, key, reason="Not wanted any more"),
            "solve": lambda work: lifecycles.close(work, key, outcome=solved),
            "leave": lambda work: lifecycles.close(work, key, outcome=unresolved),
            "change": lambda work: lifecycles.update(work, key, {"title": f"Leak {number}"}),
            "add": lambda work: intake.add_visit(work, key),
        }
        self.attempt(verbs[name], allowed=self.may(order, name))
        for over in self.dump["work_order"]:
            if over["state"] in {"CLOSED", "CANCELLED"}:
                rows = self.dump.where("visit", work_order_id=over["id"])
                assert {row["state"] for row in rows} <= BEGUN - {"EN_ROUTE"} | {"CANCELLED"}

    def may(self, order: Fact, name: str) -> bool:
        visits = self.dump.where("visit", work_order_id=order["id"])
        begun = any(visit["state"] in BEGUN for visit in visits)
        state = order["state"]
        allowed: dict[str, bool] = {
            "hold": state in OPEN and state != "ON_HOLD",
            "release": state == "ON_HOLD",
            "cancel": state in CALLED_OFF and not begun,
            "solve": state == "COMPLETED",
            "leave": state == "COMPLETED" or (state == "READY" and begun),
            "change": state in OPEN,
            "add": state in OPEN,
        }
        return allowed[name]
