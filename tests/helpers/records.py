"""Runs and promotion decisions, of which a test names what it is about."""

from datetime import date, datetime
from typing import Any

from db import PromotionRecord, RunRecord


def make_run(run_id: str, as_of: date, issued_at: datetime, **facts: Any) -> RunRecord:
    """Make a run of model `m` and the source `sample`, unless other facts are given."""
    return RunRecord(
        **{
            "run_id": run_id,
            "source": "sample",
            "as_of": as_of,
            "model_version": "m",
            "seed": 7,
            "settings": "{}",
            "data_fingerprint": "f",
            "code_version": "0.2.0",
            "library_versions": "{}",
            "flow_run_id": None,
            "issued_at": issued_at,
            **facts,
        }
    )


def make_promotion(as_of: date, decided_at: datetime, challenger: str) -> PromotionRecord:
    """Make the decision that promotes the first model."""
    return PromotionRecord(
        decision_id="d1",
        source="sample",
        as_of=as_of,
        challenger=challenger,
        champion=None,
        decided_at=decided_at,
        promoted=True,
        reason="Promoted: no model served.",
        challenger_crps=0.98,
        champion_crps=None,
        reference_crps=0.01,
        difference=-0.02,
        lower=-0.03,
        upper=-0.01,
        tolerance=0.005,
        dates=20,
        forecasts=100,
    )
