"""What an image build takes over from this machine so that pip and apt work in it as they do here.

It is mounted while a build runs and is never part of an image.
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP_OPTIONS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "retries")


@dataclass(frozen=True)
class Distribution:
    """The Debian, or a relative of it, that this machine runs."""

    identifier: str
    codename: str


def parse_os_release(text: str) -> Distribution:
    """Read /etc/os-release (os-release(5))."""
    pairs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return Distribution(pairs.get("ID", "").strip('"'), pairs.get("VERSION_CODENAME", "").strip('"'))


def apt_sources(files: Mapping[str, str], codename: str) -> str:
    """The one-line sources of this distribution's own archives, from files by name.

    Archives of others, and suites other than the codename's, are left out.
    """
    lines = [line for name, text in sorted(files.items()) for line in _entries(name, text)]
    own = [line for line in lines if re.search(rf"\s{re.escape(codename)}(-[a-z-]+)?/?\s", line)]
    return "".join(f"{line}\n" for line in dict.fromkeys(own))


def _entries(name: str, text: str) -> Iterable[str]:
    if not name.endswith(".sources"):
        return [line.strip() for line in text.splitlines() if line.startswith("deb ")]
    return [line for stanza in re.split(r"\n\s*\n", text) for line in _stanza_entries(stanza)]


def _stanza_entries(stanza: str) -> Iterable[str]:
    """One-line entries of a deb822 stanza (sources.list(5)), or of a stray one-line entry."""
    for line in stanza.splitlines():
        if line.startswith("deb "):
            yield line.strip()
    pairs = [line.split(":", 1) for line in stanza.splitlines() if re.match(r"[A-Za-z-]+:", line)]
    fields = {key.lower(): value.split() for key, value in pairs}
    if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
        return
    for uri in fields.get("uris", []):
        for suite in fields.get("suites", []):
            yield " ".join(["deb", uri, suite, *fields.get("components", [])])


def apt_options(dump: str) -> list[str]:
    """The download settings (proxies, retries, validity) among the lines of `apt-config dump`."""
    kept = re.compile(r'Acquire::(https?|Retries|Check-|ForceIPv)\S* "[^"]+";', re.IGNORECASE)
    return [line for line in dump.splitlines() if kept.match(line)]


def pip_configuration(files: Iterable[str], environment: Mapping[str, str]) -> str:
    """A pip.conf with this machine's index settings; the environment wins over files, later over earlier."""
    found: dict[str, str] = {}
    for text in files:
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        if parser.has_section("global"):
            found |= {key: value for key, value in parser.items("global") if key in PIP_OPTIONS}
    for option in PIP_OPTIONS:
        value = environment.get("PIP_" + option.upper().replace("-", "_"))
        if value:
            found[option] = value
    found["cert"] = str(AUTHORITIES)
    return "[global]\n" + "".join(f"{key} = {value}\n" for key, value in sorted(found.items()))


def pip_files(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Where pip looks for its configuration, in its own order."""
    named = [Path(environment["PIP_CONFIG_FILE"])] if environment.get("PIP_CONFIG_FILE") else []
    return [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf", *named]


def link_folders(configuration: str) -> list[str]:
    """Local folders that a pip configuration takes packages from."""
    parser = configparser.RawConfigParser()
    parser.read_string(configuration)
    return [word for word in parser.get("global", "find-links", fallback="").split() if word.startswith("/")]
