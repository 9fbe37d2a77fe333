"""Meaning of each column that consumers read, with its unit.

The comments in PostgreSQL and docs/consuming.md are made of these texts. A change of a name or a meaning
raises the version, which the view `contract_version` shows.
"""

from collections.abc import Mapping

_KEY = {
    "source": "Source of the prices: yahoo, csv or sample",
    "ticker": "Symbol, as Yahoo writes it",
    "as_of": "Session whose close the forecast starts from",
    "target_session": "Session that is forecast, by the calendar of the ticker's exchange",
    "horizon": "Sessions from as_of to target_session, 1 to 30",
}
_BAND = {
    "anchor_close": "Close of as_of, as traded",
    "lower": "Calibrated band at 5 %, a price in the units of as_of",
    "median": "Calibrated band at 50 %, a price in the units of as_of",
    "upper": "Calibrated band at 95 %, a price in the units of as_of",
    "coverage": "Nominal probability between lower and upper, 0 to 1",
    "quality": "Rung that made it: champion, previous or baseline",
    "model_version": "Model that made it",
    "issued_at": "Start of the run that issued it, UTC",
}
_AT_ISSUE = {
    "outcomes": "Closed outcomes that its calibration rests on, a count",
    "regime": "Volatility of the market at issue: calm, normal or stress; null before migration 0003",
    "reports_ahead": "Earnings reports expected after as_of that prices react to by target_session, a count; "
    "null where no dates are known",
    "kind": "live: of the newest session closed when its run was due; backfill: of an older one",
}
_SCORED = {
    "source": "Source of the prices: yahoo, csv or sample",
    "band": "Band that is scored: calibrated, predictive, mc_dropout or random_walk",
    "kind": "live alone",
    "quality": "Rung that made it: champion, previous or baseline",
}
_EVERY_KIND = {"kind": "live, backfill, or walk_forward: walked over history and never issued"}
_HORIZON = {"horizon": "Sessions from as_of to target_session, 1 to 30"}
_NOMINAL = {"nominal_coverage": "Nominal probability between lower and upper, 0 to 1"}
_AVERAGES = {
    "outcomes": "Closed bands, a count",
    "realized_coverage": "Share of outcomes inside the band, 0 to 1",
    "below": "Share of outcomes below the band, 0 to 1",
    "above": "Share of outcomes above the band, 0 to 1",
    "crps": "Mean CRPS of the cumulative log return; lower is better",
    "winkler": "Mean interval score of the cumulative log return; lower is better",
    "crps_to_random_walk": "CRPS over that of the random walk issued beside it; below 1 is better",
}
_METHOD = {"method": "Old name of band, until the next release"}
_BY_HORIZON = {**_SCORED, **_NOMINAL, **_HORIZON, **_AVERAGES}
_BY_TICKER = {
    "source": _SCORED["source"],
    "ticker": _KEY["ticker"],
    "band": _SCORED["band"],
    "kind": _SCORED["kind"],
    **_NOMINAL,
    **_AVERAGES,
}
_BY_LEVEL = {
    **_SCORED,
    **_HORIZON,
    "level": "Probability of the quantile, 0 to 1",
    "outcomes": "Closed bands, a count",
    "at_or_below": "Share of outcomes at or below the quantile; the level, if it is calibrated",
    "pinball": "Mean pinball loss of the cumulative log return; lower is better",
}
_BY_CONDITION = {
    "source": _SCORED["source"],
    "band": _SCORED["band"],
    "kind": _SCORED["kind"],
    **_NOMINAL,
    **_HORIZON,
    "regime": "Volatility of the market at issue: calm, normal or stress",
    "report": "with or without an earnings report expected up to target_session; null where no dates are "
    "known",
    **_AVERAGES,
}
_OF_ODDS = {
    "source": _SCORED["source"],
    "kind": _SCORED["kind"],
    "horizon": "Sessions from as_of that the odds span: 5, 10, 20 or 30",
}
_ISSUED_KINDS = {"kind": "live or backfill"}
_BY_TENTH = {
    **_OF_ODDS,
    "tenth": "Of the probability: 0 from 0 to 0.1, 9 from 0.9 to 1",
    "outcomes": "Closed odds of touches, a count; those of the levels of one forecast depend on each other",
    "mean_probability": "Mean probability of a touch, 0 to 1",
    "touched": "Share that happened, 0 to 1",
}
_BY_DRAWDOWN_LEVEL = {
    **_OF_ODDS,
    "level": "Probability of the quantile, 0 to 1",
    "outcomes": "Closed odds of drawdowns, a count",
    "at_or_below": "Share of drawdowns at or below the quantile; the level, if it is calibrated",
}

VIEW_MEANINGS: Mapping[str, str] = {
    "latest_forecast": "Newest bands of each ticker in the universe of its source, in their newest edition, "
    "a row for each horizon. A ticker that the newest runs of its exchange neither forecast nor left out is "
    "not in it",
    "forecast_with_outcome": "Every band ever issued, with its outcome and errors once a run or "
    "bandcast verify has scored it",
    "forecast_quantiles": "Every quantile of every band ever issued, a row for each; of calibrated "
    "bands those from 5 to 95 % in steps of 5, and at 1, 2.5, 97.5 and 99 %",
    "path_odds": "Odds of the closes on the way, a row for each, from paths that have the quantiles of the "
    "calibrated bands",
    "verifications": "Bands whose target session has closed, with their scores: lower is better",
    "coverage_by_horizon": "Scores of closed live bands, averaged by horizon",
    "all_coverage_by_horizon": "Scores of closed bands of every kind, averaged by horizon",
    "coverage_by_ticker": "Scores of closed live bands, averaged by ticker over all horizons",
    "all_coverage_by_ticker": "Scores of closed bands of every kind, averaged by ticker over all horizons",
    "pinball_by_level": "Scores of each quantile of the closed live bands, by horizon and level",
    "all_pinball_by_level": "Scores of each quantile of the closed bands that were issued, live or not, by "
    "horizon and level",
    "coverage_by_condition": "Scores of closed live bands, averaged by horizon, regime, and report expected "
    "or not",
    "all_coverage_by_condition": "Scores of closed bands of every kind, averaged by horizon, regime, and "
    "report expected or not",
    "touches_by_tenth": "Probabilities of touches in live path_odds beside the share that happened, by "
    "horizon and tenth of the probability",
    "all_touches_by_tenth": "Probabilities of touches in all path_odds beside the share that happened, by "
    "horizon and tenth of the probability",
    "drawdowns_by_level": "Share of drawdowns at or below each quantile in live path_odds, by horizon and "
    "level",
    "all_drawdowns_by_level": "Share of drawdowns at or below each quantile in all path_odds, by horizon and "
    "level",
    "adjusted_close": "Every stored close, and the same in the units of the newest session. Divide a band by "
    "the split_ratio of its as_of to draw it beside adjusted_close",
    "freshness": "How fresh the bands of each source are: one row a source, for monitors",
    "missing_forecasts": "Tickers of the universe of each source without bands from the newest session of "
    "their exchange, and why",
    "contract_version": "Version of the views: one row",
}
COLUMN_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "latest_forecast": {
        **_KEY,
        **_BAND,
        **_AT_ISSUE,
        "age_sessions": "Sessions of its exchange that had closed after as_of when the source's last run was "
        "issued, a count: 0 is fresh; null until the first run after migration 0006",
        "currency": "Of the prices, as the source writes it; null where it does not",
        "name": "Of the company, index or fund, as the source writes it; null where it has none",
        **_NOMINAL,
        "edition": "1 as first issued, 2 and on by a reissue, the newest; coverage counts edition 1",
    },
    "forecast_with_outcome": {
        **_KEY,
        **_BAND,
        "run_id": "Run that issued it, in forecast_runs",
        "model_variance": "Variance of the cumulative log return between dropout runs",
        "noise_variance": "Variance of the cumulative log return within dropout runs",
        **_AT_ISSUE,
        "actual_close": "Close of target_session in the units of as_of; null until it is scored",
        "actual_log_return": "Natural logarithm of actual_close over anchor_close, with dividends if its run "
        "has the price_basis total_return; null until it is scored",
        "inside": "1 if the outcome lies from lower to upper, else 0; null until it is scored",
        **_NOMINAL,
        "below": "1 if the outcome lies below the band, else 0; null until it is scored",
        "above": "1 if the outcome lies above the band, else 0; null until it is scored",
        "crps": "CRPS of the cumulative log return; lower is better; null until it is scored",
        "winkler": "Interval score of the cumulative log return; lower is better; null until it is scored",
    },
    "forecast_quantiles": {
        **_KEY,
        "band": "calibrated, or one that is kept for comparison: predictive, mc_dropout or random_walk",
        "level": "Probability of the quantile, 0 to 1, such as 0.05",
        "log_return": "Cumulative log return since as_of",
        "price": "In the units of as_of",
    },
    "path_odds": {
        "source": _KEY["source"],
        "ticker": _KEY["ticker"],
        "as_of": _KEY["as_of"],
        "horizon": _OF_ODDS["horizon"],
        "statistic": "touch: of a close at a move from the anchor close or beyond; drawdown: of the largest "
        "fall from the highest close before",
        "level": "Of a touch the move from the anchor close, such as -0.1; of a drawdown the quantile level",
        "value": "Of a touch its probability, 0 to 1; of a drawdown its quantile, as a share of the highest "
        "close before",
    },
    "verifications": {
        "source": _KEY["source"],
        "ticker": _KEY["ticker"],
        "as_of": _KEY["as_of"],
        "target_session": "Session that was forecast and has closed",
        "method": "Band that is scored: calibrated, predictive, mc_dropout or random_walk",
        **_EVERY_KIND,
        "horizon": "Sessions after as_of",
        "quality": "Rung that made it: champion, previous or baseline",
        "regime": "Volatility at issue: calm, normal or stress",
        "reports_ahead": "Earnings reports expected from as_of to target_session",
        "nominal": "Probability between lower and upper",
        "lower": "Cumulative log return at the lowest level",
        "median": "Cumulative log return at level 0.5",
        "upper": "Cumulative log return at the highest level",
        "actual_log_return": "Log return from as_of to target_session, on the price basis of the run",
        "inside": "1 if the outcome lies from lower to upper, else 0",
        "below": "1 if the outcome lies below lower, else 0",
        "above": "1 if the outcome lies above upper, else 0",
        "crps": "CRPS of the cumulative log return, from the stored levels; null where only the outermost "
        "are known",
        "winkler": "Interval score of lower and upper, in log returns",
        "pinball_lower": "Pinball loss of the lowest level, in log returns",
        "pinball_upper": "Pinball loss of the highest level, in log returns",
        "scored_at": "Start of the run that scored it, UTC",
        "actual_close": "Close of target_session in units of as_of; null if never issued",
    },
    "coverage_by_horizon": {
        **_BY_HORIZON,
        **_METHOD,
        "nominal": "Old name of nominal_coverage, until the next release",
        "coverage": "Old name of realized_coverage, until the next release",
    },
    "all_coverage_by_horizon": _BY_HORIZON | _EVERY_KIND,
    "coverage_by_ticker": _BY_TICKER,
    "all_coverage_by_ticker": _BY_TICKER | _EVERY_KIND,
    "pinball_by_level": {**_BY_LEVEL, **_METHOD},
    "all_pinball_by_level": _BY_LEVEL | _ISSUED_KINDS,
    "coverage_by_condition": _BY_CONDITION,
    "all_coverage_by_condition": _BY_CONDITION | _EVERY_KIND,
    "touches_by_tenth": _BY_TENTH,
    "all_touches_by_tenth": _BY_TENTH | _ISSUED_KINDS,
    "drawdowns_by_level": _BY_DRAWDOWN_LEVEL,
    "all_drawdowns_by_level": _BY_DRAWDOWN_LEVEL | _ISSUED_KINDS,
    "adjusted_close": {
        "source": _KEY["source"],
        "ticker": _KEY["ticker"],
        "session": "Day of the bar",
        "close": "As traded on that day",
        "split_ratio": "New shares per old of all later splits together; 1 without any",
        "adjusted_close": "close over split_ratio; dividends are not worked in",
    },
    "freshness": {
        "source": _KEY["source"],
        "session": "Newest session of the runs of its source, of any exchange",
        "issued_at": "Start of the newest run of session that changed a band, UTC",
        "tickers": "Tickers of the universe, a count",
        "with_bands": "Tickers with bands from their newest session, a count",
        "missing": "Tickers without, a count; missing_forecasts names them",
    },
    "missing_forecasts": {
        "source": _KEY["source"],
        "ticker": _KEY["ticker"],
        "session": "Newest session of the runs that had it",
        "newest_as_of": "Session of its newest bands; null without any",
        "age_sessions": "Sessions of its exchange that had closed after newest_as_of; null where unknown",
        "reason": "Of its quarantine, such as stale; null where none is stored",
        "detail": "Sentence of its quarantine; null where none is stored",
    },
    "contract_version": {"contract_version": "Raised when a name or a meaning changes"},
}
