"""Whatever moment a collector is killed at: every session that ended is sealed once, and the ledger holds."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_desk import Desk

COLLECTOR = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from ledger_desk import Desk

desk = Desk(Path(sys.argv[1]))
for number in range(100_000):
    print(desk.session(number).session, flush=True)
    desk.sealing.seal()
    desk.checkpoints.give_out()
"""


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_every_session_is_sealed_once_after_kill_9(tmp_path: Path, sessions: int) -> None:
    root, path = Path(__file__).parents[3], tmp_path / "store.db"
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", COLLECTOR, str(path), str(root), str(root / "tests/support")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as output:
            ended = [output.readline().strip() for _ in range(sessions)]
            process.send_signal(signal.SIGKILL)
            ended += [line.strip() for line in output if line.endswith("\n")]
        process.wait()
        desk = Desk(path)
        desk.sealing.seal()
        desk.checkpoints.give_out()
        sealed = desk.sealed()
        assert set(ended) <= set(sealed)
        assert len(set(sealed)) == len(sealed)
        desk.verify()
        desk.store.close()
