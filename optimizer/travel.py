"""Travel: how long a way takes when it begins at a given moment, in plain Python."""

from bisect import bisect_right

from optimizer.problem import Problem


def way_seconds(problem: Problem, origin: int, destination: int, *, leave: int) -> int:
    """Seconds of driving from one location to another, leaving at `leave`.

    The way goes on at the pace of each slice that it crosses into: what is left of it, in seconds of the
    slice that ends, is taken to the whole way's seconds there and rounded up at each crossing (Ichoua,
    Gendreau and Potvin 2003). So nobody who leaves later arrives earlier.
    """
    matrix = problem.travel_seconds
    if matrix.ndim == 2:
        return int(matrix[origin, destination])
    begins = problem.travel_slices
    place = max(0, bisect_right(begins, leave) - 1)
    whole = int(matrix[place, origin, destination])
    now, left = leave, whole
    while place + 1 < len(begins) and now + left > begins[place + 1]:
        left -= begins[place + 1] - now
        now = begins[place + 1]
        place += 1
        onward = int(matrix[place, origin, destination])
        # A whole way of 0 s is never left over, so the divisor is positive here.
        left, whole = -(-left * onward // whole), onward
    return now + left - leave


def way_bounds(problem: Problem, origin: int, destination: int) -> tuple[int, int]:
    """The least and the most seconds that the way takes, whenever it begins.

    Rounding up gives a crossing back less than one second of the slice that begins, and at least one second
    is driven there before the next crossing: each lengthens the way by no more than a second.
    """
    matrix = problem.travel_seconds
    if matrix.ndim == 2:
        return int(matrix[origin, destination]), int(matrix[origin, destination])
    found = matrix[:, origin, destination]
    return int(found.min()), int(found.max()) + len(found) - 1
