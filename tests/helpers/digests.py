"""Digest of a price history, to compare two of them to the bit."""

import hashlib

import numpy as np

from forecasting.prices.history import PriceHistory


def digest_prices(history: PriceHistory) -> str:
    digest = hashlib.sha256()
    for frame in (history.bars, history.actions):
        digest.update(frame.index.to_numpy("datetime64[D]").tobytes())
        digest.update(np.ascontiguousarray(frame.to_numpy(np.float64)).tobytes())
    return digest.hexdigest()
