"""The store: the only package that imports SQLAlchemy."""

from db.backup import back_up_file, build_dump_command
from db.comments import Description, describe_tables, describe_views
from db.engine import find_secrets, name_database
from db.grants import grant_reader
from db.pruning import Pruned
from db.records import (
    CalibrationRecord,
    Holding,
    ModelRecord,
    PromotionRecord,
    QuarantineRecord,
    Rollback,
    RunRecord,
    SavedBars,
    TickerSession,
)
from db.repositories.base import Selection
from db.repositories.forecast_rows import Publication
from db.repositories.models import RANDOM_WALK
from db.repositories.outcomes import Dimension
from db.repositories.prices import FORGOTTEN
from db.sizes import StoreSize, measure_store
from db.store import (
    Store,
    StoreStatus,
    Transaction,
    inspect_file,
    inspect_store,
    open_existing,
    open_reader,
    open_store,
    upgrade_store,
)

__all__ = [
    "FORGOTTEN",
    "RANDOM_WALK",
    "CalibrationRecord",
    "Description",
    "Dimension",
    "Holding",
    "ModelRecord",
    "PromotionRecord",
    "Pruned",
    "Publication",
    "QuarantineRecord",
    "Rollback",
    "RunRecord",
    "SavedBars",
    "Selection",
    "Store",
    "StoreSize",
    "StoreStatus",
    "TickerSession",
    "Transaction",
    "back_up_file",
    "build_dump_command",
    "describe_tables",
    "describe_views",
    "find_secrets",
    "grant_reader",
    "inspect_file",
    "inspect_store",
    "measure_store",
    "name_database",
    "open_existing",
    "open_reader",
    "open_store",
    "upgrade_store",
]
