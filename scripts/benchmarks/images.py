"""Image sizes, as the node reports them (compressed layers, as pulled)."""

import argparse

from benchmarks.pair import administrator
from benchmarks.report import print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This benchmark has no options."""
    del parser


def run(args: argparse.Namespace) -> dict[str, float]:
    """Read, print, give the figures."""
    sizes: dict[str, float] = {}
    for node in administrator(args.name).get("nodes")["items"]:
        for image in node["status"]["images"]:
            for name in image["names"]:
                if "chaperone-" in name and "@" not in name:
                    sizes[name.rsplit("/", 1)[1]] = image["sizeBytes"] / 1_000_000
    print_table(("image", "MB"), [(name, f"{size:.1f}") for name, size in sorted(sizes.items())])
    return {f"{name}_mb": size for name, size in sizes.items()}
