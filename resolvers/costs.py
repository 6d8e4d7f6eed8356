"""Costs: what visits and work orders cost, read for all rows of an operation by one statement."""

from typing import Any

from domain import ids
from resolvers.compiler.bindings import Bindings
from resolvers.context import Context, Inputs

OF_VISITS = """
SELECT c.labour_cost AS labour, c.travel_cost AS travel, c.parts_cost AS parts, c.total_cost AS total,
  c.currency
FROM unnest({keys}) WITH ORDINALITY AS w(id, n)
LEFT JOIN {costs} c ON {cost} AND c.visit_id = w.id
ORDER BY w.n
"""
# An amount is told only where each visit that has ended has one.
OF_ORDERS = """
SELECT CASE WHEN count(DISTINCT c.currency) = 1 THEN min(c.currency) END AS currency,
  CASE WHEN count(c.labour_cost) = count(v.id) THEN sum(c.labour_cost) END AS labour,
  CASE WHEN count(c.travel_cost) = count(v.id) THEN sum(c.travel_cost) END AS travel,
  CASE WHEN count(c.parts_cost) = count(v.id) THEN sum(c.parts_cost) END AS parts,
  CASE WHEN count(c.total_cost) = count(v.id) THEN sum(c.total_cost) END AS total
FROM unnest({keys}) WITH ORDINALITY AS w(id, n)
LEFT JOIN {visits} v ON {visit} AND v.work_order_id = w.id
  AND v.state IN ('COMPLETED', 'INCOMPLETE', 'NO_ACCESS')
LEFT JOIN {costs} c ON {cost} AND c.visit_id = v.id
GROUP BY w.n ORDER BY w.n
"""


async def of_visits(context: Context, inputs: Inputs) -> list[dict[str, Any] | None]:
    """What each visit cost; None where it has not ended."""
    return await _found(context, inputs, prefix="vis", sql=OF_VISITS)


async def of_orders(context: Context, inputs: Inputs) -> list[dict[str, Any] | None]:
    """What the visits of each work order cost; None where none has ended, or in several currencies."""
    return await _found(context, inputs, prefix="wor", sql=OF_ORDERS)


async def _found(context: Context, inputs: Inputs, *, prefix: str, sql: str) -> list[dict[str, Any] | None]:
    services, viewer, writer = context.services, context.viewer, context.writer()
    keys = [ids.decode(prefix, one["id"]) for one in inputs]
    text = sql.format(
        keys=writer.bind("uuid[]", lambda _bindings: keys),
        costs=writer.source("visit_cost"),
        cost=writer.scope("visit_cost", "c"),
        visits=writer.source("visit"),
        visit=writer.scope("visit", "v"),
    )
    bindings = Bindings(viewer, services.clock.now(), services.secret)
    parameters = [binder(bindings) for binder in writer.binders]
    rows = await services.reads.rows(writer.statement(text), parameters, viewer=viewer)
    return [None if row["currency"] is None else dict(row) for row in rows]
