"""Copies: the insert of each row that a table has already, once more."""

from uuid import UUID

import asyncpg


async def inserts(owner: asyncpg.Connection, table: str, organization_id: UUID) -> list[tuple[str, str]]:
    """Each row as text, and its insert, which names every column that is not computed."""
    columns = ", ".join(
        row["column_name"]
        for row in await owner.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'",
            table,
        )
    )
    found = await owner.fetch(
        f"SELECT t::text, quote_literal(to_jsonb(t)) FROM {table} t WHERE organization_id = $1",
        organization_id,
    )
    into = (
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::public.{table}, "
    )
    return [(text, f"{into}{literal})") for text, literal in found]
