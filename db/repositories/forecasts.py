"""Repository of published forecasts and of the runs that made them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from types import MappingProxyType

import pandas as pd
import sqlalchemy as sa

from db.bulk import insert_batch, prepare_batch
from db.records import RunRecord, TickerSession
from db.repositories.base import Repository
from db.repositories.editions import (
    FIRST_EDITION,
    find_newest_edition,
    has_editions,
    is_edition_stored,
    load_edition_quantiles,
    prepare_editions,
    select_newest_edition,
    select_of_run,
)
from db.repositories.forecast_rows import (
    ForecastRows,
    Issue,
    Issues,
    Publication,
    build_rows,
    collect_values,
    keep_stored_bands,
    keep_stored_levels,
)
from db.repositories.universes import join_newest, save_universe, select_first_sessions, select_latest
from db.schema import (
    band_outcomes,
    calibrated_quantiles,
    comparison_quantiles,
    forecast_editions,
    forecast_odds,
    forecast_quantiles,
    forecast_runs,
    forecasts,
    path_odds,
    path_outcomes,
    universes,
    unlisted_odds,
    unlisted_quantiles,
)
from db.sql import Row, read_frame, record_columns, select_tickers, upsert
from forecasting.forecast import Forecast
from forecasting.types import Quality

_RUN_FIELDS = [field.name for field in fields(RunRecord)]
_RUN_COLUMNS = record_columns(forecast_runs, RunRecord)


class ForecastRepository(Repository):
    """Stored forecasts of one source; only reads by `run_id` find those of any."""

    def prepare(
        self,
        run: RunRecord,
        issued: Sequence[Forecast],
        *,
        listed: Sequence[str] = (),
        reissue: bool = False,
    ) -> Publication:
        """Compare forecasts with the stored ones and convert what differs to rows; nothing is written.

        This takes much longer than `publish`, which may happen in a later transaction: other writers need
        not wait for it.

        Args:
            run: The run.
            issued: At most one forecast per ticker and `as_of`.
            listed: Configured tickers; those that belong to the universe stay, although the run has fewer.
            reissue: Add an edition to each live forecast whose newest one has other values.

        Raises:
            StoreError: A value is infinite.
        """
        stored = self._find_issues(issued)
        live = {key for key, issue in stored.items() if issue.kind == "live"}
        built = (build_rows(run, forecast) for forecast in issued)
        differing = [
            rows for rows in built if not self._is_known(rows, stored.get(rows.key), reissue=reissue)
        ]
        changed = [rows for rows in differing if rows.key not in live]
        kept = [rows for rows in differing if rows.key in live]
        editions = {rows.key: stored[rows.key].edition + 1 for rows in kept} if reissue else {}
        dialect = self._connection.dialect
        return Publication(
            run=run,
            issued=tuple(issued),
            stored=stored,
            listed=tuple(listed),
            reissue=reissue,
            kept=tuple(rows.key for rows in kept),
            editions=editions,
            replaced=tuple(rows.key for rows in changed if rows.key in stored),
            batches=(
                prepare_batch(dialect, forecasts, [rows.horizons for rows in changed]),
                prepare_batch(dialect, calibrated_quantiles, [rows.calibrated for rows in changed]),
                prepare_batch(dialect, comparison_quantiles, [rows.comparisons for rows in changed]),
                prepare_batch(dialect, forecast_odds, [rows.odds for rows in changed]),
                *prepare_editions(dialect, kept, editions),
            ),
        )

    def publish(
        self, publication: Publication, ages: Mapping[str, int] = MappingProxyType({})
    ) -> Publication:
        """Store a run with its forecasts; live ones, and those with the same values, are left untouched.

        A reissue stores live ones with other values as a new edition beside the first.

        Where a backfilled forecast has other values, all its rows are replaced, so that a shorter horizon
        leaves no older rows behind, and its scores go with them. A run that changes no forecast leaves no
        trace; one that left every ticker out does.

        Args:
            publication: From `prepare`; prepared again if another run has published since.
            ages: Ticker -> sessions of its exchange that have closed after its newest band, once published.

        Returns:
            What was written.

        Raises:
            StoreError: A value is infinite.
        """
        if self._find_issues(publication.issued) != publication.stored:
            publication = self.prepare(
                publication.run,
                publication.issued,
                listed=publication.listed,
                reissue=publication.reissue,
            )
        if publication.changes or not publication.issued:
            guarded = () if self._stays(publication) else _RUN_FIELDS
            upsert(self._connection, forecast_runs, [asdict(publication.run)], guarded=guarded)
        self._delete(publication.replaced)
        for batch in publication.batches:
            insert_batch(self._connection, batch)
        save_universe(self._connection, publication, ages)
        return publication

    def load_run(self, run_id: str) -> RunRecord | None:
        """Load a run by its id."""
        query = sa.select(*_RUN_COLUMNS).where(forecast_runs.c.run_id == run_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else RunRecord(**row)

    def list_run_forecasts(self, run_id: str) -> list[TickerSession]:
        """List ticker and `as_of` of the forecasts of a run that no later run has replaced, sorted."""
        rows = self._connection.execute(select_of_run(run_id, "ticker", "as_of"))
        return sorted((row.ticker, row.as_of) for row in rows)

    def load_run_models(self, run_id: str) -> dict[str, str]:
        """Load ticker -> version of the model that made its bands, of the run's forecasts still stored."""
        query = select_of_run(run_id, "ticker", "model_version")
        return {row.ticker: row.model_version for row in self._connection.execute(query)}

    def matches(self, run: RunRecord, forecast: Forecast) -> bool:
        """Return whether every row of a run's forecast is stored with the same values, to the last bit."""
        rows = build_rows(run, forecast)
        if edition := find_newest_edition(self._connection, self._source, rows.key, run_id=run.run_id):
            return is_edition_stored(self._connection, self._source, rows, edition=edition)
        return self._is_stored(rows)

    def load_latest(
        self,
        tickers: Sequence[str] | None = None,
        until: date | None = None,
        *,
        horizons: Sequence[int] | None = None,
    ) -> pd.DataFrame:
        """Load the newest edition of the newest forecast of each ticker, in the columns of `latest_forecast`.

        Args:
            tickers: Which, None for the universe; one that has left it is found by its name.
            until: The newest up to this session, with no age; None for the newest of all.
            horizons: Which, None for all.
        """
        query = select_latest(self._source, tickers, until=until, horizons=horizons)
        return read_frame(self._connection, query.order_by("ticker", "horizon"))

    def load_targets(
        self, tickers: Sequence[str], as_of: date, edition: int = FIRST_EDITION
    ) -> dict[str, list[date]]:
        """List ticker -> target sessions of an edition of its forecast from a session, in order of time."""
        table = forecasts if edition == FIRST_EDITION else forecast_editions
        row = table.c
        is_wanted = (row.source == self._source) & row.ticker.in_(tickers) & (row.as_of == as_of)
        if edition != FIRST_EDITION:
            is_wanted &= row.edition == edition
        query = sa.select(row.ticker, row.target_session).where(is_wanted).order_by(row.target_session)
        found: dict[str, list[date]] = {}
        for ticker, session in self._connection.execute(query).all():
            found.setdefault(ticker, []).append(session)
        return found

    def list_newest(
        self, tickers: Sequence[str] | None = None, until: date | None = None
    ) -> list[TickerSession]:
        """List ticker and `as_of` of the forecasts that `latest` loads, sorted by ticker."""
        columns = sa.select(forecasts.c.ticker, forecasts.c.as_of)
        query = join_newest(columns, self._source, tickers, until=until)
        first_rows = query.where(forecasts.c.horizon == 1).order_by(forecasts.c.ticker)
        return [(row.ticker, row.as_of) for row in self._connection.execute(first_rows)]

    def list_sources(self) -> tuple[str, ...]:
        """List every source with runs in the store, sorted."""
        columns = forecast_runs.c
        return tuple(self._connection.scalars(sa.select(columns.source).distinct().order_by(columns.source)))

    def load_quantiles(self, ticker: str, as_of: date) -> pd.DataFrame:
        """Load the quantiles of a forecast's newest edition, long, in the columns of `forecast_quantiles`.

        The first edition has all bands, a reissued one the calibrated band alone.
        """
        if edition := find_newest_edition(self._connection, self._source, (ticker, as_of)):
            return load_edition_quantiles(self._connection, self._source, (ticker, as_of), edition=edition)
        columns = forecast_quantiles.c
        query = sa.select(forecast_quantiles).where(self._is_from(forecast_quantiles, ticker, as_of))
        return read_frame(self._connection, query.order_by(columns.band, columns.horizon, columns.level))

    def load_odds(self, ticker: str, as_of: date) -> pd.DataFrame:
        """Load the odds of one forecast, long, in the columns of `path_odds`."""
        columns = path_odds.c
        query = sa.select(path_odds).where(self._is_from(path_odds, ticker, as_of))
        return read_frame(self._connection, query.order_by(columns.statistic, columns.horizon, columns.level))

    def load_quality(self, ticker: str, as_of: date, run_id: str) -> Quality:
        """Load the rung of the ladder that made a run's stored forecast."""
        table = forecasts
        if find_newest_edition(self._connection, self._source, (ticker, as_of), run_id=run_id):
            table = forecast_editions
        is_of_run = self._is_from(table, ticker, as_of) & (table.c.run_id == run_id)
        quality: Quality = self._connection.scalars(
            sa.select(table.c.quality).where(is_of_run).limit(1)
        ).one()
        return quality

    def load_completed(self, first: date, last: date, horizon: int) -> set[TickerSession]:
        """Load ticker and `as_of` of the forecasts from `first` to `last` that need no other run.

        They reach a horizon, or were issued live: those stay whatever their horizon.
        """
        row = forecasts.c
        reaches = (row.horizon == horizon) | ((row.horizon == 1) & (forecast_runs.c.kind == "live"))
        return self._load_pairs(row.as_of.between(first, last) & reaches)

    def load_issued_live(self, session: date) -> set[TickerSession]:
        """Load ticker and `as_of` of the forecasts of a session that were issued on its day."""
        return self._load_pairs((forecasts.c.as_of == session) & (forecast_runs.c.kind == "live"))

    def load_ages(self) -> dict[str, int]:
        """Load ticker -> stored age of its newest bands; without those whose age is not known."""
        row = universes.c
        is_known = (row.source == self._source) & row.age_sessions.is_not(None)
        rows = self._connection.execute(sa.select(row.ticker, row.age_sessions).where(is_known))
        return dict(rows.tuples().all())

    def load_first_sessions(self) -> dict[str, date]:
        """Load the first `as_of` of each ticker that was ever forecast."""
        sessions = select_first_sessions(self._source).subquery()
        is_forecast = sessions.c.as_of.is_not(None)
        rows = self._connection.execute(sa.select(sessions.c.ticker, sessions.c.as_of).where(is_forecast))
        return dict(rows.tuples().all())

    def _load_pairs(self, condition: sa.ColumnElement[bool]) -> set[TickerSession]:
        query = sa.select(forecasts.c.ticker, forecasts.c.as_of).join(forecast_runs).distinct()
        is_known = forecasts.c.ticker.in_(select_tickers(forecasts, self._source))
        of_source = query.where((forecasts.c.source == self._source) & is_known & condition)
        return {(row.ticker, row.as_of) for row in self._connection.execute(of_source)}

    def _is_known(self, rows: ForecastRows, issue: Issue | None, *, reissue: bool) -> bool:
        """Return whether a forecast has the values of the newest edition or, unless to reissue, the first."""
        if issue is None:
            return False
        if issue.edition == FIRST_EDITION:
            return self._is_stored(rows)
        if is_edition_stored(self._connection, self._source, rows, edition=issue.edition):
            return True
        return not reissue and self._is_stored(rows)

    def _is_stored(self, rows: ForecastRows) -> bool:
        """Return whether all that the store keeps of a forecast is stored with its values."""
        calibrated = self._load(calibrated_quantiles, rows)
        comparisons = self._load(comparison_quantiles, rows)
        compared = (
            (self._load(forecasts, rows), rows.horizons.name_values()),
            (self._load(forecast_odds, rows), rows.odds.name_values()),
            (calibrated, keep_stored_levels(rows.calibrated.name_values(), calibrated)),
            (comparisons, keep_stored_bands(rows.comparisons.name_values(), comparisons)),
        )
        return all(collect_values(stored) == collect_values(values) for stored, values in compared)

    def _load(self, table: sa.Table, rows: ForecastRows) -> list[Row]:
        query = sa.select(table).where(self._is_from(table, rows.ticker, rows.as_of))
        return [dict(row) for row in self._connection.execute(query).mappings()]

    def _stays(self, publication: Publication) -> bool:
        """Return whether the row of the run stays as it is, as its live bands or its editions do."""
        run_id = publication.run.run_id
        # By its key first: nearly every run is new, and to look through all editions grows with history.
        is_stored = self.load_run(run_id) is not None
        return is_stored and (publication.has_live or has_editions(self._connection, run_id))

    def _find_issues(self, issued: Sequence[Forecast]) -> Issues:
        """Load which run issued what is stored of the same tickers and sessions."""
        row, run = forecasts.c, forecast_runs.c
        edition = sa.func.coalesce(select_newest_edition(forecasts), FIRST_EDITION)
        columns = (row.ticker, row.as_of, row.run_id, row.issued_at, run.kind, edition)
        query = sa.select(*columns).select_from(forecasts).join(forecast_runs)
        tickers = {forecast.ticker for forecast in issued}
        sessions = {forecast.as_of for forecast in issued}
        is_wanted = row.ticker.in_(tickers) & row.as_of.in_(sessions) & (row.horizon == 1)
        of_source = query.where((row.source == self._source) & is_wanted)
        return {
            (ticker, as_of): Issue(*values) for ticker, as_of, *values in self._connection.execute(of_source)
        }

    def _delete(self, replaced: Sequence[TickerSession]) -> None:
        """Delete backfilled forecasts with their quantiles and scores."""
        for as_of in sorted({session for _, session in replaced}):
            tickers = [ticker for ticker, session in replaced if session == as_of]
            for table in (
                path_outcomes,
                forecast_odds,
                unlisted_odds,
                calibrated_quantiles,
                comparison_quantiles,
                unlisted_quantiles,
                forecasts,
                band_outcomes,
            ):  # a cascade goes row by row
                is_session = (table.c.source == self._source) & (table.c.as_of == as_of)
                is_replaced = is_session & table.c.ticker.in_(tickers)
                if table is band_outcomes:
                    is_replaced &= band_outcomes.c.kind == "backfill"
                self._connection.execute(sa.delete(table).where(is_replaced))

    def _is_from(self, table: sa.FromClause, ticker: str, as_of: date) -> sa.ColumnElement[bool]:
        """Build the condition that a row is of the source's forecast of a ticker from a session."""
        return self._is_of(table, ticker) & (table.c.as_of == as_of)
