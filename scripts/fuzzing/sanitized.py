"""Stories told to the engine with its C under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

NAME = "sidecar.masking.quiet.native"
ROOT = Path(__file__).resolve().parents[2]
FLAGS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
# Python keeps its memory until the end; every block is to be malloc's own, with its guards around it.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "PYTHONMALLOC": "malloc"}
_BUILT = "CHAPERONE_SANITIZED"


def build(folder: Path) -> dict[str, str]:
    """Build ``native.c`` with sanitizers into ``folder``; give the environment that uses it."""
    built = folder / "native.abi3.so"
    source = ROOT / "sidecar/masking/quiet"
    include = sysconfig.get_path("include")
    make = ["make", "-s", "-B", "-C", str(source), f"OUT={built}", f"CFLAGS={FLAGS}", f"INCLUDE={include}"]
    subprocess.run(make, check=True)
    library = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return {**ENVIRONMENT, "LD_PRELOAD": library, _BUILT: str(built)}


def use() -> None:
    """Let what imports the extension get the one that was built."""
    spec = importlib.util.spec_from_file_location(NAME, os.environ[_BUILT])
    if spec is None or spec.loader is None:
        raise ImportError(f"{os.environ[_BUILT]} is no extension")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[NAME] = module


if __name__ == "__main__":
    use()
    from fuzzing import plain

    plain.main()
