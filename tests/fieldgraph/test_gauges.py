"""What the parts of a process tell of themselves, over a real database."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.viewers import Role, Viewer
from fieldgraph.addresses import sqlalchemy_url
from fieldgraph.app import App
from fieldgraph.gauges import Lag
from fieldgraph.settings import Settings
from resolvers import shared
from resolvers.documents import DocumentRef
from tests.conftest import Database
from tests.domain.world import World
from tests.fieldgraph.test_login import client

NAMES = "{ customers { nodes { id name } } }"


async def samples(app: App) -> dict[str, float]:
    async with client(app) as asking:
        text = (await asking.get("/metrics")).text
    pairs = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


async def test_the_parts_tell_what_they_have_done(database: Database, tmp_path: Path) -> None:
    world = await World.make(create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool))
    viewer = Viewer(organization_id=world.organization_id, role=Role.ADMIN, subject="x")
    given = {"database_url": database.owner_url, "app_database_url": database.app_url}
    app = App(Settings().model_copy(update={**given, "data_folder": tmp_path, "log_requests": "off"}))
    async with app.running(), client(app) as asking:
        token = app.identity.issue(viewer, lifetime_seconds=60)
        before = await samples(app)

        for query in ("{ customers { nodes { id } } }", "{ customers { nodes { id } } }", "{ nothing }"):
            await asking.post("/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"})
        for secret in ("no-token", "usr_" + "x" * 43):
            await asking.post("/graphql", json={}, headers={"authorization": f"Bearer {secret}"})
        after = await samples(app)
        outside = await _from_elsewhere(app)

    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown['fieldgraph_documents_total{found="new"}'] == 2
    assert grown['fieldgraph_documents_total{found="kept"}'] == 1
    assert grown["fieldgraph_documents_looked_at_total"] == 2
    assert grown["fieldgraph_documents_waiting"] == 0
    assert grown['fieldgraph_cost_points_total{state="granted"}'] > 0
    assert grown['fieldgraph_cost_points_total{state="refused"}'] == 0
    assert after["fieldgraph_bucket_leases"] == 1
    assert grown["fieldgraph_identity_lookups_total"] == 1
    assert after['fieldgraph_tokens_refused_total{reason="an unknown secret"}'] == 1
    assert (after["fieldgraph_reads_used"], after["fieldgraph_reads_waiting"]) == (0, 0)
    assert 0 <= after["fieldgraph_hub_behind_seconds"] < 2
    assert after["fieldgraph_hub_hinted"] in {0, 1}
    assert after["fieldgraph_loop_lag_seconds"] >= 0
    assert outside == 403


async def test_who_follows_a_live_query_and_who_shares_an_answer_is_counted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "WORTH_SECONDS", 0.0)
    world = await World.make(create_async_engine(sqlalchemy_url(database.app_url), poolclass=NullPool))
    viewer = Viewer(organization_id=world.organization_id, role=Role.ADMIN, subject="x")
    given = {"database_url": database.owner_url, "app_database_url": database.app_url}
    app = App(Settings().model_copy(update={**given, "data_folder": tmp_path, "log_requests": "off"}))
    async with app.running(), client(app) as asking:
        executor = app.executor
        followed = await executor.prepare(DocumentRef(f"query Q @live {NAMES}"), None, viewer=viewer)
        stream = executor.stream(followed, {}, viewer=viewer)
        assert isinstance(stream, AsyncGenerator)
        async with aclosing(stream) as results:
            await anext(results)
            token = app.identity.issue(viewer, lifetime_seconds=60)
            await asking.post("/graphql", json={"query": NAMES}, headers={"authorization": f"Bearer {token}"})
            during = await samples(app)
        after = await samples(app)

    assert [during[f"fieldgraph_live_{name}"] for name in ("cohorts", "followers")] == [1, 1]
    assert [after[f"fieldgraph_live_{name}"] for name in ("cohorts", "followers")] == [0, 0]
    assert after["fieldgraph_cohorts"] == after["fieldgraph_cohort_members"] == 0
    assert after["fieldgraph_shared_answers_total"] == 1


async def _from_elsewhere(app: App) -> int:
    async with client(app, address="10.0.0.7") as asking:
        return (await asking.get("/metrics")).status_code


async def test_a_loop_that_was_held_up_is_told_for_a_minute() -> None:
    lag = Lag()
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0.02)
    assert lag.worst_seconds < 0.1

    time.sleep(0.3)  # noqa: ASYNC251  # this is what is to be seen
    await asyncio.sleep(0.05)
    task.cancel()

    assert 0.15 < lag.worst_seconds < 1.0
