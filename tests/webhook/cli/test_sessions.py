"""``chaperone sessions``, run as people and programs run it."""

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest
from audit_front import PAYMENTS_ONLY, Front
from cli_runner import COMMAND, Chaperone

from webhook.replay.safety import RESET
from webhook.store.contract import SessionRecord

Kept = dict[str, SessionRecord]


def names(kept: Kept, *which: str) -> list[str]:
    return [kept[name].session for name in which]


def listed(chaperone: Chaperone, *arguments: str) -> list[str]:
    items = json.loads(chaperone.out("sessions", "list", "-o", "json", *arguments))["items"]
    return [item["metadata"]["name"] for item in items]


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_a_list_for_people(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.process("sessions", "list").out
    header, *rows = out.splitlines()
    assert header.split() == ["SESSION", "USER", "POD", "COMMAND", "RESULT", "MASKED", "AGE"]
    assert [row.split()[0] for row in rows] == names(
        kept, "active", "interrupted", "hostile", "failing", "shell"
    )
    assert "exit 7" in rows[3]
    assert is_harmless(out)


@pytest.mark.parametrize("columns", ["80", "100", "160"])
@pytest.mark.parametrize("place", [[], ["-A"]])
def test_a_list_fits_its_terminal(chaperone: Chaperone, kept: Kept, columns: str, place: list[str]) -> None:
    out = chaperone.out("sessions", "list", *place, COLUMNS=columns)
    assert max(map(len, out.splitlines())) <= int(columns)
    assert all(record.session in out for record in kept.values() if record.namespace == "payments")


def test_piped_output_is_not_cut(chaperone: Chaperone) -> None:
    out = chaperone.out("sessions", "list", "-o", "wide")
    assert "system:serviceaccount:payments:agent-\\x1b[31mred" in out
    assert {"CONTAINER", "NODE", "TTY", "DURATION"} <= set(out.splitlines()[0].split())


def test_a_list_for_programs_is_the_apis_own(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "list", "-o", "json")
    assert is_harmless(out)
    answer = json.loads(out)
    assert answer["kind"] == "SessionList"
    hostile = next(item for item in answer["items"] if item["metadata"]["name"] == kept["hostile"].session)
    assert tuple(hostile["spec"]["command"]) == kept["hostile"].argv


@pytest.mark.parametrize(
    ("arguments", "which"),
    [
        (["-A", "--limit", "2"], ["elsewhere", "active"]),
        (["-n", "billing"], ["elsewhere"]),
        (["--context", "billing"], ["elsewhere"]),
        (["--pod", "shop-5d9f"], ["shell"]),
        (["--user", "agent", "--phase", "completed"], ["failing", "shell"]),
        (["--phase", "Interrupted"], ["interrupted"]),
        (["--phase", "active"], ["active"]),
        (["--since", "2026-09-21T16:15:00"], ["active", "interrupted", "hostile"]),
        (["--until", "2026-09-21T14:14:00+00:00"], ["shell"]),
        (["--text", "alice"], ["shell"]),
        (["--text", "order", "-A"], ["elsewhere", "failing"]),
        (["--text", "order", "-A", "--limit", "1"], ["elsewhere"]),
        (["--text", "order", "--phase", "active"], []),
        (["--limit", "0"], ["active", "interrupted", "hostile", "failing", "shell"]),
        (["--since", "1s"], []),
        (["--kind", "exec", "--pod", "shop-5d9f"], ["shell"]),
        (["--kind", "main-process"], []),
        (["--kind", "main-process", "--text", "alice"], []),
    ],
)
def test_a_list_is_narrowed(chaperone: Chaperone, kept: Kept, arguments: list[str], which: list[str]) -> None:
    assert listed(chaperone, *arguments) == names(kept, *which)


def test_an_empty_list_says_so(chaperone: Chaperone) -> None:
    done = chaperone.run("sessions", "list", "-n", "nowhere")
    assert (done.code, done.out) == (0, "")
    assert done.error == "No recorded sessions found in namespace nowhere.\n"


def test_a_cut_list_says_so(chaperone: Chaperone) -> None:
    assert "--limit 0 shows all" in chaperone.run("sessions", "list", "--limit", "2").error


def test_everything_of_a_session(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "show", kept["shell"].session)
    for fact in ("bash", "agent", "payments/shop-5d9f", "1 × pan/visa", "exited", "built-in", "CEST"):
        assert fact in out
    assert kept["shell"].digest.hex() in out
    assert "café" not in out


def test_a_command_is_shown_as_a_shell_would_read_it(chaperone: Chaperone, kept: Kept) -> None:
    assert "sh -c 'echo no such order >&2; exit 7'" in chaperone.out(
        "sessions", "show", kept["failing"].session
    )


def test_the_transcript_is_plain_text(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "show", "-v", kept["shell"].session)
    assert "cat cards\n" in out
    assert "café €5\n" in out
    hostile = chaperone.out("sessions", "show", "-v", kept["hostile"].session)
    assert is_harmless(hostile)
    assert "beforeafter" in hostile
    assert " ! no such order" in chaperone.out("sessions", "show", "-v", kept["failing"].session)


def test_what_ran_inside(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "show", "--programs", kept["failing"].session)
    shell, renamed = out.splitlines()[-2:]
    assert shell.endswith(" 12 uid 1000 /srv [/usr/bin/dash] sh -c 'echo no such order >&2; exit 7'")
    assert renamed.endswith(" 13 uid 1000 /srv [/tmp/\\x1b[2J (deleted)] ls 'a b' …")
    assert renamed.split()[0] == "0.02s"
    assert is_harmless(out)
    assert "Programs      2\n" in out
    assert "Tracing" not in out


def test_what_was_typed_is_shown_as_it_was_entered(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "show", "--typed", kept["shell"].session)
    assert out.splitlines()[-1] == "     1.00s › cat cards"
    assert "had no terminal" in chaperone.out("sessions", "show", "--typed", kept["failing"].session)


def test_a_session_whose_programs_are_not_seen_says_so(chaperone: Chaperone, kept: Kept) -> None:
    assert "Tracing       off: ptrace fails with EPERM" in chaperone.out(
        "sessions", "show", kept["hostile"].session
    )


def test_a_replay_with_programs(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "play", "--programs", kept["failing"].session, "--speed", "1000")
    assert "\x1b[2m▸ [/tmp/\\x1b[2J (deleted)] ls 'a b' …\x1b[0m\r\n" in out
    assert "▸" not in chaperone.out("sessions", "play", kept["failing"].session, "--speed", "1000")


def test_a_session_for_programs(chaperone: Chaperone, kept: Kept) -> None:
    shown = json.loads(chaperone.out("sessions", "show", kept["shell"].session, "-o", "json"))
    assert (shown["kind"], shown["metadata"]["name"]) == ("Session", kept["shell"].session)


def test_ids_may_be_abbreviated(chaperone: Chaperone, kept: Kept) -> None:
    name = kept["shell"].session
    for part in (name[:10], name[-6:], name[-6:].upper()):
        assert name in chaperone.out("sessions", "show", part)
    done = chaperone.run("sessions", "show", name[:4])
    assert done.code == 2
    assert "short for 5 sessions" in done.error
    assert name in done.error


def test_a_session_of_another_namespace_is_found(chaperone: Chaperone, kept: Kept) -> None:
    name = kept["elsewhere"].session
    assert "billing/" in chaperone.out("sessions", "show", name)
    assert "billing/" in chaperone.out("sessions", "show", name[-8:])
    assert chaperone.run("sessions", "show", name, "-n", "payments").code == 3


def test_an_id_short_for_several_elsewhere_names_them(standing: Front, tmp_path: Path, kept: Kept) -> None:
    at_home = Chaperone(standing.kubeconfig(tmp_path, namespace="default"))
    name = kept["shell"].session
    for arguments in (["show"], ["play"], ["cast"]):
        done = at_home.run("sessions", *arguments, name[:4])
        assert (done.code, done.out) == (2, "")
        assert "short for 6 sessions" in done.error
        assert f"payments/{name}" in done.error
        assert f"billing/{kept['elsewhere'].session}" in done.error
    assert at_home.run("sessions", "show", name[:4], "-n", "default").code == 3
    assert at_home.run("sessions", "show", "zzzz").code == 3


def test_whoever_may_read_one_namespace_is_told_of_that_alone(
    standing: Front, folder: Path, kept: Kept
) -> None:
    limited = Chaperone(standing.kubeconfig(folder, PAYMENTS_ONLY))
    assert limited.run("sessions", "show", "zzzz").code == 3
    assert kept["shell"].session in limited.out("sessions", "list")
    done = limited.run("sessions", "show", kept["elsewhere"].session)
    assert (done.code, 'no session "' in done.error) == (3, True)
    assert limited.run("sessions", "list", "-A").code == 4


def test_a_replay_shows_what_was_shown(chaperone: Chaperone, kept: Kept) -> None:
    out = chaperone.out("sessions", "play", kept["shell"].session, "--speed", "1000")
    assert "café €5" in out
    assert "\x1b]0;" not in out
    assert "cat cardz" in out
    hostile = chaperone.out("sessions", "play", kept["hostile"].session, "--idle-limit", "0")
    assert hostile == "beforeafter\r\n"


def test_a_replay_of_a_session_under_way_says_so(chaperone: Chaperone, kept: Kept) -> None:
    done = chaperone.run("sessions", "play", kept["active"].session, "--speed", "100")
    assert (done.out, done.code) == ("Serving HTTP\r\n", 0)
    assert "not over" in done.error


def test_a_cast_goes_to_a_file_or_to_the_output(chaperone: Chaperone, kept: Kept, tmp_path: Path) -> None:
    out = chaperone.out("sessions", "cast", kept["shell"].session)
    file = tmp_path / "shell.cast"
    done = chaperone.run("sessions", "cast", kept["shell"].session, "-o", str(file))
    assert (done.code, done.out, str(file) in done.error) == (0, "", True)
    assert file.read_text() == out
    assert [path.name for path in tmp_path.iterdir()] == ["shell.cast"]
    assert is_harmless(out)
    third = chaperone.out("sessions", "cast", kept["shell"].session, "--asciicast", "3", "--no-input")
    assert json.loads(third.splitlines()[0])["version"] == 3
    assert '"i"' not in third


def test_a_cast_that_cannot_be_written(chaperone: Chaperone, kept: Kept, tmp_path: Path) -> None:
    done = chaperone.run("sessions", "cast", kept["shell"].session, "-o", str(tmp_path / "no" / "file"))
    assert (done.code, "cannot be written" in done.error) == (1, True)


class Viewer:
    """Somebody before a terminal."""

    def __init__(self, chaperone: Chaperone, *arguments: str) -> None:
        self.terminal, inner = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            env=chaperone.environment(TERM="xterm"),
            stdin=inner,
            stdout=inner,
            stderr=inner,
        )
        self.inner = inner
        self.seen = b""

    def until(self, text: bytes) -> None:
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self._read(0.5)

    def rest(self) -> bytes:
        while self.process.poll() is None:
            self._read(0.1)
        while self._read(0.1):
            pass
        os.close(self.inner)
        os.close(self.terminal)
        return self.seen

    def press(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    def _read(self, seconds: float) -> bytes:
        readable, _, _ = select.select([self.terminal], [], [], seconds)
        data = os.read(self.terminal, 65536) if readable else b""
        self.seen += data
        return data


def test_keys_pause_step_and_end_a_replay(chaperone: Chaperone, kept: Kept) -> None:
    """28 seconds of silence lie before the last output; a step jumps over them."""
    viewer = Viewer(chaperone, "sessions", "play", kept["shell"].session)
    viewer.until("€5".encode())
    viewer.press(b" ")
    viewer.press(b".")
    viewer.until(b"exit")
    seen = viewer.rest()
    assert viewer.process.returncode == 0
    assert b"\x1b[?25h" in seen.partition(b"exit\r\n")[2]


@pytest.mark.parametrize("key", [b"q", b"\x04", b"\x03"])
def test_a_replay_can_be_left(chaperone: Chaperone, kept: Kept, key: bytes) -> None:
    viewer = Viewer(chaperone, "sessions", "play", kept["shell"].session)
    viewer.until("€5".encode())
    viewer.press(key)
    seen = viewer.rest()
    assert viewer.process.returncode == 0
    assert seen.endswith(RESET.encode())
    assert b"Traceback" not in seen


def test_a_pipe_that_is_closed_early_is_no_crash(chaperone: Chaperone) -> None:
    command = f"{COMMAND} sessions list -o json | head -c 10"
    done = subprocess.run(
        ["sh", "-c", command], env=chaperone.environment(), capture_output=True, check=False, timeout=120
    )
    assert b"Traceback" not in done.stderr
