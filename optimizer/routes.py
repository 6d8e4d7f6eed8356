"""Routes: the one exact simulation of a technician's day, in numba kernels.

A simulated route carries two labels after each stop: the earliest end of service with lunch still open,
and with lunch taken (ties by price). Both are kept until one dies, so lunch is placed exactly. A start
is never delayed on purpose except by `hold` and by what is agreed (model.py), so earlier is never worse
for what follows. Where the length of the day is of consequence, a label also knows how long was waited,
and by how much leaving may be put off before anything slips: who leaves late waits less.
"""

# NumPy types an element of an array as Any; numba reads it as the plain int it is.
# mypy: disable-error-code="no-any-return"

from typing import NamedTuple

from optimizer.kernels import NONE, kernel, leaf
from optimizer.legs import begin, begin_for, drive, has_absence, is_away, start_price, steady_until
from optimizer.model import (
    BEGUN_START,
    CERTIFIED,
    END_LOCATION,
    FAIRNESS,
    FIXED_COUNT,
    FREE_FROM,
    HARD_END,
    HOLD,
    HOLD_TECHNICIAN,
    HOURLY,
    JOBS,
    LEAVE,
    LOCATION,
    LONGEST,
    LUNCH_EARLIEST,
    LUNCH_LATEST,
    LUNCH_SECONDS,
    NEVER,
    OVERTIME_WEIGHT,
    SERVICE,
    SHIFT_END,
    SLICES,
    STRETCH,
    TIMED,
    TRAVEL_WEIGHT,
    Model,
)


class Label(NamedTuple):
    """When a technician is free, what that costs so far, how long was waited, how long leaving can wait."""

    at: int
    price: int
    waited: int
    slack: int


class Labels(NamedTuple):
    """Where a route stands after a stop. `here`: the label `taken` took its lunch at this stop."""

    open: Label
    taken: Label
    here: bool


class Leg(NamedTuple):
    """The way from a place to a job, which starts not before `hold`."""

    technician: int
    place: int
    job: int
    hold: int


@leaf()
def no_label() -> Label:
    return Label(NEVER, 0, 0, 0)


@kernel()
def first_labels(model: Model, technician: int) -> Labels:
    """Before any stop: lunch is open where one is owed and can still be taken."""
    leave = model.staff[technician, LEAVE]
    slack = 0 if model.staff[technician, FIXED_COUNT] > 0 else NEVER
    if leave <= model.staff[technician, LUNCH_LATEST]:
        return Labels(Label(leave, 0, 0, slack), no_label(), False)
    return Labels(no_label(), waived(model, technician, Label(leave, 0, 0, slack)), False)


@kernel()
def waived(model: Model, technician: int, label: Label) -> Label:
    """A label whose lunch is past: what `lasting` takes off for lunch is put on here."""
    if model.rules[SLICES] == 1 or model.rules[FAIRNESS] == 0:
        return label
    rest = model.staff[technician, LUNCH_SECONDS]
    return Label(label.at, label.price, label.waited - rest, label.slack)


@kernel()
def after_lunch(model: Model, leg: Leg, to: int, at: int) -> tuple[int, int, int]:
    """(ready, seconds driven, start of lunch) if lunch falls on the way that begins at `at`.

    It lies after the drive where it still may begin then, else before; ready is NEVER if it is too late.
    """
    latest = model.staff[leg.technician, LUNCH_LATEST]
    earliest = model.staff[leg.technician, LUNCH_EARLIEST]
    seconds = model.staff[leg.technician, LUNCH_SECONDS]
    leave, arrive = drive(model, leg.technician, leg.place, to, at)
    if arrive <= latest:
        lunch = max(arrive, earliest)
        return lunch + seconds, arrive - leave, lunch
    if at <= latest:
        lunch = max(at, earliest)
        leave, arrive = drive(model, leg.technician, leg.place, to, lunch + seconds)
        return arrive, arrive - leave, lunch
    return NEVER, 0, 0


@leaf()
def movable(model: Model, technician: int) -> bool:
    """Whether leaving later moves what follows by as much or less: with slices and absences it may not."""
    return model.rules[SLICES] == 1 and not is_away(model, technician)


@leaf()
def served(model: Model, leg: Leg, label: Label, start: int, driven: int) -> Label:
    """The label after a service that starts then."""
    price = label.price + start_price(model, leg.job, start)
    if model.rules[SLICES] > 1:
        price += driven * model.rules[TRAVEL_WEIGHT]
    end = start + model.work[leg.job, SERVICE]
    if model.staff[leg.technician, TIMED] == 0:
        return Label(end, price, 0, 0)
    waited = label.waited + start - label.at - driven
    slack = min(label.slack, steady_until(model, leg.job, start) - start + waited)
    if has_absence(model, leg.technician) and leg.job < model.rules[JOBS]:
        slack = min(slack, model.pairs[CERTIFIED, leg.job, leg.technician] - start + waited)
    return Label(end, price, waited, slack if movable(model, leg.technician) else 0)


@leaf()
def lunched(model: Model, leg: Leg, label: Label, lunch: int, driven_before: int) -> Label:
    """What a label knows of waiting once lunch starts then: lunch itself is not waiting."""
    if model.staff[leg.technician, TIMED] == 0:
        return label
    seconds = model.staff[leg.technician, LUNCH_SECONDS]
    waited = label.waited + lunch - label.at - driven_before
    slack = min(label.slack, model.staff[leg.technician, LUNCH_LATEST] - lunch + waited)
    return Label(label.at + seconds, label.price, label.waited, slack)


@kernel()
def step(model: Model, technician: int, place: int, job: int, labels: Labels) -> Labels:
    """Drive from `place` to a movable job and serve it."""
    to = model.work[job, LOCATION]
    hold = -NEVER
    if model.work[job, HOLD_TECHNICIAN] == technician:
        hold = model.work[job, HOLD]
    leg = Leg(technician, place, job, hold)
    opened, taken, here = no_label(), no_label(), False
    if labels.open.at < NEVER:
        leave, arrive = drive(model, technician, place, to, labels.open.at)
        start = begin_for(model, technician, job, max(arrive, hold))
        end = start + model.work[job, SERVICE]
        # Lunch before a stop that ends before lunch may begin is never better than lunch after it.
        if start < NEVER and end > model.staff[technician, LUNCH_EARLIEST]:
            taken = step_lunch(model, leg, labels.open)
            here = taken.at < NEVER
        if start < NEVER and end <= model.staff[technician, LUNCH_LATEST]:
            opened = served(model, leg, labels.open, start, arrive - leave)
    if labels.taken.at < NEVER:
        leave, arrive = drive(model, technician, place, to, labels.taken.at)
        start = begin_for(model, technician, job, max(arrive, hold))
        if start < NEVER:
            other = served(model, leg, labels.taken, start, arrive - leave)
            if other.at < taken.at or (other.at == taken.at and other.price < taken.price):
                taken, here = other, False
    return Labels(opened, taken, here)


@leaf()
def is_plain(model: Model, technician: int) -> bool:
    """Whether neither the time of day, absences nor the length of the day say anything about the route."""
    plain = model.rules[SLICES] == 1 and model.staff[technician, TIMED] == 0
    return plain and not has_absence(model, technician)


@leaf()
def plain_step(model: Model, leg: Leg, at: int, price: int) -> tuple[int, int]:
    """What `step` makes of (when free, price so far) in a plain route once lunch is no longer open.

    (NEVER, 0) where the job cannot start. Half of the time of a search of long routes went into `step`.
    """
    ready = at + model.travel[0, leg.place, model.work[leg.job, LOCATION]]
    if model.work[leg.job, HOLD_TECHNICIAN] == leg.technician:
        ready = max(ready, model.work[leg.job, HOLD])
    start = begin(model, leg.job, ready)
    if start == NEVER:
        return NEVER, 0
    return start + model.work[leg.job, SERVICE], price + start_price(model, leg.job, start)


@kernel()
def step_lunch(model: Model, leg: Leg, label: Label) -> Label:
    """The label of a service before which lunch is taken."""
    ready, driven, lunch = after_lunch(model, leg, model.work[leg.job, LOCATION], label.at)
    if ready == NEVER:
        return no_label()
    start = begin_for(model, leg.technician, leg.job, max(ready, leg.hold))
    if start == NEVER:
        return no_label()
    before = 0 if lunch + model.staff[leg.technician, LUNCH_SECONDS] < ready else driven
    return served(model, leg, lunched(model, leg, label, lunch, before), start, driven)


@kernel()
def fixed_begin(model: Model, job: int, ready: int) -> int:
    """The start of a fixed visit: the fact if it has begun, else as soon as it can be, window or not."""
    if model.work[job, BEGUN_START] != -NEVER:
        return model.work[job, BEGUN_START]
    start = begin(model, job, ready)
    return start if start < NEVER else ready


@kernel()
def fixed_step(model: Model, technician: int, place: int, job: int, labels: Labels) -> Labels:
    """Serve a fixed visit: it is never refused, and a lunch that it leaves no room for is waived."""
    to, hold = model.work[job, LOCATION], model.work[job, HOLD]
    leg = Leg(technician, place, job, hold)
    latest = model.staff[technician, LUNCH_LATEST]
    opened, taken, here = no_label(), no_label(), False
    if labels.open.at < NEVER:
        leave, arrive = drive(model, technician, place, to, labels.open.at)
        after = served(model, leg, labels.open, fixed_begin(model, job, max(arrive, hold)), arrive - leave)
        ready, driven, lunch = after_lunch(model, leg, to, labels.open.at)
        late = fixed_begin(model, job, max(ready, hold)) if ready < NEVER else NEVER
        if late < NEVER and ready <= late:
            taken, here = (
                served(model, leg, lunched(model, leg, labels.open, lunch, driven), late, driven),
                True,
            )
        if after.at <= latest:
            opened = after
        elif taken.at == NEVER and labels.taken.at == NEVER:
            taken = waived(model, technician, after)
    if labels.taken.at < NEVER:
        leave, arrive = drive(model, technician, place, to, labels.taken.at)
        after = served(model, leg, labels.taken, fixed_begin(model, job, max(arrive, hold)), arrive - leave)
        if after.at < taken.at or (after.at == taken.at and after.price < taken.price):
            taken, here = after, False
    return Labels(opened, taken, here)


@kernel()
def free_labels(model: Model, technician: int, labels: Labels) -> Labels:
    """The labels once the fixed head is done: not before now, and a lunch that is past is waived."""
    opened = freed(model, technician, labels.open)
    taken = freed(model, technician, labels.taken)
    if NEVER > opened.at > model.staff[technician, LUNCH_LATEST]:
        if taken.at == NEVER:
            return Labels(no_label(), waived(model, technician, opened), labels.here)
        opened = no_label()
    return Labels(opened, taken, labels.here)


@kernel()
def freed(model: Model, technician: int, label: Label) -> Label:
    free_from = model.staff[technician, FREE_FROM]
    if label.at == NEVER or label.at >= free_from:
        return label
    if model.staff[technician, FIXED_COUNT] == 0:
        return Label(free_from, label.price, label.waited, label.slack)
    return Label(free_from, label.price, label.waited + free_from - label.at, label.slack)


class Ending(NamedTuple):
    """How a route ends: `taken` tells which label it came from, `lunch` that lunch is before the way.

    `late` is by how much leaving is put off.
    """

    end: int
    price: int
    taken: bool
    lunch: bool
    late: int


@leaf()
def no_ending() -> Ending:
    return Ending(NEVER, NEVER, False, False, 0)


@leaf()
def left_home(model: Model, technician: int) -> int:
    """When the technician leaves if nothing is put off."""
    if model.staff[technician, FIXED_COUNT] > 0:
        return model.staff[technician, LEAVE]
    return model.staff[technician, FREE_FROM]


@kernel()
def lasting(model: Model, technician: int, label: Label, ending: Ending) -> Ending:
    """The ending with the price of hours; its price is NEVER where the day is longer than it may be."""
    seconds = ending.end - left_home(model, technician) - ending.late
    if seconds > model.staff[technician, LONGEST]:
        return no_ending()
    price = ending.price + seconds * model.staff[technician, HOURLY] // 3600
    if model.rules[SLICES] > 1 and model.rules[FAIRNESS] > 0:
        rest = model.staff[technician, LUNCH_SECONDS] if ending.lunch or ending.taken else 0
        price += fair_price(model, ending.end - left_home(model, technician) - label.waited - rest)
    return Ending(ending.end, price, ending.taken, ending.lunch, ending.late)


@leaf()
def fair_price(model: Model, busy: int) -> int:
    minutes = busy // 60
    return model.rules[FAIRNESS] * minutes * minutes // 3600


@leaf()
def overtime_price(model: Model, technician: int, end: int) -> int:
    return max(0, end - model.staff[technician, SHIFT_END]) * model.rules[OVERTIME_WEIGHT]


@kernel()
def finish(model: Model, technician: int, place: int, labels: Labels) -> Ending:
    """The cheaper end of the two labels (ties: the earlier); its price is NEVER if neither may be."""
    best = no_ending()
    if labels.open.at < NEVER:
        best = finish_label(model, technician, place, labels.open, False)
    if labels.taken.at < NEVER:
        other = finish_label(model, technician, place, labels.taken, True)
        if other.price < best.price or (other.price == best.price and other.end < best.end):
            best = other
    return best


@leaf()
def finish_label(model: Model, technician: int, place: int, label: Label, taken: bool) -> Ending:
    """The way home from a label; a lunch that is owed lies before it."""
    home = model.staff[technician, END_LOCATION]
    leave, end = drive(model, technician, place, home, label.at)
    lunch = not taken and end > model.staff[technician, LUNCH_LATEST]
    leg = Leg(technician, place, NONE, -NEVER)
    if lunch:
        begins = max(label.at, model.staff[technician, LUNCH_EARLIEST])
        label = lunched(model, leg, label, begins, 0)
        leave, end = drive(model, technician, place, home, begins + model.staff[technician, LUNCH_SECONDS])
    if end > model.staff[technician, HARD_END] + model.rules[STRETCH]:
        return no_ending()
    price = label.price + overtime_price(model, technician, end)
    if model.rules[SLICES] > 1:
        price += (end - leave) * model.rules[TRAVEL_WEIGHT]
    if model.staff[technician, TIMED] == 0:
        return Ending(end, price, taken, lunch, 0)
    waited = label.waited + leave - label.at
    late = max(0, min(waited, label.slack))
    return lasting(
        model, technician, Label(label.at, price, waited, 0), Ending(end, price, taken, lunch, late)
    )


@kernel()
def finish_fixed(model: Model, technician: int, place: int, labels: Labels) -> Ending:
    """The end of a route of fixed stops only: whatever it is, it is a fact."""
    taken = labels.taken.at < labels.open.at
    label = labels.taken if taken else labels.open
    leave, end = drive(model, technician, place, model.staff[technician, END_LOCATION], label.at)
    price = label.price + overtime_price(model, technician, end)
    price += (end - left_home(model, technician)) * model.staff[technician, HOURLY] // 3600
    if model.rules[SLICES] > 1:
        price += (end - leave) * model.rules[TRAVEL_WEIGHT]
        rest = model.staff[technician, LUNCH_SECONDS] if taken else 0
        busy = end - left_home(model, technician) - (label.waited + leave - label.at) - rest
        price += fair_price(model, busy) if model.rules[FAIRNESS] > 0 else 0
    return Ending(end, price, taken, False, 0)
