"""What can go wrong, in one tree. One place (resolvers/answers.py) turns it into typed answers.

* FieldgraphError                    code of GRAPHQL.md's table
  + Unauthenticated                  UNAUTHENTICATED: no token, or one that is not good any more
  + Forbidden                        FORBIDDEN: the role may not ask this, wherever the row is
  + BadInput                         BAD_USER_INPUT: a malformed id, cursor or value
  + ResyncRequired                   RESYNC_REQUIRED: the log no longer reaches back to the cursor
  + TooCostly                        COST_EXCEEDED: one operation asks for more than is allowed
  + TooSlow                          COST_EXCEEDED: a read took longer than a read may
  + TooMany                          RATE_LIMITED: the client has asked for too much in a short time
  + Busy                             RATE_LIMITED: too many ask at once who are not known
  + IdempotencyMismatch              CONFLICT: one key, two different inputs
  + Refused                          a rule of the business said no; becomes a userError
    - NotFound                       NOT_FOUND: absent, or not the viewer's to see
    - Conflict                       CONFLICT: the row has moved on since it was read
    - InvalidTransition              INVALID_TRANSITION: the state machine has no such step
    - DoubleBooking                  DOUBLE_BOOKING: the technician is elsewhere at that time
    - MissingSkill                   MISSING_SKILL: a skill or its level is lacking
    - OffShift                       OFF_SHIFT: outside the technician's working time
    - OutsideWindow                  OUTSIDE_WINDOW: outside the arrival window
    - MissingEvidence                MISSING_EVIDENCE: a signature or a photo that the type of work asks for
    - OverCapacity                   OVER_CAPACITY: more than a subcontractor takes on in a day
    - Invalid                        INVALID: a value that no rule of the business admits
"""

from typing import ClassVar


class FieldgraphError(Exception):
    """Anything that is told to a client by its code; never a bug.

    `response_path` leads to the field in the operation, where one is known.
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    response_path: tuple[str, ...] = ()


class Unauthenticated(FieldgraphError):
    code = "UNAUTHENTICATED"


class Forbidden(FieldgraphError):
    code = "FORBIDDEN"

    def __init__(self, message: str, response_path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.response_path = response_path


class BadInput(FieldgraphError):
    code = "BAD_USER_INPUT"


class ResyncRequired(FieldgraphError):
    code = "RESYNC_REQUIRED"


class TooCostly(FieldgraphError):
    """`cost` is what it may cost, `most` what it might."""

    code = "COST_EXCEEDED"

    def __init__(self, cost: int, most: int) -> None:
        super().__init__(f"The operation may cost {cost} points; at most {most} are allowed.")
        self.cost = cost
        self.most = most


class TooSlow(FieldgraphError):
    """What it was taken to cost stays charged: it has cost all of that."""

    code = "COST_EXCEEDED"

    def __init__(self) -> None:
        super().__init__("The read took longer than a read may. Ask for less, or filter by less.")


class TooMany(FieldgraphError):
    """`status` is that of the client's bucket (domain/buckets.py), which will do after `seconds`."""

    code = "RATE_LIMITED"

    def __init__(self, cost: int, status: tuple[int, int, int], seconds: int) -> None:
        super().__init__(f"The operation may cost {cost} points, and only {status[1]} are left.")
        self.cost = cost
        self.status = status
        self.seconds = seconds


class Busy(FieldgraphError):
    """There is too much to do for now; `seconds` until it is worth asking again."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class IdempotencyMismatch(FieldgraphError):
    code = "CONFLICT"


class Refused(FieldgraphError):
    """A rule of the business said no.

    `path` names the input field, outermost first, in GraphQL's spelling.
    """

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class NotFound(Refused):
    code = "NOT_FOUND"


class Conflict(Refused):
    code = "CONFLICT"


class InvalidTransition(Refused):
    code = "INVALID_TRANSITION"


class DoubleBooking(Refused):
    code = "DOUBLE_BOOKING"


class MissingSkill(Refused):
    code = "MISSING_SKILL"


class OffShift(Refused):
    code = "OFF_SHIFT"


class OutsideWindow(Refused):
    code = "OUTSIDE_WINDOW"


class OverCapacity(Refused):
    code = "OVER_CAPACITY"


class MissingEvidence(Refused):
    code = "MISSING_EVIDENCE"


class Invalid(Refused):
    code = "INVALID"
