"""Card numbers that others test with, fetched from the package indexes into a cache of this machine."""

import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

CACHE = Path.home() / ".cache/chaperone-bench/sets"
BRAINTREE = "braintree==4.48.0"
CARD_VALIDATOR = "card-validator@10.0.4"
# The package index has Presidio's recogniser without its tests, so the numbers they use, all of them test
# numbers that the schemes publish, are written down.
_PRESIDIO = """
    4012888888881881 4012-8888-8888-1881 4012_8888_8888_1881 122000000000003 371449635398431 5555555555554444
    5019717010103742 30569309025904 6011000400000000 3528000700000000 6759649826438453 4111111111111111
    4917300800000000 4484070000000000
"""


class KnownSet(NamedTuple):
    """Numbers that a set calls valid, as it writes them."""

    name: str
    numbers: tuple[str, ...]
    trouble: str = ""
    """Why there are none."""


def sets() -> list[KnownSet]:
    """Every set."""
    presidio = tuple(number.replace("_", " ") for number in _PRESIDIO.split())
    return [
        _fetched("PyPI braintree", _braintree),
        _fetched("npm card-validator", _card_validator),
        KnownSet("Presidio's tests", presidio),
    ]


def _fetched(name: str, read: Callable[[], list[str]]) -> KnownSet:
    try:
        return KnownSet(name, tuple(dict.fromkeys(read())))
    except (OSError, subprocess.CalledProcessError) as error:
        return KnownSet(name, (), f"not fetched: {error}")


def _braintree() -> list[str]:
    """The test numbers of the Python client: every one is a card to its maker."""
    with zipfile.ZipFile(_downloaded(BRAINTREE, "*.whl", _pip)) as wheel:
        text = wheel.read("braintree/test/credit_card_numbers.py").decode()
    return re.findall(r'= "([0-9]{12,19})"', text)


def _card_validator() -> list[str]:
    """What the validator's own tests expect to be valid, with its default options."""
    with tarfile.open(_downloaded(CARD_VALIDATOR, "*.tgz", _npm)) as archive:
        member = archive.extractfile("package/src/__tests__/card-number.ts") or io.BytesIO()
        text = member.read().decode()
    return re.findall(r'\[\s*"([0-9][0-9 -]+)",[^{\]]*\{[^}]*isValid: true', text)


def _downloaded(package: str, pattern: str, download: Callable[[str, Path], None]) -> Path:
    """The package's file, fetched at the first call."""
    folder = CACHE / re.sub(r"\W+", "-", package)
    if not any(folder.glob(pattern)):
        folder.mkdir(parents=True, exist_ok=True)
        download(package, folder)
    return next(folder.glob(pattern))


def _pip(package: str, folder: Path) -> None:
    tools = CACHE / "tools"
    if not (tools / "bin/pip").exists():
        subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)
    command = [str(tools / "bin/pip"), "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    subprocess.run(command, check=True)


def _npm(package: str, folder: Path) -> None:
    if shutil.which("npm") is None:
        raise FileNotFoundError("npm is not installed")
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
