"""What the masking engine hides of cards, and of what only looks alike: counts, not times."""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.mask_lookalikes import LOOKALIKES
from benchmarks.mask_sets import KnownSet, sets
from benchmarks.mask_written import FIRST, LAST, PLACES, numbers, written
from benchmarks.report import print_table
from sidecar.masking import Engine, Finding, Profile

Mask = Callable[[bytes], tuple[bytes, list[Finding]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument(
        "--samples", type=int, default=100_000, help="look-alikes of each kind (default: 10^5)"
    )
    parser.add_argument(
        "--kind",
        action="append",
        choices=sorted(LOOKALIKES),
        metavar="NAME",
        help="look-alikes of this kind, and no cards; again for more (default: all)",
    )
    parser.add_argument("--seed", type=int, default=11, help="which random values (default: 11)")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Count, print, give the figures."""
    if args.kind:
        return {"lookalikes": false_positives(args.samples, args.seed, args.kind)}
    return {
        "sets": recall_of_sets(sets()),
        "written": recall_of_ways(random.Random(args.seed)),
        "lookalikes": false_positives(args.samples, args.seed),
    }


def false_positives(
    count: int, seed: int, kinds: Sequence[str] = tuple(LOOKALIKES)
) -> dict[str, dict[str, int]]:
    """How many of ``count`` look-alikes of each of ``kinds`` have a digit hidden, by profile."""
    figures: dict[str, dict[str, int]] = {}
    for name in kinds:
        kind = LOOKALIKES[name]
        figures[name] = dict.fromkeys((profile.value for profile in Profile), 0)
        for profile in Profile:
            mask = Engine.load(profile).masks()
            rng = random.Random(seed)
            for start in range(0, count, 1000):
                lines = [kind.make(rng).encode() for _ in range(min(1000, count - start))]
                shown = mask(b"\n".join(lines) + b"\n")[0].split(b"\n")
                figures[name][profile.value] += sum(
                    line != seen for line, seen in zip(lines, shown, strict=False)
                )
    rows = [
        (name, *(_rate(row[profile.value], count) for profile in Profile), LOOKALIKES[name].reason)
        for name, row in figures.items()
    ]
    _print(
        f"look-alikes masked, of {count} each",
        tuple(profile.value for profile in Profile),
        "why, if any",
        rows,
    )
    return figures


def _rate(found: int, count: int) -> str:
    return f"{found} ({found / count:.3%})" if found else "0"


def _print(title: str, columns: tuple[str, ...], last: str, rows: list[tuple[str, ...]]) -> None:
    """A table with text in the last column, which stands to the left."""
    width = max(len(row[-1]) for row in [*rows, (last,)])
    print_table((title, *columns, last.ljust(width)), [(*row[:-1], row[-1].ljust(width)) for row in rows])


def recall_of_sets(known: list[KnownSet]) -> dict[str, dict[str, int]]:
    """How many numbers of each set are hidden, each in every place; those missed are named by position."""
    figures: dict[str, dict[str, int]] = {}
    rows: list[tuple[str, ...]] = []
    mask = Engine.load(Profile.STRICT).masks()
    for group in known:
        missed = [
            at
            for at, number in enumerate(group.numbers, start=1)
            if not all(_hides(mask, before, number, after) for before, after in PLACES.values())
        ]
        valid = len(group.numbers)
        figures[group.name] = {"valid": valid, "masked": valid - len(missed)}
        names = [f"no. {at}: {_veiled(group.numbers[at - 1])}" for at in missed]
        rows.append(
            (group.name, str(valid), str(valid - len(missed)), group.trouble or "; ".join(names) or "none")
        )
    _print("cards others test with, in 8 places", ("valid", "masked"), "missed", rows)
    return figures


def _hides(mask: Mask, before: bytes, number: str, after: bytes) -> bool:
    """Whether every digit between the first six and the last four is hidden."""
    places = [at for at, letter in enumerate(number) if letter.isdigit()]
    shown = mask(before + number.encode() + after)[0]
    return all(shown[len(before) + at : len(before) + at + 1] == b"*" for at in places[FIRST:-LAST])


def _veiled(number: str) -> str:
    """``number`` with its middle digits veiled."""
    count = sum(letter.isdigit() for letter in number)
    out, seen = "", 0
    for letter in number:
        seen += letter.isdigit()
        out += "*" if letter.isdigit() and FIRST < seen <= count - LAST else letter
    return repr(out)


def recall_of_ways(rng: random.Random) -> dict[str, dict[str, int]]:
    """How many generated numbers are hidden, by the way they are written, and by brand."""
    mask = Engine.load(Profile.STRICT).masks()
    tried: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    brands: Counter[str] = Counter()
    examples: dict[str, str] = {}
    total = 0
    for brand, number in numbers(rng):
        total += 1
        for text in written(brand, number):
            tried[text.way] += 1
            shown = mask(text.data)[0]
            if any(shown[low:high] == text.data[low:high] for low, high in text.hidden):
                missed[text.way] += 1
                brands[brand] += 1
                examples.setdefault(text.way, f"{brand} of {len(number)}")
    rows = [
        (way, str(tried[way]), str(missed[way]), f"the first: {examples[way]}" if missed[way] else "")
        for way in tried
        if missed[way]
    ]
    kept = len(tried) - len(rows)
    rows.append(
        (f"{kept} other ways", str(sum(tried.values()) - sum(tried[row[0]] for row in rows)), "0", "")
    )
    _print(f"{total} generated cards, {len(tried)} ways", ("tried", "missed"), "", rows)
    return {way: {"tried": tried[way], "missed": missed[way]} for way in tried} | {"brands": dict(brands)}
