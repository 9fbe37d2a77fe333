"""Repository of closed bands: those still to be scored, their scores, and what calibration learns from."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa

from db.pruning import delete_scored_quantiles
from db.repositories.base import ALL_ISSUED, Repository, Selection
from db.repositories.closed_bands import NO_CLOSED_BANDS, build_closed_query, narrow_rows
from db.repositories.score_rows import save_outcomes, widen_scores
from db.repositories.universes import select_newest_sessions
from db.revised_closes import is_action_within, is_of_other_instrument, is_revised_within
from db.schema import (
    band_outcomes,
    comparison_quantiles,
    corporate_actions,
    forecast_quantiles,
    forecast_runs,
    forecasts,
    price_revisions,
    unlisted_quantiles,
    verifications,
)
from db.schema.base import FORECAST_ROW
from db.sql import read_frame, select_tickers
from forecasting.config import BAND_LEVELS
from forecasting.errors import TableError
from forecasting.faults import describe_error
from forecasting.tables import CLOSED_BANDS, ISSUED_BANDS
from forecasting.types import OutcomeKind

Dimension = Literal["horizon", "ticker", "regime", "report", "quality"]
_COVERAGE = BAND_LEVELS[-1] - BAND_LEVELS[0]  # other ones were a setting of earlier releases
_MEANS = {
    "inside": "realized_coverage",
    "below": "below",
    "above": "above",
    "crps": "crps",
    "winkler": "winkler",
}


class OutcomeRepository(Repository):
    """Stored outcomes: scores of closed bands."""

    def list_tickers(self) -> list[str]:
        """List every ticker with an issued forecast, sorted."""
        sessions = select_newest_sessions(self._source).subquery()
        query = sa.select(sessions.c.ticker).where(sessions.c.as_of.is_not(None))
        return list(self._connection.scalars(query.order_by(sessions.c.ticker)))

    def load_pending(self, ticker: str, until: date, since: date = date.min) -> pd.DataFrame:
        """Load issued bands up to a target session that have no score, or may score otherwise by now.

        Of a band from 5 to 95 %, the quantiles at BAND_LEVELS alone, however many are stored: scores of
        different bands and runs compare.

        A score can change only with the close of the target session, of which a revision has another one, or
        with a split between issue and target, which leaves an action. Total returns also depend on the
        dividends in between and on the closes before them; what came after the score counts.

        Bands of another instrument than the symbol's prices are of now have no outcome any more.

        Args:
            ticker: The symbol.
            until: Last target session.
            since: No forecast from an earlier session is returned, nor looked at.

        Returns:
            A frame of `forecasting.tables.ISSUED_BANDS`.
        """
        run = forecast_runs.c
        row = forecasts.c
        band = forecast_quantiles.c
        query = (
            sa.select(
                row.as_of,
                row.target_session,
                row.horizon,
                row.anchor_close,
                run.kind,
                row.quality,
                row.regime,
                row.reports_ahead,
                run.price_basis,
                band.band,
                band.level,
                band.log_return,
            )
            .join(forecast_runs, _is_made_by)
            .join(forecast_quantiles, _is_same_row)
            .where((row.source == self._source) & (row.ticker == ticker) & (row.target_session <= until))
            .where((row.as_of >= since) & (row.as_of < until))
            .where(band.level.in_(BAND_LEVELS) | (sa.func.abs(row.coverage - _COVERAGE) > 1e-9))
            .where(sa.or_(~self._is_scored(), self._is_revised(), self._has_action_since()))
            .where(~is_of_other_instrument())
        )
        issued = read_frame(self._connection, query).astype({"reports_ahead": "Int64"})  # null without dates
        return ISSUED_BANDS.check(issued)

    def save(self, scores: pd.DataFrame, scored_at: datetime, *, replace: bool = True) -> int:
        """Store scores; those that are stored with the same values stay as they are.

        Args:
            scores: A frame of `forecasting.tables.BAND_SCORES`.
            scored_at: When (UTC).
            replace: False leaves stored scores even where values differ.

        Returns:
            Number of forecasts whose scores are new or changed.

        Raises:
            TableError: The frame is of another schema, or two bands of a forecast differ in their outcome.
        """
        common = {"source": self._source, "scored_at": scored_at}
        rows = [{**row, **common} for row in widen_scores(scores).astype(object).to_dict("records")]
        return save_outcomes(self._connection, rows, replace=replace)

    def forget_comparisons(self, since: date, until: date) -> int:
        """Delete the quantiles of scored comparison bands of a span of target sessions; count these bands."""
        unlisted, listed = (
            delete_scored_quantiles(table, until, since=since, source=self._source)
            for table in (unlisted_quantiles, comparison_quantiles)
        )
        self._connection.execute(unlisted)
        return self._connection.execute(listed).rowcount

    def forget_walked(self) -> None:
        """Delete the scores of bands that were never issued: the prices behind them were withdrawn."""
        columns = band_outcomes.c
        is_walked = (columns.source == self._source) & (columns.kind == "walk_forward")
        self._connection.execute(sa.delete(band_outcomes).where(is_walked))

    def forget(self, ticker: str, sessions: Collection[date]) -> None:
        """Delete the scores of a ticker's bands whose target sessions have lost their bar."""
        columns = band_outcomes.c
        is_ticker = (columns.source == self._source) & (columns.ticker == ticker)
        is_lost = columns.target_session.in_(sorted(sessions))
        self._connection.execute(sa.delete(band_outcomes).where(is_ticker & is_lost))

    def load_closed(
        self, until: date, since: date, nominal_coverage: float = 0.9, *, horizons: Sequence[int] = ()
    ) -> pd.DataFrame:
        """Load the bands and outcomes that calibration learns from; issued ones take precedence over walked.

        Args:
            until: No outcome of a later session is returned.
            since: No forecast from an earlier session is returned.
            nominal_coverage: Probability between the outermost levels; bands of other levels are left out.
            horizons: Which, in sessions; none for all.

        Returns:
            A frame of `forecasting.tables.CLOSED_BANDS` with a column `kind`, sorted by its key.

        Raises:
            TableError: A row holds a value that its column cannot hold: SQLite lets any text into any column.
        """
        query = build_closed_query(
            self._source, until, since, nominal_coverage=nominal_coverage, horizons=horizons
        )
        tickers = self._list_scored(since, until)
        # One by one: a hundred tickers have millions of rows after a few years. Each part is checked alone:
        # the ticker is in the key, so no index of all rows is needed.
        parts = [self._load_ticker(query, ticker, tickers) for ticker in tickers]
        return pd.concat(parts or [NO_CLOSED_BANDS], ignore_index=True)

    def compute_scorecard(self, by: Dimension, selection: Selection = ALL_ISSUED) -> pd.DataFrame:
        """Compute coverage and mean scores by band and one dimension.

        Args:
            by: The dimension.
            selection: Outcomes that count.

        Returns:
            Columns `band`, the dimension, `n_outcomes`, `realized_coverage`, `below`, `above`, `crps`,
            `winkler` and `crps_to_random_walk`, sorted by dimension and band.
        """
        scored, reference = verifications.c, band_outcomes.alias("reference")
        group = _find_group(verifications, by)
        is_same = sa.and_(*(scored[name] == reference.c[name] for name in (*FORECAST_ROW, "kind")))
        crps = sa.func.sum(sa.case((reference.c.random_walk_crps.is_not(None), scored.crps)))
        reference_crps = sa.func.sum(sa.case((scored.crps.is_not(None), reference.c.random_walk_crps)))
        query = (
            sa.select(
                scored.method.label("band"),
                group.label(by),
                sa.func.count().label("n_outcomes"),
                *(sa.func.avg(sa.cast(scored[name], sa.Double)).label(mean) for name, mean in _MEANS.items()),
                (crps / sa.func.nullif(reference_crps, 0)).label("crps_to_random_walk"),
            )
            .join(reference, is_same)
            .where(self._is_selected(selection, verifications, band_outcomes))
            .group_by(scored.method, group)
            .order_by(group, scored.method)
        )
        return read_frame(self._connection, query)

    def count_by_condition(self, selection: Selection) -> pd.DataFrame:
        """Count the calibrated bands that held, by horizon, regime at issue and report.

        Returns:
            Columns `horizon`, `regime`, `report` (`with`, `without` or null), `n_outcomes` and `inside`.
        """
        score = band_outcomes.c
        groups = (score.horizon, score.regime, _find_group(band_outcomes, "report"))
        query = (
            sa.select(
                *groups[:2],
                groups[2].label("report"),
                sa.func.count().label("n_outcomes"),
                sa.func.sum(sa.case((score.calibrated_miss == 0, 1), else_=0)).label("inside"),
            )
            .where(self._is_selected(selection, band_outcomes, band_outcomes))
            .where(score.calibrated_miss.is_not(None))
            .group_by(*groups)
        )
        return read_frame(self._connection, query)

    def count_by_kind(self) -> dict[OutcomeKind, int]:
        """Count the outcomes of the calibrated band by kind."""
        columns = band_outcomes.c
        is_counted = (columns.source == self._source) & columns.calibrated_miss.is_not(None)
        query = sa.select(columns.kind, sa.func.count()).where(is_counted).group_by(columns.kind)
        return dict(self._connection.execute(query).tuples().all())

    def _load_ticker(self, query: sa.Select[Any], ticker: str, tickers: Sequence[str]) -> pd.DataFrame:
        try:
            rows = narrow_rows(read_frame(self._connection, query, ticker=ticker), ticker, tickers)
        except (AttributeError, TypeError, ValueError) as error:
            raise TableError(CLOSED_BANDS.name, "readable values", describe_error(error)) from error
        return CLOSED_BANDS.check(rows)

    def _list_scored(self, since: date, until: date) -> list[str]:
        """List the tickers with scores of forecasts from a span of sessions, sorted."""
        score, known = band_outcomes.c, select_tickers(band_outcomes, self._source).subquery()
        is_within = (score.source == self._source) & score.as_of.between(since, until)
        has_scores = sa.exists().where(is_within & (score.ticker == known.c.ticker))
        return sorted(self._connection.scalars(sa.select(known.c.ticker).where(has_scores)))

    def _is_scored(self, before: sa.ColumnElement[datetime] | None = None) -> sa.ColumnElement[bool]:
        score = band_outcomes.c
        is_same = sa.and_(*(score[name] == forecasts.c[name] for name in FORECAST_ROW))
        is_issued = is_same & (score.kind == forecast_runs.c.kind)
        query = (
            sa.exists().where(is_issued & score.calibrated_miss.is_not(None)).correlate_except(band_outcomes)
        )
        return query if before is None else query.where(score.scored_at < before)

    def _is_revised(self) -> sa.ColumnElement[bool]:
        is_target = price_revisions.c.session == forecasts.c.target_session
        is_new = _is_of_total_returns & self._is_scored(before=price_revisions.c.replaced_at)
        return sa.exists().where(is_revised_within() & (is_target | is_new))

    def _has_action_since(self) -> sa.ColumnElement[bool]:
        is_split = corporate_actions.c.kind == "split"
        is_new = _is_of_total_returns & self._is_scored(before=corporate_actions.c.first_seen_at)
        return sa.exists().where(is_action_within() & (is_split | is_new))


def _find_group(scored: sa.FromClause, by: Dimension) -> sa.ColumnElement[Any]:
    """Return the values that scores are grouped by; of reports, whether one was expected in the window."""
    if by != "report":
        return scored.c[by]
    return sa.case(
        (scored.c.reports_ahead > 0, sa.literal_column("'with'")),
        (scored.c.reports_ahead == 0, sa.literal_column("'without'")),
    )


_is_of_total_returns = forecast_runs.c.price_basis == "total_return"
_is_made_by = forecast_runs.c.run_id == forecasts.c.run_id
_is_same_row = sa.and_(*(forecast_quantiles.c[name] == forecasts.c[name] for name in FORECAST_ROW))
