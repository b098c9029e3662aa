"""The control side's image holds what the control side imports."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_image_holds_what_is_imported_of_the_data_side() -> None:
    copied = set(
        re.findall(r"^COPY sidecar/(\w+) ", (ROOT / "webhook/Containerfile").read_text(), re.MULTILINE)
    )
    pattern = re.compile(r"^\s*(?:from|import) sidecar\.(\w+)", re.MULTILINE)
    sources = [
        *(ROOT / "webhook").rglob("*.py"),
        *(file for name in copied for file in (ROOT / "sidecar" / name).rglob("*.py")),
    ]
    imported = {name for file in sources for name in pattern.findall(file.read_text())}
    assert imported <= copied
