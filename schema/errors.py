"""Errors of the business, as data in every mutation's payload."""

from enum import StrEnum

import strawberry

from schema.graph import column, value
from schema.words import described


class UserErrorCode(StrEnum):
    """Why the business said no. Nothing was written."""

    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    DOUBLE_BOOKING = "DOUBLE_BOOKING"
    MISSING_SKILL = "MISSING_SKILL"
    OFF_SHIFT = "OFF_SHIFT"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    OVER_CAPACITY = "OVER_CAPACITY"
    MISSING_EVIDENCE = "MISSING_EVIDENCE"
    INVALID = "INVALID"


USER_ERROR_CODE = described(strawberry.enum(UserErrorCode, description=UserErrorCode.__doc__))


@value("One reason why nothing was done.")
class UserError:
    path: list[str] = column("The input field it is about, outermost first; empty for the whole.")
    message: str = column("What is wrong, in English, for a person.")
    code: UserErrorCode = column("What is wrong, for a program.")
