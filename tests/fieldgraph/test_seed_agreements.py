"""The demo's agreements: promises kept, broken, saved and waiting; contracts in every state."""

from domain.assets import Asset, MeterReading
from domain.contracts import Contract, ContractAsset
from domain.milestones import Milestone
from domain.work_orders import WorkOrder
from fieldgraph.demo.tales import tell
from tests.fieldgraph.test_seed import START, helsinki, rows


def test_promises_are_kept_broken_saved_and_waiting() -> None:
    tale, _ = tell(helsinki(), seed=1, start=START)
    orders = {one.id: one for one in rows(tale, WorkOrder)}
    told = {(str(one.kind), str(one.state), one.warned_at is not None) for one in rows(tale, Milestone)}
    for kind in ("RESPOND", "ARRIVE", "RESOLVE"):
        assert {(kind, "MET", False), (kind, "BREACHED", True), (kind, "RUNNING", False)} <= told
        assert (kind, "PAUSED", False) in told
    assert {("RESPOND", "MET", True), ("ARRIVE", "MET", True), ("RESPOND", "RUNNING", True)} <= told
    for clock in rows(tale, Milestone):
        order = orders[clock.work_order_id]
        if clock.kind == "ARRIVE":
            assert order.due_at == clock.due_at
        if clock.state == "RUNNING":
            assert clock.next_at is not None
            assert clock.next_at >= START
        assert (clock.state == "PAUSED") == (order.state == "ON_HOLD")
    assert {str(one.state) for one in rows(tale, Contract)} == {"DRAFT", "ACTIVE", "EXPIRED", "CANCELLED"}
    assert any(one.auto_renew for one in rows(tale, Contract))
    assert len(rows(tale, Asset)) == 12 + 3
    assert len(rows(tale, MeterReading)) == 12 * 3 + 3 * 4
    named = {one.asset_id for one in rows(tale, ContractAsset)}
    assert named <= {one.id for one in rows(tale, Asset)}
    assert {one.asset_id for one in orders.values()} & named
