"""The walk that a young store learns its first calibration from."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import AS_OF, make_returns, prepare_all, scale_after

from forecasting.backtesting.walk_forward import IN_TURN, Execution
from forecasting.backtesting.warm_start import WarmStart, walk_before
from forecasting.calibration import learn_calibration
from forecasting.config import CalibrationConfig, ModelConfig, SimulationConfig, WarmStartConfig
from forecasting.features.returns import DailyReturns
from forecasting.prices.history import PriceHistory
from forecasting.tables import BAND_SCORES

SHORT = WarmStartConfig(sessions=60, every=10, fewest_fitted=250)
CUT = date(2024, 4, 30)


@pytest.fixture(scope="module")
def start(tiny_config: ModelConfig, tiny_simulation: SimulationConfig) -> "partial[WarmStart]":
    """A warm start of six origins; the universe and the session are left open."""
    return partial(
        walk_before,
        model=tiny_config,
        simulation=tiny_simulation,
        calibration=CalibrationConfig(prior_blocks=1),
        config=SHORT,
        execution=IN_TURN,
    )


@pytest.fixture(scope="module")
def shares(universe: Sequence[DailyReturns]) -> list[DailyReturns]:
    """Without the currency pair, whose calendar is another."""
    return [returns for returns in universe if returns.ticker != "COIN"]


@pytest.fixture(scope="module")
def reported() -> list[tuple[int, int]]:
    """The progress that `warm` reports."""
    return []


@pytest.fixture(scope="module")
def warm(
    start: "partial[WarmStart]", shares: Sequence[DailyReturns], reported: list[tuple[int, int]]
) -> WarmStart:
    return start(shares, AS_OF, execution=Execution(lambda done, total: reported.append((done, total))))


def test_a_warm_start_walks_up_to_the_session_and_scores_what_has_closed(
    warm: WarmStart, shares: Sequence[DailyReturns]
) -> None:
    scores = BAND_SCORES.check(warm.scores)
    assert (warm.left_out, warm.reason) == ({}, "")
    assert set(scores["kind"]) == {"walk_forward"}
    assert set(scores["ticker"]) == {"OLD", "NEW"}
    assert set(scores["band"]) == {"calibrated", "predictive", "mc_dropout", "random_walk"}
    assert scores["as_of"].nunique() == 6
    assert scores["as_of"].max() < AS_OF
    assert scores["target_session"].max() <= AS_OF
    first = scores[scores["as_of"] == scores["as_of"].min()]
    assert sorted(first["horizon"].unique()) == [1, 2, 3, 4, 5]
    row = first[(first["ticker"] == "NEW") & (first["horizon"] == 3)].iloc[0]
    expected = shares[1].realised(row["as_of"], [row["target_session"]])
    assert row["actual_log_return"] == expected[0]


def test_a_warm_start_calibrates_on_the_way(warm: WarmStart) -> None:
    nearest = warm.scores[warm.scores["horizon"] == 1]
    edges = nearest.pivot(index=["as_of", "ticker"], columns="band", values="upper")  # noqa: PD010  refuses doubles
    moved = (edges["calibrated"] / edges["predictive"] - 1).abs().groupby("as_of").max()
    assert moved.iloc[0] == 0  # nothing has closed
    assert (moved.iloc[1:] > 1e-3).all()


def test_a_warm_start_learns_at_each_origin_from_what_has_closed_there(warm: WarmStart) -> None:
    scores = warm.scores
    origin = sorted(scores["as_of"].unique())[-1]
    closed = scores[scores["target_session"] <= origin]
    predictive, calibrated = (closed[closed["band"] == band] for band in ("predictive", "calibrated"))
    keys = ["ticker", "as_of", "horizon"]
    rows = predictive.rename(columns={"actual_log_return": "actual"}).merge(
        calibrated[[*keys, "lower", "upper"]].rename(
            columns={"lower": "calibrated_lower", "upper": "calibrated_upper"}
        ),
        on=keys,
    )
    learned = learn_calibration(rows, 0.05, CalibrationConfig(prior_blocks=1))
    last = scores[(scores["as_of"] == origin) & (scores["ticker"] == "OLD") & (scores["horizon"] == 1)]
    bands = last.set_index("band")
    predicted = bands.loc["predictive", ["lower", "median", "upper"]].to_numpy(np.float64)[None]
    expected = learned.apply("OLD", bands["regime"].iloc[0], predicted, levels=(0.05, 0.5, 0.95))
    found = bands.loc["calibrated", ["lower", "median", "upper"]].to_numpy(np.float64)
    np.testing.assert_allclose(found, expected[0], rtol=1e-9)


@pytest.mark.usefixtures("warm")
def test_progress_is_reported_origin_by_origin(reported: list[tuple[int, int]]) -> None:
    assert reported == [(step, 6) for step in range(1, 7)]


def test_a_warm_start_does_not_depend_on_later_prices(
    start: "partial[WarmStart]", histories: Sequence[PriceHistory]
) -> None:
    shares = [history for history in histories if history.ticker != "COIN"]
    futures = [
        shares,
        [scale_after(history, CUT, 0.1) for history in shares],
        [history.until(CUT) for history in shares],
    ]
    found = [start(prepare_all(future), CUT).scores for future in futures]
    assert len(found[0]) > 0
    for other in found[1:]:
        pd.testing.assert_frame_equal(found[0], other)


@pytest.mark.parametrize("sessions", [0, 150])
def test_too_short_a_history_gives_no_warm_start_and_the_reason(
    start: "partial[WarmStart]", shares: Sequence[DailyReturns], sessions: int
) -> None:
    first = shares[0].session[sessions].item() if sessions else date(2000, 1, 3)
    for universe in ([returns.until(first) for returns in shares], []):
        nothing = start(universe, AS_OF)
        assert BAND_SCORES.check(nothing.scores).empty
        assert nothing.reason == "no more than 250 sessions of history"


def test_a_model_that_cannot_be_fitted_is_the_reason(
    start: "partial[WarmStart]", shares: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    training = tiny_config.training.model_copy(update={"lookback": 400})
    nothing = start(shares, AS_OF, model=tiny_config.model_copy(update={"training": training}))
    assert nothing.scores.empty
    assert nothing.reason.startswith("Expected at least one ticker with enough history")


def test_a_ticker_that_no_origin_could_forecast_is_named(
    start: "partial[WarmStart]", shares: Sequence[DailyReturns]
) -> None:
    halted = replace(shares[0].until(date(2023, 12, 1)), ticker="HALTED")
    unlisted = replace(make_returns("LATER", 30, seed=4).until(date(2000, 1, 3)), ticker="LATER")
    warm = start([*shares, halted, unlisted], AS_OF)
    assert set(warm.scores["ticker"]) == {"OLD", "NEW"}
    assert warm.left_out.keys() == {"HALTED", "LATER"}
    assert "found the last at 2023-12-01" in warm.left_out["HALTED"]
    assert "found 0" in warm.left_out["LATER"]


def test_only_so_many_tickers_are_walked(start: "partial[WarmStart]", shares: Sequence[DailyReturns]) -> None:
    old = next(returns for returns in shares if returns.ticker == "OLD")
    twins = [old, replace(old, ticker="TWIN")]
    config = SHORT.model_copy(update={"tickers": 1, "sessions": 20})
    walked = set(start(twins, AS_OF, config=config).scores["ticker"])
    assert len(walked) == 1
    assert set(start(twins, AS_OF, config=config).scores["ticker"]) == walked
