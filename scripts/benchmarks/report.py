"""Statistics and tables of the benchmarks."""

import math
import statistics
from collections.abc import Sequence

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
