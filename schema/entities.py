"""Entities: what every row with an id of its own shows, and the small objects many of them hold."""

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.viewers import Role
from schema.graph import Node, column, value

BACK_OFFICE = (Role.ADMIN, Role.MANAGER, Role.DISPATCHER, Role.SALES, Role.INTEGRATION)
WITH_COST = (Role.ADMIN, Role.MANAGER, Role.SALES, Role.INTEGRATION)
STAFF = (*BACK_OFFICE, Role.TECHNICIAN, Role.SUBCONTRACTOR)


@strawberry.type(description="A row that counts its changes.")
class Entity(Node):
    version: int = column("Counts the changes, from 1; give it back as expectedVersion.")
    updated_at: datetime = column("When it last changed.")


@value("An amount of money in its currency.")
class Money:
    amount: Decimal = column("The amount, in units of the currency.")
    currency: str = column("ISO 4217, such as EUR.")
