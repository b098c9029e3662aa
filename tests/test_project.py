"""What holds for the project as a whole: dependencies, locks, and what its documents promise."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from cli_runner import COMMAND, Chaperone
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from webhook.registry.reference import DEFAULT_HOST, DEFAULT_SERVER, OTHER_DEFAULT

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
ALWAYS: list[str] = PROJECT["project"]["dependencies"]
DEVELOPMENT: list[str] = PROJECT["dependency-groups"]["dev"]
NEEDED = {
    "requirements.lock": [*ALWAYS, *EXTRAS["webhook"], *EXTRAS["sidecar"], *DEVELOPMENT],
    "webhook/requirements.lock": [*ALWAYS, *EXTRAS["webhook"]],
    "sidecar/requirements.lock": [*ALWAYS, *EXTRAS["sidecar"]],
}
PIN = re.compile(
    r"^([a-z0-9.-]+)==(\S+)((?: ; [^\\]+)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)

INDEX_HOST = re.compile(
    r"\b(?:[a-z0-9-]+\.)*(?:pypi\.org|pythonhosted\.org|docker\.io|docker\.com|ghcr\.io|quay\.io|gcr\.io|pkg\.dev"
    r"|registry\.k8s\.io|mcr\.microsoft\.com|public\.ecr\.aws|npmjs\.org|npmjs\.com|(?:proxy|sum)\.golang\.org"
    r"|repo1?\.maven\.(?:org|apache\.org)|conda\.anaconda\.org|crates\.io|deb\.debian\.org|security\.debian\.org"
    r"|rubygems\.org|registry\.access\.redhat\.com)\b(?:/[a-z0-9./_-]*(?::[a-z0-9.-]+)?)?",
    re.IGNORECASE,
)
DEFAULT_IMAGE = "docker.io/library/python:3.13-slim"
NAMES_OF_DEFAULT_REGISTRY = {
    ("charts/chaperone/values.yaml", DEFAULT_HOST),
    *(("webhook/registry/reference.py", name) for name in (DEFAULT_HOST, DEFAULT_SERVER, OTHER_DEFAULT)),
}
"""Where names of images are read as runtimes read them, they need these."""
NAMES_DEFAULT_IMAGE = {
    "scripts/devcluster/supply.py",
    "sidecar/Containerfile",
    "tests/cluster/images/app/Containerfile",
    "tests/cluster/images/static/Containerfile",
    "webhook/Containerfile",
}
"""Where the base of an image is named that another can be given for with ``--build-arg BASE=…``."""


def pins(lock: str) -> dict[str, str]:
    """Give what a lock pins by hash: versions by name."""
    return {match[1]: match[2] for match in PIN.finditer((ROOT / lock).read_text())}


def tracked(*patterns: str) -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_what_is_built_holds_all_that_commands_read(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(argv, cwd=ROOT, capture_output=True, check=True)
    [wheel] = tmp_path.iterdir()
    held = set(zipfile.ZipFile(wheel).namelist())
    needed = tracked("policies", "webhook/**/*.py", "webhook/evidence/page", "sidecar/**/*.py")
    assert [name for name in needed if name not in held] == []
    assert not [name for name in held if name.startswith(("tests/", "scripts/"))]


@pytest.mark.parametrize("lock", NEEDED)
def test_a_lock_pins_what_the_project_asks_for(lock: str) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, NEEDED[lock]):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{lock} does not pin {requirement.name}"
        assert requirement.specifier.contains(version), f"{lock}: {requirement.name} {version}"


@pytest.mark.parametrize("lock", NEEDED)
def test_a_lock_holds_nothing_but_pins_with_hashes(lock: str) -> None:
    rest = PIN.sub("", (ROOT / lock).read_text())
    assert rest.strip() == ""


@pytest.mark.parametrize("lock", ["webhook/requirements.lock", "sidecar/requirements.lock"])
def test_the_locks_agree(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements.lock").items()


def test_the_project_names_no_index() -> None:
    assert "uv" not in PROJECT["tool"]
    for lock in NEEDED:
        text = (ROOT / lock).read_text()
        assert "://" not in text
        assert "index" not in [line.split("=")[0].strip("- ") for line in text.splitlines()]


def test_tracked_files_name_no_registry_but_that_of_the_default_image() -> None:
    named = {
        (file, match[0].rstrip("."))
        for file in tracked()
        for match in INDEX_HOST.finditer((ROOT / file).read_text(errors="replace"))
    }
    assert named == {(file, DEFAULT_IMAGE) for file in NAMES_DEFAULT_IMAGE} | {
        ("tests/test_project.py", DEFAULT_IMAGE),
        *NAMES_OF_DEFAULT_REGISTRY,
    }


def imported(files: Iterable[str]) -> set[str]:
    """Give the distributions that files import directly."""
    owners = packages_distributions()
    modules: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    foreign = modules - sys.stdlib_module_names
    return {canonicalize_name(owner) for module in foreign for owner in owners.get(module, [])}


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


AUTHORING = "sidecar/masking/authoring/"
"""Reads masking rules where they are written, which is on the control side."""


def test_what_is_imported_directly_is_named() -> None:
    own = canonicalize_name(PROJECT["project"]["name"])
    sidecar = [file for file in tracked("sidecar/*.py") if not file.startswith(AUTHORING)]
    webhook = tracked("webhook/*.py", f"{AUTHORING}*.py")
    assert imported(sidecar) - {own} <= names(NEEDED["sidecar/requirements.lock"])
    assert imported(webhook) - {own} <= names(NEEDED["webhook/requirements.lock"])
    assert imported(tracked("tests/*.py", "scripts/*.py")) - {own} <= names(NEEDED["requirements.lock"])


BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1``` *$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`((?:chaperone|scripts/[a-z-]+) [^`\n]*)`(?!`)")
SHELLS = frozenset(["", "sh", "console"])
ENDS = frozenset(["|", "||", "&", "&&", ";", ">", ">>", "<", ")", "--"])


def commands(text: str) -> Iterator[list[str]]:
    """Give the calls of this project's commands in a document's blocks and text, each as its words."""
    for block in BLOCK.finditer(text):
        lines = block[3] if block[2] in SHELLS else ""
        for line in lines.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.replace("$(", "( ").replace('"', ""), posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            try:
                words = list(lexer)
            except ValueError:  # a quotation that goes on in the next line
                continue
            yield from _calls(words)
    for span in SPAN.finditer(text):
        yield from _calls(span[1].split())


def _calls(words: list[str]) -> Iterator[list[str]]:
    for index, word in enumerate(words):
        is_start = index == 0 or words[index - 1] in ENDS | {"$", "(", "eval"}
        if is_start and (word.startswith("scripts/") or Path(word).name == "chaperone"):
            rest = words[index:]
            if len(rest) > 1 and not re.match("[a-z-]", rest[1]):
                continue  # a drawing, or a path
            end = next((place for place, part in enumerate(rest) if part in ENDS), len(rest))
            yield rest[:end]


GROUPS = ("sessions", "approvals", "canary", "events", "evidence", "holds", "ledger", "policy", "report")
"""Commands of `chaperone` that have commands of their own."""


def promised() -> set[tuple[str, str, tuple[str, ...]]]:
    """Give document, command with its subcommands, and options."""
    found: set[tuple[str, str, tuple[str, ...]]] = set()
    for document in tracked("*.md"):
        for words in commands((ROOT / document).read_text()):
            options = tuple(
                word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-zA-Z][a-z-]*(=.*)?", word)
            )
            end = next(
                (i for i, word in enumerate(words) if not re.fullmatch(r"[a-z./-]+", word)), len(words)
            )
            plain = words[1:end]
            count = 1 if "scripts/" in words[0] else 2 if plain[:1] and plain[0] in GROUPS else 1
            found.add(
                (
                    document,
                    " ".join([words[0], *(w for w in plain[:count] if not w.startswith("-"))]),
                    options,
                )
            )
    return found


def test_documents_name_only_commands_and_options_that_exist() -> None:
    promises = promised()
    assert len(promises) > 15
    texts = {command: _says(command) for command in sorted({command for _, command, _ in promises})}
    for document, command, options in promises:
        unknown = [name for name in options if not re.search(rf"(?<![\w-]){name}(?![\w-])", texts[command])]
        assert not unknown, f"{document}: {command} has no {unknown}"


def test_documents_lead_to_pages_and_headings_that_there_are() -> None:
    texts = {ROOT / name: BLOCK.sub("", (ROOT / name).read_text()) for name in tracked("*.md")}
    headings = {
        page: set(map(_anchor, re.findall(r"^#+ (.+)$", text, re.MULTILINE))) for page, text in texts.items()
    }
    for page, text in texts.items():
        for name, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name} leads to {name}"
            assert not anchor or anchor in headings[target], f"{page.name} leads to {name}#{anchor}"


def _anchor(heading: str) -> str:
    """Give what a heading is called in links."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _says(command: str) -> str:
    program, *subcommands = command.split()
    if program.startswith("scripts/"):
        return _script_text(program)
    done = Chaperone(ROOT / "none").offline(*subcommands, "--help", COLUMNS="300", NO_COLOR="1")
    assert done.code == 0, f"{command}: {done.error}"
    return done.out


def test_every_attack_of_the_threat_model_names_tests_that_exist() -> None:
    table = (ROOT / "docs/threat-model.md").read_text().partition("| attack |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines()[2:] if line]
    assert len(rows) > 15
    for row in rows:
        for name in row.rpartition(" | ")[2].removesuffix(" |").split(", "):
            under = ("tests/cluster",) if name.startswith("*") else ("tests/sidecar", "tests/webhook")
            assert any((ROOT / place / name.strip("*")).is_file() for place in under), name


def test_the_readme_shows_what_the_demonstration_gives() -> None:
    readme = (ROOT / "README.md").read_text()
    manifest = (ROOT / "docs/examples/demo-app.yaml").read_text()
    orders = "".join(
        f"{line.strip()}\n" for line in re.findall(r"^    (?:order|\d{4}),.*$", manifest, re.MULTILINE)
    )
    done = subprocess.run(
        [COMMAND, "mask"], input=orders, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.count("\n") == 4
    assert f"cat /data/orders.csv\n{done.stdout}" in readme
    cards = sum("*" in line for line in done.stdout.splitlines())
    assert re.search(rf"Completed +0 +{cards} ", readme)


def _script_text(program: str) -> str:
    """Give a script's own text, and that of the package behind it."""
    assert (ROOT / program).is_file(), program
    packages = {"cluster": "devcluster", "bench": "benchmarks", "fuzz": "fuzzing"}
    folder = ROOT / "scripts" / packages.get(Path(program).name, "none")
    texts = [(ROOT / program).read_text(), *(file.read_text() for file in folder.glob("*.py"))]
    kinds = " ".join(f"--{kind}" for kind in ("existing", "kind", "local"))  # made from an enumeration
    return " ".join([*texts, kinds if folder.name == "devcluster" else ""])
