"""Memory that a fit has freed: the C library keeps it, in pieces into which no large array fits."""

import ctypes
import sys


def return_freed_memory() -> None:
    """Return freed memory to the system, on Linux with glibc; elsewhere the allocator decides.

    The features of 500 tickers lie in blocks of half a megabyte; torch takes new memory beside them for its
    own of ten, also once they are freed.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
