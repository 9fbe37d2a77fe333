"""Stored models that somebody has changed: the bytes alone, or under a version that names the new bytes."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import load, save

from db import ModelRecord
from forecasting.model.artifact import digest_model

Arrays = dict[str, torch.Tensor]
Change = Callable[[ModelRecord], ModelRecord]


@dataclass(frozen=True)
class Tampering:
    """One kind of change.

    Attributes:
        change: Of the champion's record; None deletes it.
        reason: Text in the log that says why it does not serve; empty where no row is left to be named.
    """

    change: Change | None
    reason: str = ""


def sign(record: ModelRecord) -> ModelRecord:
    """The record under the version that names its contents."""
    digest = digest_model(record.weights, record.config)
    return replace(record, version=f"{record.trained_through}-{digest}")


def change_arrays(change: Callable[[Arrays], Arrays]) -> Change:
    """Change arrays and sign."""
    return lambda record: sign(replace(record, weights=save(change(load(record.weights)))))


def change_manifest(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Change the manifest and sign."""
    return lambda record: sign(replace(record, config=json.dumps(change(json.loads(record.config)))))


def scale(names: str, factor: float) -> Change:
    """Multiply the arrays whose names begin so, and sign."""
    return change_arrays(
        lambda arrays: {
            name: value * factor if name.startswith(names) else value for name, value in arrays.items()
        }
    )


def flip(record: ModelRecord) -> ModelRecord:
    """Flip a bit of the last weight."""
    weights = bytearray(record.weights)
    weights[-1] ^= 1
    return replace(record, weights=bytes(weights))


def scale_unsigned(record: ModelRecord) -> ModelRecord:
    """Multiply the regression's quantiles in the stored bytes, under the old version."""
    return replace(scale("har.quantiles", 100)(record), version=record.version)


def swap(record: ModelRecord) -> ModelRecord:
    """Put the bytes of another model under the old version."""
    return replace(scale("network.", 1.5)(record), version=record.version)


def cut_horizons(arrays: Arrays) -> Arrays:
    names = ("har.coefficients", "har.quantiles", "har.bounds")
    return arrays | {name: arrays[name][:2].clone() for name in names}


def reverse_quantiles(arrays: Arrays) -> Arrays:
    return arrays | {"har.quantiles": arrays["har.quantiles"].flip(1).contiguous() * 3}


NAN = float("nan")
DIGEST, FINITE, FIT = "found others (digest", "finite numbers in", "to fit the network of this release"
WIDTH = "times the random walk's width"
MODEL_KINDS: dict[str, Tampering] = {
    "bytes cut off": Tampering(lambda row: replace(row, weights=row.weights[:-100]), reason=FIT),
    "a bit flipped": Tampering(flip, reason=DIGEST),
    "bytes empty": Tampering(lambda row: replace(row, weights=b""), reason=FIT),
    "a pickle": Tampering(lambda row: replace(row, weights=pickle.dumps({"weights": 1})), reason=FIT),
    "another model's bytes": Tampering(swap, reason=DIGEST),
    "quantiles times 100": Tampering(scale_unsigned, reason=DIGEST),
    "manifest edited": Tampering(
        lambda row: replace(
            row, config=row.config.replace('"correction_tickers":100', '"correction_tickers":1')
        ),
        reason=DIGEST,
    ),
    "manifest broken": Tampering(lambda row: replace(row, config=row.config[:50]), reason=FIT),
    "weights NaN, signed": Tampering(scale("network.", NAN), reason=FINITE),
    "noise NaN, signed": Tampering(scale("noise.rows", NAN), reason=FINITE),
    "market NaN, signed": Tampering(scale("market", NAN), reason=FINITE),
    "quantiles times 100, signed": Tampering(scale("har.quantiles", 100), reason=WIDTH),
    "quantiles over 100, signed": Tampering(scale("har.quantiles", 0.01), reason=WIDTH),
    "quantiles reversed, signed": Tampering(change_arrays(reverse_quantiles), reason="quantiles in order"),
    "fewer horizons, signed": Tampering(change_arrays(cut_horizons), reason="log-HAR model of 5 horizons"),
    "a feature missing, signed": Tampering(
        change_manifest(lambda manifest: manifest | {"features": manifest["features"][:-1]}), reason=FIT
    ),
    "another edition, signed": Tampering(
        change_manifest(lambda manifest: manifest | {"edition": 1}), reason="a model of edition 1"
    ),
    "reference universe without prices, signed": Tampering(
        change_manifest(lambda manifest: manifest | {"reference": ["GONE"]}),
        reason="prices of the reference universe",
    ),
    "status unknown": Tampering(lambda row: replace(row, status="served")),  # type: ignore[arg-type]  # the fault
    "row deleted": Tampering(None),
}
