"""What docs/evidence.md says can be done with a bundle by hand, done."""

import os
import re
import subprocess
from pathlib import Path

from evidence_bundles import files

DOCUMENT = Path(__file__).parents[2] / "docs/evidence.md"


def by_hand(
    folder: Path, session: str, *, user: str = "agent", namespace: str = "", unsigned: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the document's commands for a bundle about a user or, where one is named, a namespace.

    ``unsigned`` leaves out the signature over the digests.
    """
    found = re.search(r"^```bash\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    commands = found[1]
    if unsigned:
        commands = commands.replace("note SHA256SUMS.sig\nsigned key.der text SHA256SUMS.sig\n", "")
        assert commands != found[1]
    (folder.parent / "check.sh").write_text(commands)
    about = {"namespace": namespace} if namespace else {"user": user}
    return subprocess.run(
        ["bash", "../check.sh"],
        env={**os.environ, "root": "../root", "session": session, **about},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def unpacked(data: bytes, parent: Path, root: bytes) -> Path:
    """Give the folder of a bundle; beside it is the root's public key."""
    place = parent / "bundle"
    for name, content in files(data).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    (parent / "root").write_text(root.hex())
    return place
