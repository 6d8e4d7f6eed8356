# house: init_is_empty: the capability keeps the import path it had as one module, and is imported whole
"""Access: which rows of which table a role may read and write, and the SQL that makes it so."""

from domain.access.policies import VALUES, functions, predicate, reached, statements, told_by
from domain.access.tables import ALL, FIELD, LOOK_UPS, OFFICE, SEARCHED, TABLES, Access

__all__ = [
    "ALL",
    "FIELD",
    "LOOK_UPS",
    "OFFICE",
    "SEARCHED",
    "TABLES",
    "VALUES",
    "Access",
    "functions",
    "predicate",
    "reached",
    "statements",
    "told_by",
]
