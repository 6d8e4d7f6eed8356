"""Tables: every module that has one, in one place: SQLAlchemy orders writes by all that a row refers to."""

from sqlmodel import SQLModel

from domain import (
    api_keys,
    assets,
    audit,
    buckets,
    contracts,
    credentials,
    crews,
    customers,
    events,
    imports,
    jobs,
    maintenance,
    milestones,
    organizations,
    plans,
    policies,
    sites,
    stock,
    technicians,
    territories,
    tracking,
    unit_of_work,
    uploads,
    users,
    visits,
    work_orders,
)

MODULES = (
    api_keys,
    assets,
    audit,
    buckets,
    contracts,
    credentials,
    crews,
    customers,
    events,
    imports,
    jobs,
    maintenance,
    milestones,
    organizations,
    plans,
    policies,
    sites,
    stock,
    technicians,
    territories,
    tracking,
    unit_of_work,
    uploads,
    users,
    visits,
    work_orders,
)
"""A table is known once its module is loaded, and no process writes before they all are."""


def resolve() -> frozenset[str]:
    """The names of all tables, each foreign key found. Raises NoReferencedTableError for one that is not."""
    return frozenset(table.name for table in SQLModel.metadata.sorted_tables)
