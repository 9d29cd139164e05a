"""What every bench measures and prints: percentiles per path, and their ratio to a floor."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles

RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One measured path; a ratio is None where nothing is there to compare with."""

    p50_ms: float
    p99_ms: float
    p50_ratio: float | None = None
    p99_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a bench found; floor_ms is None where there is no floor, notes say how it came about."""

    paths: Mapping[str, Path]
    floor_ms: float | None = None
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, object]:
        floor = {} if self.floor_ms is None else {"floor_ms": self.floor_ms}
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {
            **floor,
            "paths": {name: asdict(path) for name, path in self.paths.items()},
            **notes,
        }

    def as_text(self) -> str:
        """Return a table, one path a line."""
        lines = [] if self.floor_ms is None else [f"floor {self.floor_ms:.3f} ms"]
        for name, path in self.paths.items():
            ratios = f"{_ratio(path.p50_ratio)} / {_ratio(path.p99_ratio)}"
            lines.append(f"{name:36} {path.p50_ms:10.4f} / {path.p99_ms:.4f} ms   {ratios}")
        return "\n".join(["path, p50 / p99, ratio p50 / p99", *lines, *self.notes])


def path_of(samples_ms: Sequence[float], *, floor_ms: float | None = None) -> Path:
    """Return the percentiles of one run, with their ratios to the floor."""
    p50, p99 = median(samples_ms), quantiles(samples_ms, n=100)[98]
    if floor_ms is None:
        return Path(p50_ms=p50, p99_ms=p99)
    return Path(p50_ms=p50, p99_ms=p99, p50_ratio=p50 / floor_ms, p99_ratio=p99 / floor_ms)


def median_of(runs: Sequence[Path]) -> Path:
    """Return the median of several runs of one path, figure by figure."""
    return Path(
        p50_ms=median(run.p50_ms for run in runs),
        p99_ms=median(run.p99_ms for run in runs),
        p50_ratio=_median_ratio([run.p50_ratio for run in runs]),
        p99_ratio=_median_ratio([run.p99_ratio for run in runs]),
    )


def _median_ratio(ratios: Sequence[float | None]) -> float | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return median(known) if known else None


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
