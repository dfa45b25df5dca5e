"""Freed memory: kept for the next tensor on a CPU, and handed back where no tensor was."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # names of glibc's mallopt
_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have glibc keep what a tensor frees, up to 2 GiB, rather than hand it back to the kernel.

    By default each large tensor is its own mapping: made, faulted in page by page and unmapped in every step, which
    can cost as much as the arithmetic. A setting of the whole process; nothing happens where there is no glibc.
    Returns whether it is set.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _LARGEST))


def return_freed_memory() -> bool:
    """Hand back to the kernel what is free now, as after a million images have been listed, in pieces too small for
    tensors. Returns whether that is done."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    if trim is None:
        return False
    trim(0)
    return True
