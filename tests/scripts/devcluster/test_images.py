import io
import json
import subprocess
import tarfile
from pathlib import Path

from devcluster.images import Image, copied_sources, inputs_of
from devcluster.imagestore import parse_image_list
from devcluster.ociarchive import StaticImage, write_archive

RECIPE = """\
ARG BASE
FROM ${BASE} AS build
# COPY nothing
COPY --chown=0:0 pyproject.toml src/ \\
     /built/
RUN echo COPY
FROM ${BASE}
COPY --from=build /built /built
add data /data
"""


def test_only_what_is_copied_from_the_tree_counts() -> None:
    assert copied_sources(RECIPE) == ["pyproject.toml", "src/", "data"]


def test_an_image_changes_with_its_inputs_only(tmp_path: Path) -> None:
    for name in ("src", "data", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("1")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "Containerfile").write_text(RECIPE)
    image = Image("x", "Containerfile")
    first = inputs_of(image, tmp_path, "base")
    (tmp_path / "other/file").write_text("2")
    assert inputs_of(image, tmp_path, "base") == first
    (tmp_path / "src/file").write_text("2")
    assert len({first, inputs_of(image, tmp_path, "base"), inputs_of(image, tmp_path, "other base")}) == 3


def test_tags_follow_the_inputs_unless_they_are_for_tests() -> None:
    assert Image("x", "Containerfile").tag("abc") == "dev-abc"
    assert Image("x", "Containerfile", moving=True).tag("abc") == "dev"


def test_a_static_image_is_an_oci_archive(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    image = StaticImage("localhost/x:1", {"/bin/tool": program}, ("/bin/tool",))
    write_archive(image, "x86_64", tmp_path / "one.tar")
    write_archive(image, "x86_64", tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:

        def blob(name: str) -> bytes:
            stream = archive.extractfile(name)
            assert stream is not None
            return stream.read()

        index = json.loads(blob("index.json"))
        assert index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == "localhost/x:1"
        manifest = json.loads(blob("blobs/sha256/" + index["manifests"][0]["digest"][7:]))
        configuration = json.loads(blob("blobs/sha256/" + manifest["config"]["digest"][7:]))
        assert configuration["config"]["User"] == "65532:65532"
        layer = blob("blobs/sha256/" + manifest["layers"][0]["digest"][7:])
    with tarfile.open(fileobj=io.BytesIO(layer)) as content:
        assert [(entry.name, entry.mode) for entry in content] == [("bin/tool", 0o755)]


def test_the_table_of_images() -> None:
    text = (
        "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
        "localhost/a:1 application/x sha256:1 1.0 MiB linux/amd64 chaperone.dev/inputs=abc,io.cri=managed\n"
        "localhost/b:1 application/x sha256:2 1.0 MiB linux/amd64 -\n"
    )
    assert parse_image_list(text) == {"localhost/a:1": "abc", "localhost/b:1": ""}


def test_the_first_process_reaps_and_ends_when_told(tmp_path: Path) -> None:
    source = Path(__file__).parents[3] / "scripts/devcluster/pause.c"
    subprocess.run(
        ["musl-gcc", "-static", "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "pause", source], check=True
    )
    with subprocess.Popen([tmp_path / "pause"]) as process:
        process.terminate()
        assert process.wait(10) in {0, -15}
