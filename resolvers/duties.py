"""Duties: which roles do what kind of thing, as the roots say it of their fields."""

from domain.viewers import FIELD, OFFICE, Role

PLANNERS = tuple(sorted(OFFICE))
AT_WORK = tuple(sorted(OFFICE | FIELD))
APPROVERS = (Role.ADMIN, Role.MANAGER)
STAFFERS = (*APPROVERS, Role.INTEGRATION)
"""Who keeps technicians, whose costs they see."""
REPORTERS = (*AT_WORK, Role.INTEGRATION)
STOREKEEPERS = REPORTERS
CLERKS = (*PLANNERS, Role.INTEGRATION)
"""Who keeps the books on customers, sites and assets."""
EXCHANGERS = (Role.ADMIN, Role.MANAGER, Role.INTEGRATION)
"""Who keeps many rows at once, for another system or from a file."""
