"""Statistics and tables of the benchmarks."""

import math
import statistics
from collections.abc import Mapping, Sequence

Row = tuple[str, ...]


def percentile(values: Sequence[float], share: float) -> float:
    """Give the nearest-rank percentile: the smallest value that ``share`` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median(values: Sequence[float]) -> float:
    """Give the middle value."""
    return statistics.median(values)


def milliseconds(seconds: float) -> str:
    """Give a time for reading."""
    return f"{seconds * 1000:.1f} ms"


def print_table(header: Row, rows: Sequence[Row]) -> None:
    """Print aligned columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  " + "  ".join(cells))


def compare(what: str, times: Mapping[str, Sequence[float]], high: float) -> dict[str, float]:
    """Print and give median and one high percentile of ``guarded`` and ``raw``, their ratio and difference.

    Times are in seconds.
    """
    figures: dict[str, float] = {}
    rows: list[Row] = []
    for share in (0.5, high):
        label = f"p{share * 100:.0f}"
        guarded, raw = percentile(times["guarded"], share), percentile(times["raw"], share)
        figures |= {f"guarded_{label}_s": guarded, f"raw_{label}_s": raw}
        figures |= {f"ratio_{label}": guarded / raw, f"added_{label}_s": guarded - raw}
        cells = (
            milliseconds(guarded),
            milliseconds(raw),
            milliseconds(guarded - raw),
            f"{guarded / raw:.3f}",
        )
        rows.append((label, *cells))
    print_table((what, "guarded", "raw", "added", "ratio"), rows)
    return figures
