"""Organizations: one service company each, the tenant to which every row belongs."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from domain import ids
from domain.rows import NEVER, Row, Table, text, timestamp


class Organization(Table, table=True):
    """One service company."""

    id: UUID = Field(default_factory=ids.new, primary_key=True)
    name: str = text()
    time_zone: str = text()
    currency: str = text(default="EUR")
    version: int = 1
    updated_at: datetime = timestamp(default=NEVER)


class Counter(Row, table=True):
    """The last number given out of a series, such as an organization's work order numbers."""

    series: str = text(unique=False)
    value: int = 0
