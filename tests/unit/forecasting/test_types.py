"""The closed vocabularies: words that the database, the forms and the command line share."""

from typing import Any, Literal, get_origin

import pytest

from forecasting import types
from forecasting.types import REGIMES, values

# They are stored, filtered by and typed: a new word is an addition, never a change.
WORDS = {
    "ActionKind": ("split", "dividend"),
    "Band": ("mc_dropout", "predictive", "calibrated", "random_walk"),
    "ChangeKind": ("closure", "opening"),
    "ChangeOrigin": ("found", "setting"),
    "CatchUp": ("off", "report", "fill"),
    "ModelStatus": ("candidate", "champion", "retired", "refused", "baseline"),
    "OutcomeKind": ("live", "backfill", "walk_forward"),
    "PathStatistic": ("touch", "drawdown"),
    "PriceBasis": ("split_adjusted", "total_return"),
    "Quality": ("champion", "previous", "baseline"),
    "Regime": ("calm", "normal", "stress"),
    "ReportOrigin": ("file", "sample", "page", "events"),
    "ReportStatus": ("reported", "announced", "projected"),
    "ReportTime": ("before_open", "after_close", "unknown"),
    "Retrain": ("auto", "always", "never"),
    "RunKind": ("live", "backfill"),
    "SourceKind": ("yahoo", "csv", "sample"),
    "Weighting": ("linear", "exponential", "none"),
}
VOCABULARIES = {
    name: vocabulary for name, vocabulary in vars(types).items() if get_origin(vocabulary) is Literal
}


def test_the_words_of_users_have_not_changed() -> None:
    assert {name: values(vocabulary) for name, vocabulary in VOCABULARIES.items()} == WORDS


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=VOCABULARIES)
def test_words_are_plain_and_occur_once(vocabulary: Any) -> None:
    words = values(vocabulary)
    assert len(set(words)) == len(words) >= 2
    assert all(word.isidentifier() and word == word.lower() for word in words)


def test_what_a_run_issues_is_what_an_outcome_may_be_of() -> None:
    assert set(values(types.RunKind)) < set(values(types.OutcomeKind))


def test_regimes_are_in_the_order_of_stress() -> None:
    assert values(types.Regime) == REGIMES
