"""Tables: all of them at once, since SQLAlchemy orders writes by every table that a row refers to."""

import pkgutil
from importlib import import_module

from sqlmodel import SQLModel

import domain


def resolve() -> frozenset[str]:
    """Loads each module that may have a table, and answers the names of all.

    A table is known once its module is loaded, and no process writes before they all are. Raises
    NoReferencedTableError for a foreign key to none of them.
    """
    for module in pkgutil.iter_modules(domain.__path__):
        if module.name != "migrations":
            import_module(f"domain.{module.name}")
    return frozenset(table.name for table in SQLModel.metadata.sorted_tables)
