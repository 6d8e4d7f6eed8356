"""Kernels: how the numba functions of this room are compiled, and where what was compiled is kept."""

import hashlib
import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import cast

import numba
import numpy as np
from numba import njit

HERE = Path(__file__).parent
KEPT_SECONDS = 3 * 86_400
"""A process of another version may still run."""


def _cache() -> Path:
    """A folder for exactly this source of all kernels.

    Numba asks only whether a function's own file has changed, not those that are compiled into it: after an
    update it would run old code, or fail on it. What other sources left is removed after some days.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    sources = sorted(HERE.glob("*.py"))
    digest = hashlib.sha256(numba.__version__.encode() + b"".join(each.read_bytes() for each in sources))
    for root in (HERE / "__pycache__", Path.home() / ".cache" / "fieldgraph"):
        folder = root / f"kernels-{digest.hexdigest()[:16]}"
        if not _can_write(folder):
            continue  # an installation that only reads
        for other in root.glob("kernels-*"):
            if other != folder and time.time() - other.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="fieldgraph-kernels-"))  # this process's own


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


CACHE = _cache()
COMPLETE = CACHE / "complete"
"""A file that says that all kernels have been compiled."""
numba.config.CACHE_DIR = str(CACHE)  # type: ignore[attr-defined]  # made at run time

_options = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}

entry = partial(njit, **_options, nogil=True, _nrt=False)
"""For functions that Python calls too: they let other threads run beside them. They make no arrays (what
they call may, but never hands one back to them), and count no references of those handed to them: at each
call that would take longer than what most of them do (2,800 changes in 10 s instead of 28,800)."""

entry_making = partial(njit, **_options, nogil=True, _nrt=True)
"""For those of them that make arrays."""

making = partial(njit, **_options, no_cpython_wrapper=True, _nrt=True)
"""For functions that only other kernels call (without a way in from Python they compile faster) and that
make arrays."""

kernel = partial(njit, **_options, no_cpython_wrapper=True, _nrt=False)
"""For those that make none, and count nothing."""

leaf = partial(njit, **_options, no_cpython_wrapper=True, _nrt=False, forceinline=True)
"""For those in the innermost loops: put into their callers, whatever LLVM thinks (91,000 changes)."""

ZERO, ONE, NONE = (cast("int", np.int64(number)) for number in (0, 1, -1))
"""What kernels hand to kernels instead of the literals, for each of which numba would compile them anew."""
