"""The chart's values: all in its closed schema, all used, and in the documents as they are."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, cast

import yaml
from chart import CHART

_DOCS: Final = CHART.parents[1] / "docs"
_FREE: Final = re.compile(r"global|.*\.resources\.(requests|limits)\..*")
"""What the schema knows and values may leave out: Helm's own, and what Kubernetes knows of resources."""
_NAME: Final = r"[a-z]\w*(?:\.\w+)+"
_SAID: Final = {
    "256 MiB": 256 << 20,
    "64 MiB": 64 << 20,
    **dict.fromkeys(("none", "nobody", "nowhere"), ()),
    "off": False,
}
"""How docs/install.md says some defaults."""


def leaves(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Give every setting with its default."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(cast("dict[str, Any]", value), f"{before}{name}.")
        else:
            yield f"{before}{name}", value


VALUES: Final = dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text())))
SCHEMA: Final = json.loads((CHART / "values.schema.json").read_text())


def schemas(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every part of the schema under the setting's name."""
    if reference := schema.get("$ref"):
        schema = SCHEMA["definitions"][reference.rpartition("/")[2]]
    yield name, schema
    for key, part in schema.get("properties", {}).items():
        yield from schemas(part, f"{name}.{key}" if name else key)


def test_the_schema_has_exactly_the_settings_that_there_are_and_is_closed() -> None:
    parts = dict(schemas(SCHEMA))
    known = {name for name, part in parts.items() if "properties" not in part}
    assert {name for name in known ^ VALUES.keys() if not _FREE.fullmatch(name)} == set()
    closed = [part.get("additionalProperties") for part in parts.values() if "properties" in part]
    assert closed == [False] * len(closed)


def test_every_setting_is_used_by_a_template() -> None:
    """By its whole name; or by its last part, or with its whole group, where a template has the group."""
    text = "\n".join(path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file())

    def is_used(name: str) -> bool:
        if re.search(rf"\.Values\.{name}(?![\w.])", text):
            return True
        group, _, last = name.rpartition(".")
        while group and not re.search(rf"\.Values\.{group}(?![\w.])", text):
            group = group.rpartition(".")[0]
        whole = rf"to(Yaml|Json) \.Values\.{group}(?![\w.])|\.Values\.{group} \| (default dict|toJson)"
        return bool(group and (re.search(whole, text) or re.search(rf"\.{last}(?!\w)", text)))

    assert [name for name in VALUES if not is_used(name)] == []


def test_documents_name_settings_that_there_are() -> None:
    known = {name.rsplit(".", depth)[0] for name in VALUES for depth in range(4)}
    groups = "|".join(sorted({name.partition(".")[0] for name in VALUES}))
    for page in sorted(_DOCS.glob("*.md")):
        text = page.read_text()
        named = re.findall(rf"--set(?:-json)? '?({_NAME})", text)
        named += re.findall(rf"`((?:{groups})(?:\.\w+)+)(?:=[^`]*)?`", text)
        assert [name for name in named if name not in known] == [], page.name


def test_the_table_of_settings_says_their_defaults() -> None:
    lines = re.findall(
        rf"^\| `({_NAME})` \|.*\| ([^|]+) \|$", (_DOCS / "install.md").read_text(), re.MULTILINE
    )
    for name, said in lines:
        default: Any = _SAID[said] if said in _SAID else yaml.safe_load(said.strip("`"))
        value = VALUES.get(name, default)
        assert (value or False) == (default or False) or value == [default], name
    assert len(lines) > 15
