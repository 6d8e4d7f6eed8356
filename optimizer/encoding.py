"""Encoding: a Problem stated in the arrays of a Model."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optimizer.model import (
    ABSENCE_AFTER,
    ABSENCE_FIRST,
    AGREED_FIRST,
    AGREED_LAST,
    BEGUN_START,
    DUE,
    END_LOCATION,
    FIXED_COUNT,
    FREE_FROM,
    HARD_END,
    HOLD,
    HOLD_TECHNICIAN,
    HOURLY,
    LAST_START,
    LATENESS_WEIGHT,
    LEAD,
    LEAVE,
    LINKED,
    LOCATION,
    LONGEST,
    LUNCH_EARLIEST,
    LUNCH_LATEST,
    LUNCH_SECONDS,
    NEED,
    NEVER,
    NO_LIMIT,
    PENALTY,
    PINNED_EXTRA,
    PLANNED_START,
    SEAT_FIRST,
    SEATS,
    SERVICE,
    SHIFT_END,
    SHIFT_PRICE,
    START_LOCATION,
    STOCK,
    TERMS,
    TIMED,
    TWIN,
    WINDOW_AFTER,
    WINDOW_FIRST,
    WORTH,
    Encoded,
    Ints,
    Model,
    starts,
)
from optimizer.pairing import certificates, dated, head_seats, terms, tools
from optimizer.problem import Problem, Visit, Window


def encode(problem: Problem) -> Encoded:
    """State the problem in arrays (it must have passed `check`)."""
    technicians = {technician.key: place for place, technician in enumerate(problem.technicians)}
    visits = {visit.key: place for place, visit in enumerate(problem.visits)}
    jobs = _jobs(problem)
    stock, need, supply = _stocks(problem, jobs)
    staff, work = _staff(problem), _work(problem, jobs)
    _hold(problem, work, jobs, technicians=technicians)
    pairs = np.stack((terms(problem, jobs), tools(problem, jobs), certificates(problem, jobs)))
    absences = _absences(problem, dated(problem, pairs))
    spans = _spans(problem, work, staff, jobs=jobs, absences=absences)
    travel = np.ascontiguousarray(problem.travel_seconds, dtype=np.int32)
    travel = travel.reshape(-1, *travel.shape[-2:])
    slices = len(travel)
    least = travel.min(axis=0, keepdims=True)
    more = (least.transpose(0, 2, 1),) if slices == 1 else (least, least.transpose(0, 2, 1))
    model = Model(
        travel=np.concatenate((travel, *more)),
        staff=np.concatenate((staff, stock), axis=1),
        work=np.concatenate((work, need), axis=1),
        pairs=pairs,
        spans=spans,
        links=_links(problem, visits),
        supply=supply,
        rules=_rules(problem, jobs, parts=stock.shape[1]),
    )
    _name_twins(model)
    _enter_worth(problem, model, jobs, visits)
    return Encoded(problem, model, technicians, visits, jobs)


def _absences(problem: Problem, dated: NDArray[np.bool_]) -> list[list[tuple[int, int]]]:
    """Each technician's absences; one of no time where a certificate ends in the shift."""
    found = [[(absence.start, absence.end) for absence in row.absences] for row in problem.technicians]
    return [row or [(-NEVER, -NEVER)] * bool(ends) for row, ends in zip(found, dated, strict=True)]


def _spans(
    problem: Problem,
    work: Ints,
    staff: Ints,
    *,
    jobs: tuple[tuple[int, int], ...],
    absences: list[list[tuple[int, int]]],
) -> Ints:
    """The windows of every job, of a depot (always), then the absences; enters where each has its own."""
    spans = [(-NEVER, NEVER - 1)]
    work[len(jobs) :, WINDOW_AFTER] = 1
    for job, (place, _) in enumerate(jobs):
        windows = _windows(problem.visits[place])
        work[job, WINDOW_FIRST], work[job, WINDOW_AFTER] = len(spans), len(spans) + len(windows)
        spans += [(window.start, window.end) for window in windows]
    for place, row in enumerate(absences):
        staff[place, ABSENCE_FIRST], staff[place, ABSENCE_AFTER] = len(spans), len(spans) + len(row)
        spans += row
    return _ints(spans)


def _ints(values: object) -> Ints:
    return np.array(values, dtype=np.int64)


def _rules(problem: Problem, jobs: tuple[tuple[int, int], ...], *, parts: int) -> Ints:
    policy, slices = problem.policy, len(problem.travel_slices)
    weights = (policy.travel_weight, policy.change_start_price, policy.start_tolerance_seconds)
    more = (policy.overtime_weight, policy.fairness_weight, 0)
    least = slices if slices > 1 else 0
    counts = (len(jobs), len(problem.depots), parts, slices, least, max(1, least + 1))
    return _ints((*weights, *more, *counts, *problem.travel_slices, *problem.day_starts))


def _jobs(problem: Problem) -> tuple[tuple[int, int], ...]:
    """(visit, seat): every visit, then the further seats of crews; of those that are sent, who is there."""
    sent = Counter(key for technician in problem.technicians for key in technician.fixed)
    seats = [
        (place, seat)
        for place, visit in enumerate(problem.visits)
        for seat in range(1, sent.get(visit.key, 1 + len(visit.crew)))
    ]
    return (*((place, 0) for place in range(len(problem.visits))), *seats)


def _windows(visit: Visit) -> tuple[Window, ...]:
    return starts(visit) or (Window(-NEVER, NEVER - 1),)


def _stocks(problem: Problem, jobs: tuple[tuple[int, int], ...]) -> tuple[Ints, Ints, Ints]:
    """What vans have, what jobs need, what depots have: a column for each part."""
    names = sorted({part for visit in problem.visits for part in visit.parts})
    limited = any(row.most_visits is not None for row in problem.technicians)
    # One column even without parts: numba wants the same shape always.
    width = max(1, len(names) + limited)
    stock = np.zeros((len(problem.technicians), width), np.int64)
    parts = np.zeros((len(jobs) + len(problem.depots), width), np.int64)
    supply = np.zeros((len(problem.depots), width), np.int64)
    for column, name in enumerate(names):
        stock[:, column] = [row.stock.get(name, 0) for row in problem.technicians]
        for job, (place, seat) in enumerate(jobs):
            parts[job, column] = 0 if seat else problem.visits[place].parts.get(name, 0)
        supply[:, column] = [
            NO_LIMIT if row.stock is None else row.stock.get(name, 0) for row in problem.depots
        ]
    if limited:
        stock[:, -1] = [
            NO_LIMIT if row.most_visits is None else row.most_visits for row in problem.technicians
        ]
        parts[: len(jobs), -1] = 1
    return stock, parts, supply


def _staff(problem: Problem) -> Ints:
    staff = np.zeros((len(problem.technicians), STOCK), np.int64)
    by_slices = problem.travel_seconds.ndim == 3 and len(problem.travel_seconds) > 1
    for place, row in enumerate(problem.technicians):
        leave = row.shift_start if row.available_from is None else max(row.shift_start, row.available_from)
        lunch = row.lunch
        staff[place, START_LOCATION], staff[place, END_LOCATION] = row.start_location, row.end_location
        staff[place, LEAVE], staff[place, FREE_FROM] = leave, max(leave, problem.earliest_start)
        staff[place, SHIFT_END] = row.shift_end
        staff[place, HARD_END] = row.shift_end + row.overtime_limit_seconds
        staff[place, LUNCH_EARLIEST] = 0 if lunch is None else lunch.earliest
        staff[place, LUNCH_LATEST] = -NEVER if lunch is None else lunch.latest
        staff[place, LUNCH_SECONDS] = 0 if lunch is None else lunch.seconds
        staff[place, FIXED_COUNT] = len(row.fixed)
        staff[place, HOURLY], staff[place, SHIFT_PRICE] = row.hourly_price, row.shift_price
        staff[place, LONGEST] = NEVER if row.longest_seconds is None else row.longest_seconds
        staff[place, TIMED] = bool(
            row.hourly_price
            or row.longest_seconds is not None
            or (by_slices and problem.policy.fairness_weight)
        )
    return staff


def _name_twins(model: Model) -> None:
    """Only who has no fixed stop and no absence has twins: they are known by equal rows everywhere."""
    numbers: dict[bytes, int] = {}
    staff = model.staff
    for place in range(len(staff)):
        own = staff[place].copy()
        own[[ABSENCE_FIRST, ABSENCE_AFTER]] = 0
        name = own.tobytes() + model.pairs[:, :, place].tobytes()
        if staff[place, FIXED_COUNT] or staff[place, ABSENCE_FIRST] < staff[place, ABSENCE_AFTER]:
            name = place.to_bytes(8, "big")
        staff[place, TWIN] = numbers.setdefault(name, len(numbers))


def _work(problem: Problem, jobs: tuple[tuple[int, int], ...]) -> Ints:
    work = np.zeros((len(jobs) + len(problem.depots), NEED), np.int64)
    work[:, DUE], work[:, PLANNED_START], work[:, LAST_START] = NEVER, -NEVER, NEVER - 1
    work[:, SEATS], work[:, AGREED_FIRST], work[:, AGREED_LAST] = 1, -NEVER, NEVER
    linked = {key for row in problem.dependencies for key in (row.first, row.second)}
    for job, (place, seat) in enumerate(jobs):
        row = problem.visits[place]
        work[job, LOCATION], work[job, SERVICE] = row.location, row.service_seconds
        work[job, LAST_START] = max(window.end for window in _windows(row))
        work[job, LEAD] = place
        if seat:
            work[place, SEATS] += 1
            work[place, SEAT_FIRST] = work[place, SEAT_FIRST] or job
            work[[place, job], LINKED] = 1
            continue
        work[job, LINKED] = row.key in linked
        work[job, DUE] = NEVER if row.due is None else row.due
        work[job, LATENESS_WEIGHT] = row.lateness_weight
        work[job, PENALTY] = penalty(problem, row) + (PINNED_EXTRA if row.pin else 0)
        if row.planned is not None:
            work[job, PLANNED_START] = row.planned.start
    for job, depot in enumerate(problem.depots, len(jobs)):
        work[job, LOCATION], work[job, SERVICE] = depot.location, depot.service_seconds
        work[job, LEAD] = -1
    return work


def _enter_worth(
    problem: Problem, model: Model, jobs: tuple[tuple[int, int], ...], visits: Mapping[str, int]
) -> None:
    """The penalties of a visit and of all that wait for it and can be served at all."""
    facts = {key for row in problem.technicians for key in row.fixed}
    barred = {
        problem.visits[jobs[job][0]].key for job in np.flatnonzero((model.pairs[TERMS] < 0).all(axis=1))
    }
    behind: dict[str, set[str]] = {row.key: set() for row in problem.visits}
    for row in problem.dependencies:
        if row.second not in facts | barred:
            behind[row.first].add(row.second)
    model.work[:, WORTH] = model.work[:, PENALTY]
    for key, place in visits.items():
        found, new = behind[key], behind[key]
        while new:
            new = set().union(*(behind[other] for other in new)) - found
            found = found | new
        model.work[place, WORTH] += model.work[[visits[other] for other in sorted(found)], PENALTY].sum()


def penalty(problem: Problem, visit: Visit) -> int:
    """What it costs to leave the visit out."""
    return visit.unassigned_penalty + visit.customer_value * problem.policy.customer_value_weight


def _hold(
    problem: Problem, work: Ints, jobs: tuple[tuple[int, int], ...], *, technicians: Mapping[str, int]
) -> None:
    """Enter the start of what has begun, and whose route must not start which visit before when."""
    work[:, BEGUN_START], work[:, HOLD_TECHNICIAN], work[:, HOLD] = -NEVER, -1, -NEVER
    seats = {(problem.visits[place].key, seat): job for job, (place, seat) in enumerate(jobs)}
    for (name, key), seat in head_seats(problem).items():
        job = seats[key, seat]
        planned = problem.visits[jobs[job][0]].planned
        if planned is not None:
            work[job, HOLD_TECHNICIAN], work[job, HOLD] = technicians[name], planned.start
            if planned.start <= problem.earliest_start:
                work[job, BEGUN_START] = planned.start
    if not problem.policy.hold_planned_starts:
        return
    for job, visit in enumerate(problem.visits):
        if visit.planned is not None and work[job, HOLD_TECHNICIAN] < 0:
            work[job, HOLD_TECHNICIAN] = technicians.get(visit.planned.technician, -1)
            work[job, HOLD] = visit.planned.start - problem.policy.start_tolerance_seconds


def _links(problem: Problem, visits: Mapping[str, int]) -> Ints:
    rows = [
        (
            visits[row.first],
            visits[row.second],
            row.gap_seconds,
            NEVER if row.longest_gap_seconds is None else row.longest_gap_seconds,
            row.same_day,
        )
        for row in problem.dependencies
    ]
    return _ints(rows).reshape(-1, 5)
