"""A recorder and its sessions in a user namespace, as in a pod with ``hostUsers: false``.

Ids are mapped to themselves, as files look in idmapped volumes; capabilities are those over the namespace.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_recorder import ROOT, Authority, LiveRecorder, wait_until

from sidecar.contract.events import Program

ATTACK = ROOT / "tests/cluster/attacks/on_shim.py"
RIGHTS = (
    "--bounding-set=-all,+audit_write,+chown,+dac_override,+fowner,+fsetid,+kill,+mknod,+net_bind_service"
    ",+net_raw,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot"
)
"""What container runtimes give to root."""
_IN_ONE_OF_ITS_OWN = """
import ctypes, os, sys
NEW_USER = 0x10000000
known, tell = os.pipe()
helper = os.fork()
if helper == 0:
    os.read(known, 1)
    whole = os.geteuid() == 0
    for file, own in ("uid_map", os.geteuid()), ("gid_map", os.getegid()):
        if not whole and file == "gid_map":
            open(f"/proc/{os.getppid()}/setgroups", "w").write("deny")
        open(f"/proc/{os.getppid()}/{file}", "w").write("0 0 65536" if whole else f"{own} {own} 1")
    os._exit(0)
if ctypes.CDLL(None, use_errno=True).unshare(NEW_USER):
    raise OSError(ctypes.get_errno(), "unshare")
os.write(tell, b".")
assert os.waitpid(helper, 0)[1] == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="module")
def recorder(
    tmp_path_factory: pytest.TempPathFactory, compiled_shim: Path, authority: Authority
) -> Iterator[LiveRecorder]:
    place, before = tmp_path_factory.mktemp("namespace"), (sys.executable, "-S", "-c", _IN_ONE_OF_ITS_OWN)
    with LiveRecorder(place, compiled_shim, authority, before=before) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def inside(recorder: LiveRecorder) -> tuple[str, ...]:
    """What execs a program in the recorder's namespace, as root there with all capabilities."""
    own, ours = (Path(f"/proc/{pid}/ns/user") for pid in (recorder.pid, "self"))
    wait_until(lambda: own.readlink() != ours.readlink(), "a namespace of its own")
    return ("nsenter", "--user", "--preserve-credentials", f"--target={recorder.pid}", "--", "setpriv")


def test_sessions_are_masked_traced_and_recorded(
    recorder: LiveRecorder, authority: Authority, inside: tuple[str, ...]
) -> None:
    ticket = authority.grant("sh", "-c", "/bin/echo 4111111111111111; exec grep -c . /proc/self/uid_map")
    assert recorder.run(ticket, before=(*inside, RIGHTS)).stdout == b"411111******1111\n1\n"
    recording = recorder.ended_recording(ticket.session)
    ran = [event for event in recording.events if isinstance(event, Program)]
    assert [event.argv[0] for event in ran] == ["sh", "/bin/echo", "grep"]
    assert all(event.executable for event in ran)


def test_the_shim_cannot_be_read_traced_or_led(
    recorder: LiveRecorder, authority: Authority, inside: tuple[str, ...]
) -> None:
    ticket = authority.grant("python3", "-")
    done = recorder.run(ticket, ATTACK.read_bytes(), before=(*inside, RIGHTS))
    outcomes = json.loads(done.stdout)
    assert {name for name, told in outcomes.items() if told == "done"} <= {"list descriptors"}
    assert len(outcomes) == 16


def test_a_capability_over_the_namespace_is_one_over_the_shim(
    recorder: LiveRecorder, authority: Authority, inside: tuple[str, ...]
) -> None:
    """Therefore containers that have it get no session, in any pod (``webhook/admission/evasions.py``)."""
    script = ": < /proc/$PPID/environ && echo read; exit 0"
    for rights, shown in ((RIGHTS, b""), (f"{RIGHTS},+sys_ptrace", b"read\n")):
        ticket = authority.grant("sh", "-c", script)
        assert recorder.run(ticket, before=(*inside, rights)).stdout == shown
