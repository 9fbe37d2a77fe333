"""Checkpoint of a walk: finished parts survive a kill, and parts of another walk are refused."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from flows.files import atomic, try_lock
from forecasting.backtesting.walk_forward import Issued, Remark
from forecasting.errors import UsageError
from forecasting.model.artifact import Model, load_model

MANIFEST = "manifest.json"
_REMARKS = TypeAdapter(tuple[Remark, ...])


class Checkpoint:
    """Folder of models and finished origins beside the result, one file each, named by session."""

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(out.name + ".parts")

    @contextmanager
    def open(self, manifest: Mapping[str, Any], *, restart: bool) -> Iterator[None]:
        """Make the folder, or continue in it if it belongs to a walk with the same manifest.

        Another process that opens it before the block has ended is refused.

        Raises:
            UsageError: It holds something else, or another process works in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            self._require_alone(descriptor)
            self._prepare(manifest, restart=restart)
            yield
        finally:
            os.close(descriptor)

    def _require_alone(self, descriptor: int) -> None:
        with suppress(OSError):  # file systems that know no such locks
            if not try_lock(descriptor):
                raise UsageError(
                    f"Expected no other backtest that writes to {self.path}, found one; "
                    "wait for it, or give another --out."
                )

    def _prepare(self, manifest: Mapping[str, Any], *, restart: bool) -> None:
        wanted = json.loads(json.dumps(manifest))
        kept = self.path / MANIFEST
        if not kept.exists() and any(self.path.iterdir()):
            raise UsageError(
                f"Expected {self.path} to be a backtest's, found other files; give another --out."
            )
        for left in self.path.glob("*" if restart else ".*"):  # a killed process left the latter
            left.unlink()
        if kept.exists():
            self._require_same(json.loads(kept.read_text()), wanted)
            return
        with atomic(kept) as path:
            path.write_text(json.dumps(wanted, indent=1))

    def _require_same(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        differing = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
        if differing:
            raise UsageError(
                f"Expected {self.path} to hold this very walk, found another "
                f"({', '.join(differing)} differ); give another --out, or --restart to begin anew."
            )

    def has_fit(self, fit: date) -> bool:
        """Return whether the model of this session is saved; its last file counts."""
        return self._file(fit, "model.json").exists()

    def save_fit(self, fit: date, model: Model) -> None:
        """Save a fitted model."""
        with atomic(self._file(fit, "model.safetensors")) as path:
            path.write_bytes(model.weights())
        with atomic(self._file(fit, "model.json")) as path:
            path.write_text(model.manifest.model_dump_json())

    def load_fit(self, fit: date) -> Model:
        """Load a fitted model: a resumed walk and an undisturbed one use the same bits."""
        weights = self._file(fit, "model.safetensors").read_bytes()
        return load_model(fit.isoformat(), weights, self._file(fit, "model.json").read_text())

    def has_part(self, origin: date) -> bool:
        """Return whether an origin is finished."""
        return self._file(origin, "npz").exists()

    def save_part(self, issued: Issued) -> None:
        """Save a finished origin."""
        arrays = {f"method.{name}": values for name, values in issued.quantiles.items()}
        with atomic(self._file(issued.origin, "npz")) as path, path.open("wb") as stream:
            np.savez(
                stream,
                horizons=np.array(issued.horizons),
                levels=np.array(issued.levels),
                tickers=np.array(issued.tickers, str),
                regimes=np.array(issued.regimes, str),
                targets=np.array(issued.targets, "datetime64[D]"),
                reports_ahead=np.array(issued.reports_ahead, np.int64),
                remarks=np.array(_REMARKS.dump_json(issued.remarks).decode()),
                **arrays,  # type: ignore[arg-type]  # the stub takes the names for allow_pickle
            )

    def load_part(self, origin: date) -> Issued:
        """Load a finished origin."""
        with np.load(self._file(origin, "npz"), allow_pickle=False) as arrays:
            return Issued(
                origin=origin,
                horizons=tuple(arrays["horizons"].tolist()),
                levels=tuple(arrays["levels"].tolist()),
                tickers=tuple(map(str, arrays["tickers"])),
                regimes=tuple(map(str, arrays["regimes"])),
                targets=tuple(tuple(row) for row in arrays["targets"].tolist()),
                quantiles={
                    name.removeprefix("method."): arrays[name]
                    for name in arrays.files
                    if name.startswith("method.")
                },
                remarks=_REMARKS.validate_json(str(arrays["remarks"])),
                reports_ahead=tuple(tuple(row) for row in arrays["reports_ahead"].tolist()),
            )

    def _file(self, day: date, kind: str) -> Path:
        return self.path / f"{day.isoformat()}.{kind}"
