# house: init_is_empty: the capability keeps the import path it had as one module, and is imported whole
"""Scheduling: the hard rules of who may serve which visit when, and the verbs that put a visit there."""

from domain.scheduling.boards import Board, prepare
from domain.scheduling.bookings import check_free
from domain.scheduling.moves import Move, absent, reschedule, schedule
from domain.scheduling.rules import Placement, Rules, check_there, check_window

__all__ = [
    "Board",
    "Move",
    "Placement",
    "Rules",
    "absent",
    "check_free",
    "check_there",
    "check_window",
    "prepare",
    "reschedule",
    "schedule",
]
