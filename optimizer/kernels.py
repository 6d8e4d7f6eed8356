"""Kernels: how the numba functions of this room are compiled."""

from functools import partial
from typing import cast

import numpy as np
from numba import njit

kernel = partial(
    njit, cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False
)
leaf = partial(
    njit,
    cache=True,
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    _nrt=False,
    forceinline=True,
)
making = partial(njit, cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""For functions that only other kernels call: without a way in from Python they compile faster.

Nothing is forced inline: LLVM works each function out anew for all its callers, and forcing doubled and
trebled what it had to do (40 s for the cheapest insertion instead of 14 s)."""

entry = partial(njit, cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True)
"""For functions that Python calls too: they let other threads run beside them."""

ZERO, ONE, NONE = (cast("int", np.int64(number)) for number in (0, 1, -1))
"""What kernels hand to kernels instead of the literals, for each of which numba would compile them anew."""
