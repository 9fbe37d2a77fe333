"""Random streams keyed by what they are for, and the bounds that keep every simulated path finite."""

import hashlib
from datetime import date

import numpy as np

LARGEST_STEP = 1.0  # log return of one session, a factor of e: no path may leave the floats
LARGEST_RESIDUAL = 20.0  # one halted ticker that jumps must not put a crash into every ticker's residuals


def open_stream(seed: int, as_of: date, ticker: str) -> np.random.Generator:
    """Return the stream of one ticker's forecast: the same whoever else is in the run."""
    key = hashlib.sha256(f"{seed}|{as_of.isoformat()}|{ticker}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "big")))
