"""Earnings reports: by hand, against a twin that loops over sessions, and without knowledge of the future."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import AS_OF, make_actions, make_history

from forecasting.calendars.reports import EarningsDates, Report
from forecasting.calendars.sessions import next_sessions, sessions_between
from forecasting.config import LONGEST_HORIZON
from forecasting.features.lookback import WARM_UP, WINDOW, Lookback
from forecasting.features.preparation import prepare_returns
from forecasting.features.registry import FEATURES, select_features
from forecasting.features.report_days import REACH
from forecasting.features.reports import PRIOR_SIZE, Reports, expect_size, pool_report_size
from forecasting.features.returns import DailyReturns
from forecasting.model.dataset import TickerFeatures, build_ticker_features
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats, ReportTime

SESSIONS = np.array(sessions_between("XNYS", date(2020, 1, 2), AS_OF))
FOLLOWING = next_sessions("XNYS", AS_OF, REACH)
MARKET = pd.Series(dtype=float, index=pd.DatetimeIndex([]))
GIVEN = tuple(name for name in FEATURES if FEATURES[name].dates == "given")


def make_dated_history(seed: int = 5) -> PriceHistory:
    """Synthetic bars on New York's sessions, with a jump in a crowd two sessions in three reports."""
    history = make_history("ACME", len(SESSIONS), seed=seed)
    bars = history.bars.set_axis(pd.DatetimeIndex(SESSIONS), axis=0)
    bars["volume"] = 1e6 * np.exp(np.random.default_rng(3).normal(0, 0.3, len(bars)))
    for number, report in enumerate(make_dates().reports):
        session = find_session(report.day) + (number % 3 > 0)
        if session < len(bars):
            bars.iloc[session:, :4] *= np.exp(0.06 * (-1) ** number)
            bars.iloc[session, 4] *= 4
    return PriceHistory("ACME", bars.rename_axis(history.bars.index.name), make_actions())


def make_dates(when: ReportTime = "unknown", known_since: date | None = None) -> EarningsDates:
    """A report every quarter from 2020 on, of which one was a Saturday's; the last one lies ahead."""
    days = [date(2020, 2, 5) + timedelta(days=91 * number) for number in range(18)]
    days[5] += timedelta(days=3)
    return EarningsDates(tuple(Report(day, when, known_since) for day in [*days, date(2024, 6, 20)]))


def prepare(dates: EarningsDates, history: PriceHistory | None = None) -> DailyReturns:
    return prepare_returns(history or make_dated_history(), "split_adjusted", dates)


def find_session(day: date) -> int:
    """Position of the session on or after a day."""
    return int(np.searchsorted(SESSIONS, np.datetime64(day)))


def find_reports(returns: DailyReturns) -> Reports:
    assert returns.reports is not None
    return returns.reports


def build(returns: DailyReturns, names: Sequence[str] = GIVEN) -> TickerFeatures:
    return build_ticker_features(returns, MARKET, names, lookback=20)


@pytest.fixture(scope="module")
def returns() -> DailyReturns:
    return prepare(make_dates())


# --- by hand


@pytest.mark.parametrize(("when", "reacting"), [("before_open", 0), ("after_close", 1)])
def test_the_time_of_day_decides_which_session_reacts(when: ReportTime, reacting: int) -> None:
    reports = find_reports(prepare(EarningsDates((Report(date(2024, 2, 1), when),))))
    session = find_session(date(2024, 2, 1)) + reacting
    assert np.flatnonzero(reports.weight).tolist() == [session]
    assert reports.weight[session] == 1
    assert reports.ahead[session - 1, 0] == reports.ahead[session - 5, 4] == 1


@pytest.mark.parametrize("when", ["before_open", "after_close", "unknown"])
def test_a_report_of_a_saturday_moves_the_next_session_alone(when: ReportTime) -> None:
    reports = find_reports(prepare(EarningsDates((Report(date(2024, 2, 3), when),))))
    assert np.flatnonzero(reports.weight).tolist() == [find_session(date(2024, 2, 5))]


def test_a_report_of_unknown_time_is_spread_half_and_half_before_anything_is_learned() -> None:
    reports = find_reports(prepare(EarningsDates((Report(date(2024, 2, 1)),))))
    session = find_session(date(2024, 2, 1))
    assert reports.weight[session : session + 2].tolist() == [0.5, 0.5]


def test_reports_that_moved_the_next_session_eight_times_leave_their_own_day_nothing() -> None:
    history, dates = make_history("ACME", len(SESSIONS), seed=1), make_dates()
    bars = history.bars.set_axis(pd.DatetimeIndex(SESSIONS), axis=0)
    for report in dates.reports[:-1]:
        following = find_session(report.day) + 1
        bars.iloc[following:, :4] *= 1.3
        bars.iloc[following, 4] *= 50
    reports = find_reports(prepare(dates, PriceHistory("ACME", bars, make_actions())))
    last = find_session(dates.reports[-2].day)
    assert reports.weight[last : last + 2].tolist() == pytest.approx([0.0, 1.0], abs=1e-12)


def test_an_expected_size_is_that_of_the_pool_until_a_ticker_has_reports() -> None:
    size = np.array([np.nan, 13.0, np.nan, 3.0])
    reports = Reports(np.zeros(4), np.zeros((4, LONGEST_HORIZON)), size, np.array([True, True, False, True]))
    assert expect_size(reports, 7.0).tolist() == pytest.approx(
        [7.0, (28 + 13) / 5, np.nan, (28 + 16) / 6], nan_ok=True
    )
    assert pool_report_size([reports, reports]) == pytest.approx((50 * 7 + 2 * 16) / 54)
    assert pool_report_size([]) == PRIOR_SIZE


def test_the_size_of_a_report_is_its_squared_move_in_ordinary_deviations() -> None:
    history = make_history("ACME", len(SESSIONS), seed=1)
    bars = history.bars.set_axis(pd.DatetimeIndex(SESSIONS), axis=0)
    returns = prepare(EarningsDates((Report(date(2024, 2, 1), "before_open"),)), replace(history, bars=bars))
    session = find_session(date(2024, 2, 1))
    before = returns.log_return[session - WARM_UP : session]
    variance = np.average(before**2, weights=0.94 ** np.arange(WARM_UP - 1, -1, -1.0))
    sizes = find_reports(returns).size
    assert np.flatnonzero(np.isfinite(sizes)).tolist() == [session]
    assert sizes[session] == pytest.approx(min(returns.log_return[session] ** 2 / variance, 60))


def test_a_date_counts_from_ten_sessions_before_and_the_projection_before_that() -> None:
    first, second = date(2023, 2, 2), date(2024, 2, 7)  # 364 days later would be 1 February
    reports = find_reports(
        prepare(EarningsDates((Report(first, "before_open"), Report(second, "before_open"))))
    )
    session = find_session(second)
    projected = find_session(date(2024, 2, 1))
    assert reports.ahead[session - 10].tolist() == [0.0] * 9 + [1.0] + [0.0] * 20
    early = reports.ahead[session - 11]
    assert early.sum() == pytest.approx(1)
    assert int(early.argmax()) == projected - (session - 11) - 1
    assert np.flatnonzero(early).tolist() == list(range(int(early.argmax()) - 3, int(early.argmax()) + 4))


def test_a_stated_announcement_counts_from_its_day_on() -> None:
    day, known = date(2024, 2, 7), date(2024, 1, 16)
    reports = find_reports(prepare(EarningsDates((Report(day, "before_open", known),))))
    aware = reports.ahead.sum(axis=1) > 0
    assert SESSIONS[aware].min() == known
    assert SESSIONS[aware].max() < day


def test_a_report_learned_after_the_fact_weighs_nothing() -> None:
    reports = find_reports(
        prepare(EarningsDates((Report(date(2024, 2, 7), "before_open", date(2024, 3, 1)),)))
    )
    assert not reports.weight.any()
    assert np.isnan(reports.size).all()


def test_dates_of_more_than_a_year_ago_do_not_show_that_dates_are_known() -> None:
    reports = find_reports(prepare(EarningsDates((Report(date(2022, 2, 2)),))))
    dated = SESSIONS[reports.dated]
    assert dated.max() - date(2022, 2, 2) <= timedelta(days=371)
    assert np.isnan(expect_size(reports, 7.0)[~reports.dated]).all()


# --- against a twin


class Twin:
    """The expectations of one session, computed report by report."""

    def __init__(self, returns: DailyReturns, dates: EarningsDates) -> None:
        self.days = [*SESSIONS.tolist(), *FOLLOWING]
        self.reports = dates.reports
        self.returns = pd.Series(returns.log_return)
        self.volume = pd.Series(make_dated_history().bars["volume"].to_numpy())
        firsts = [self.first(report.day) for report in self.reports if report.day in self.days]
        self.moved = {
            first: self.score(first, first) > self.score(first + 1, first)
            for first in firsts
            if 0 < first < len(SESSIONS) - 1
        }

    def first(self, day: date) -> int:
        return bisect_left(self.days, day)

    def known(self, report: Report) -> int:
        return max(self.first(report.day) - 10, 0)

    def share(self, report: Report, session: int) -> float:
        """Share of a report that its own day reacts with, as known at a session."""
        if report.day not in self.days:
            return 1.0
        newest = [moved for first, moved in self.moved.items() if first + 1 <= session][-8:]
        share = (1 + sum(newest)) / (2 + len(newest))
        return float(np.clip(1.6 * (share - 0.5) + 0.5, 0, 1))

    def score(self, session: int, reported: int) -> float:
        weights = 0.94 ** np.arange(WARM_UP - 1, -1, -1.0)
        past = (self.returns**2).iloc[max(reported - WARM_UP, 0) : reported].to_numpy()
        if len(past) < WARM_UP or np.isnan(past).any():
            return float("nan")
        median = self.volume.iloc[session - 60 : session].median()
        crowd = np.log(self.volume.iloc[session] / median)
        volatility = np.sqrt(np.average(past, weights=weights))
        return float(abs(self.returns.iloc[session]) / volatility + 1.5 * crowd)

    def expect(self, session: int) -> Iterator[tuple[int, float]]:
        """Yield sessions ahead and what is expected of them."""
        for report in self.reports:
            share = self.share(report, session)
            if self.known(report) <= session:
                yield self.first(report.day), share
                yield self.first(report.day) + 1, 1 - share
            projected = report.day + timedelta(days=364)
            rivals = [other for other in self.reports if abs((other.day - projected).days) <= 45]
            is_open = all(self.known(other) > session for other in rivals)
            if self.known(report) <= session and is_open:
                for early in range(-3, 4):
                    mass = (4 - abs(early)) / 16
                    yield self.first(projected) + early, mass * share
                    yield self.first(projected) + early + 1, mass * (1 - share)

    def ahead(self, session: int) -> Floats:
        expected = np.zeros(LONGEST_HORIZON)
        for target, mass in self.expect(session):
            if session < target <= session + LONGEST_HORIZON:
                expected[target - session - 1] += mass
        return expected.clip(max=1.0)

    def weight(self, session: int) -> float:
        total = 0.0
        for report in self.reports:
            first = self.first(report.day)
            share = self.share(report, first - 1)
            total += share if session == first else (1 - share if session == first + 1 else 0.0)
        return total


@pytest.fixture(scope="module")
def twin(returns: DailyReturns) -> Twin:
    return Twin(returns, make_dates())


@pytest.mark.parametrize("session", [*range(800, len(SESSIONS), 29), len(SESSIONS) - 1])
def test_what_is_expected_ahead_equals_its_twin(session: int, twin: Twin, returns: DailyReturns) -> None:
    reports = find_reports(returns)
    np.testing.assert_allclose(reports.ahead[session], twin.ahead(session), atol=1e-12)
    assert reports.weight[session] == pytest.approx(twin.weight(session))


def log_ratio(variance: float, volatility: float) -> float:
    return float(np.clip(np.log(np.sqrt(variance) / volatility), -4, 4))


@pytest.mark.parametrize("session", range(900, len(SESSIONS), 31))
def test_every_dated_feature_equals_its_twin(session: int, returns: DailyReturns) -> None:
    reports, found = find_reports(returns), build(returns)
    own = dict(zip(GIVEN, found.features[session - WARM_UP], strict=True))
    past = pd.DataFrame({"r": returns.log_return, "range": returns.range_variance, "w": reports.weight}).iloc[
        max(session + 1 - WINDOW, 1) : session + 1
    ]
    ordinary = past[past["w"] < 0.2]
    long_run = float(np.sqrt((ordinary["r"] ** 2).mean()))
    age = pd.Series(np.arange(len(past) - 1, -1, -1), past.index)

    def ewma(column: pd.Series, decay: float) -> float:
        near = column[age.loc[column.index] < WARM_UP]
        return float(np.average(near, weights=decay ** age.loc[near.index]))

    sigma = float(np.sqrt(ewma(past["r"] ** 2, 0.94)))
    expected = {
        "leverage": float(np.clip(ewma(past["r"], 0.9) / sigma, -1.5, 1.5)),
        "ordinary_level": float(np.log(long_run) + 4),
        "report_excess": -log_ratio(ewma(ordinary["r"] ** 2, 0.94), sigma),
    }
    for name, decay in (("60", 0.6), ("86", 0.86), ("94", 0.94), ("flat", 1.0)):
        expected[f"ordinary_{name}"] = log_ratio(ewma(ordinary["r"] ** 2, decay), long_run)
    for name, decay in (("50", 0.5), ("86", 0.86), ("97", 0.97)):
        expected[f"ordinary_range_{name}"] = log_ratio(ewma(ordinary["range"], decay), long_run)
    sizes = reports.size[: session + 1]
    newest = sizes[np.isfinite(sizes)][-16:]
    kappa = (4 * PRIOR_SIZE + newest.sum()) / (4 + len(newest))
    near = reports.ahead[session, 0]
    expected["report_growth"] = 0.5 * np.log(1 + near * max(kappa - 1, 0))
    expected["report_count"] = near
    expected.update({f"undated_quarter_{back}": 0.0 for back in range(1, 5)})
    assert own == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_without_dates_the_features_of_reports_are_those_of_ordinary_sessions() -> None:
    bare = prepare(EarningsDates())
    assert bare.reports is None
    plain = dict(zip(FEATURES, build(bare, tuple(FEATURES)).features.T, strict=True))
    for name, same in (("60", "60"), ("86", "86"), ("94", "94"), ("flat", "flat")):
        np.testing.assert_allclose(plain[f"ordinary_{name}"], plain[f"volatility_{same}"], atol=1e-12)
    assert not plain["report_growth"].any()
    assert not plain["report_count"].any()
    for back in range(1, 5):
        np.testing.assert_array_equal(plain[f"undated_quarter_{back}"], plain[f"quarter_{back}"])


def test_a_report_of_more_sessions_ahead_adds_less_to_each_of_them(returns: DailyReturns) -> None:
    session = find_session(make_dates().reports[-2].day) - 1 - WARM_UP
    window: Lookback = build(returns).windows[session]
    growth = [float(FEATURES["report_growth"].compute(window, ahead)) for ahead in (2, 5, 10, 30)]
    assert growth == sorted(growth, reverse=True)
    assert growth[0] > 2 * growth[-1] > 0


# --- canaries


@pytest.mark.parametrize("cut", [date(2023, 3, 1), date(2023, 8, 1), date(2023, 8, 9), date(2024, 5, 1)])
def test_the_future_cut_off_changes_no_feature(cut: date, returns: DailyReturns) -> None:
    history, session = make_dated_history(), find_session(cut)
    end = SESSIONS[session]
    known = [report for report in make_dates().reports if report.day <= SESSIONS[session + 10]]
    cut_off = prepare(EarningsDates(tuple(known)), replace(history, bars=history.bars[: pd.Timestamp(end)]))
    whole, part = build(returns.until(end)), build(cut_off)
    np.testing.assert_array_equal(whole.features, part.features)
    for ahead in (1, 5, 30):
        for name in ("report_growth", "report_count"):
            compute = FEATURES[name].compute
            np.testing.assert_array_equal(compute(whole.windows, ahead), compute(part.windows, ahead))
    assert returns.until(end).fingerprint() == cut_off.fingerprint()


@pytest.mark.parametrize("moved", [date(2024, 4, 30), date(2024, 5, 17), None])
def test_a_date_that_is_not_known_yet_changes_nothing(moved: date | None, returns: DailyReturns) -> None:
    *past, last, announced = make_dates().reports
    assert last.day == date(2024, 5, 1)
    others = (*past, Report(moved) if moved else announced)
    unaware = SESSIONS[find_session(min(last.day, moved or last.day)) - 11]
    changed = prepare(EarningsDates(others)).until(unaware)
    assert changed.fingerprint() == returns.until(unaware).fingerprint()
    later = SESSIONS[find_session(last.day) - 10]
    assert prepare(EarningsDates(others)).until(later).fingerprint() != returns.until(later).fingerprint()


def test_a_universe_with_dates_reads_their_features_and_one_without_reads_the_quarters() -> None:
    assert set(GIVEN) < set(select_features((), with_dates=True))
    assert not set(GIVEN) & set(select_features(()))
    assert "quarter_1" not in select_features((), with_dates=True)
