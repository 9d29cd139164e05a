from portfolio.services.snapshots import (
    FutureSnapshot,
    PositionLine,
    PositionsOnSpot,
    SnapshotRefused,
    StaleSnapshot,
    apply_snapshot,
)

__all__ = [
    "FutureSnapshot",
    "PositionLine",
    "PositionsOnSpot",
    "SnapshotRefused",
    "StaleSnapshot",
    "apply_snapshot",
]
