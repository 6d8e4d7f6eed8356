"""Kernels: how the numba functions of this room are compiled, and where what was compiled is kept."""

import hashlib
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import cast

import numba
import numpy as np
from numba import njit

HERE = Path(__file__).parent


def _cache() -> Path:
    """A folder for exactly this source of all kernels.

    Numba asks only whether a function's own file has changed, not those that are compiled into it: after an
    update it would run old code, or fail on it. What other sources left is removed.
    """
    sources = sorted(HERE.glob("*.py"))
    digest = hashlib.sha256(numba.__version__.encode() + b"".join(each.read_bytes() for each in sources))
    for root in (HERE / "__pycache__", Path(tempfile.gettempdir()) / "fieldgraph-kernels"):
        folder = root / f"kernels-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue  # an installation that only reads
        for other in root.glob("kernels-*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="fieldgraph-kernels-"))


numba.config.CACHE_DIR = str(_cache())  # type: ignore[attr-defined]  # made at run time

_options = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}

entry = partial(njit, **_options, nogil=True)
"""For functions that Python calls too: they let other threads run beside them."""

making = partial(njit, **_options, no_cpython_wrapper=True)
"""For functions that only other kernels call (without a way in from Python they compile faster) and that
make arrays."""

kernel = partial(njit, **_options, no_cpython_wrapper=True, _nrt=False)
"""For those that make none: they count no references of the arrays handed to them, which at each call would
take longer than what most of them do (2,800 changes in 10 s instead of 28,800)."""

leaf = partial(njit, **_options, no_cpython_wrapper=True, _nrt=False, forceinline=True)
"""For those in the innermost loops: put into their callers, whatever LLVM thinks (91,000 changes)."""

ZERO, ONE, NONE = (cast("int", np.int64(number)) for number in (0, 1, -1))
"""What kernels hand to kernels instead of the literals, for each of which numba would compile them anew."""
