"""Getting jars from Maven Central into the cache, pinned by version and checksum."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from devcluster.errors import ClusterToolError, PrerequisiteError
from devcluster.files import locked
from devcluster.progress import Progress
from devcluster.shell import run

PINNED = Path(__file__).parent / "jars"
"""One list of checksums per artifact and version, as sha256sum writes them."""
COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.chaperone</groupId>
  <artifactId>jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
      <type>{type}</type>
    </dependency>
  </dependencies>
</project>
"""


def parse_checksums(text: str) -> dict[str, str]:
    """File names and their SHA-256, from lines as sha256sum writes them."""
    return {name: digest for digest, name in (line.split("  ", 1) for line in text.splitlines())}


def fetch_jars(coordinates: str, title: str, cache: Path, progress: Progress) -> Path:
    """Give the folder with an artifact (`group:artifact:version`, or with `:zip`) and all it depends on.

    Raises ClusterToolError when a jar is not the one pinned, PrerequisiteError without Maven.
    """
    folder = cache / "jars" / title
    with locked(cache / "build" / f"{title}.lock"):
        if not folder.is_dir():
            with progress.step(f"fetch {title} from Maven Central"):
                _fetch(coordinates, parse_checksums((PINNED / f"{title}.sha256").read_text()), cache, folder)
    return folder


def check_jars(folder: Path, checksums: Mapping[str, str]) -> None:
    """Raise ClusterToolError unless the folder holds exactly the pinned files."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    wrong = sorted(name for name in {*found, *checksums} if found.get(name) != checksums.get(name))
    if wrong:
        raise ClusterToolError(f"Maven gave files that are not the pinned ones: {', '.join(wrong[:5])}")


def _fetch(coordinates: str, checksums: Mapping[str, str], cache: Path, folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise PrerequisiteError("Maven is not installed (Debian package maven); it fetches OpenSearch")
    group, artifact, version, *rest = coordinates.split(":")
    kind = rest[0] if rest else "jar"
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "pom.xml").write_text(POM.format(group=group, artifact=artifact, version=version, type=kind))
    options = [f"-Dmaven.repo.local={cache / 'maven'}", f"-DoutputDirectory={partial / 'jars'}"]
    if kind == "jar":
        options.append("--strict-checksums")
    else:  # has none beside it; the pinned one counts anyway
        options.append("-DexcludeTransitive=true")
    run(["mvn", "--batch-mode", "--quiet", COPY_GOAL, *options], folder=partial)
    check_jars(partial / "jars", checksums)
    (partial / "jars").replace(folder)
    shutil.rmtree(partial)
