"""Own programs that do what nobody expects: nothing is shown unmasked, and they end as they would."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from live_recorder import Authority, LiveRecorder, Recording, children, wait_until
from own_program import REMARK, UNMASKED, Running
from shim_terminal import Client

from sidecar.contract.events import Channel

PAN = "6011000990139424"
MASKED = b"601100******9424"
LINES = 40_000
WRITER = f"""
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.write(1, b"up\\n")
signal.sigwait([signal.SIGUSR1])
for number in range({LINES}):
    os.write(1, b"line %d of {PAN}, and more\\n" % number)
    os.pwrite(9, b"%d" % number, 0)
"""


def last_recording(recorder: LiveRecorder) -> Recording:
    """The record of the last of a program's sessions, once it is complete."""
    return recorder.ended_recording(max(path.name for path in (recorder.spool / "sessions").iterdir()))


def resident(pid: int) -> int:
    """KiB that a process has in memory."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line]
    return int(line.split()[1])


def when_it_stands(progress: Path) -> int:
    """How many lines a program has written, once it has written some and goes on no more."""
    wait_until(progress.read_text)
    before = -1
    while (now := int(progress.read_text())) != before:
        before = now
        time.sleep(1)
    return now


@pytest.mark.parametrize("content", [False, True])
def test_while_there_is_no_recorder_its_output_waits_and_then_it(
    recorder: LiveRecorder, authority: Authority, tmp_path: Path, *, content: bool
) -> None:
    progress = tmp_path / "progress"
    progress.touch()
    script = f'exec 9<>"{progress}"; exec python3 -c "$0"'
    running = Running(recorder, authority.application("sh", "-c", script, WRITER, content=content))
    running.wait_for(b"up")
    small = resident(running.process.pid)
    recorder.kill()
    [program, *_] = children(running.process.pid)
    os.kill(program, signal.SIGUSR1)
    stands_at = when_it_stands(progress)
    assert stands_at * len(f"line 9999 of {PAN}, and more\n") < 600 * 1024, "a pipe holds 512 KiB at most"
    assert running.shown == b"up\n"
    assert resident(running.process.pid) <= small + 256
    recorder.start()
    assert running.end() == 0
    assert not UNMASKED.search(running.shown)
    shown = [b"line %d of %s, and more" % (number, MASKED) for number in range(2, LINES)]
    lines = running.shown.splitlines()
    assert lines[:3] == [b"up", b"", REMARK]
    assert lines[3] == b"**** 1 of %s, and more" % MASKED, "a word that may be the rest of something"
    assert lines[4:] == shown
    data = last_recording(recorder).data(Channel.STDOUT)
    assert data == (running.shown.removeprefix(b"up\n") if content else b"")


BINARY = bytes(range(256)) * 800
ODD = {
    "a line of 1 MB": ("import os\nos.write(1, (b'x' * 500_000 + b' {pan} ') * 2)", 0),
    "bytes of all kinds": ("import os\nos.write(1, bytes(range(256)) * 800)", 0),
    "no stdout any more": ("import os, time\nos.close(1); os.close(2); time.sleep(0.5); os._exit(3)", 3),
    "no descriptor at all": ("import os, time\nos.closerange(0, 100); time.sleep(0.5); os._exit(3)", 3),
    "a number letter by letter": ("import os\nfor c in '{pan}\\n': os.write(1, c.encode())", 0),
}


@pytest.mark.parametrize("way", ODD)
def test_odd_output(shared: LiveRecorder, authority: Authority, way: str) -> None:
    script, code = ODD[way]
    done = shared.run(authority.application("python3", "-c", script.format(pan=PAN), content=True))
    expected = {
        "a line of 1 MB": (b"x" * 500_000 + b" %s " % MASKED) * 2,
        "bytes of all kinds": BINARY,
        "a number letter by letter": MASKED + b"\n",
    }
    assert (done.returncode, done.stdout) == (code, expected.get(way, b""))


DAEMON = f"""
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            os.write(1, b"daemon {PAN}\\n")
            time.sleep(0.01)
    os._exit(0)
os.wait()
time.sleep(0.5)
os.write(1, b"main {PAN}\\n")
sys.exit(5)
"""


def test_a_daemon_that_holds_its_output_is_masked_and_ends_with_it(
    shared: LiveRecorder, authority: Authority
) -> None:
    began = time.monotonic()
    done = shared.run(authority.application("python3", "-c", DAEMON))
    assert done.returncode == 5
    assert time.monotonic() - began < 60
    assert set(done.stdout.splitlines()) == {b"daemon " + MASKED, b"main " + MASKED}


def test_one_that_stops_itself_goes_on_when_it_is_told(shared: LiveRecorder, authority: Authority) -> None:
    running = Running(
        shared, authority.application("sh", "-c", f"echo up; kill -STOP $$; echo {PAN}; exit 6")
    )
    running.wait_for(b"up\n")
    [program] = children(running.process.pid)
    wait_until(lambda: re.search(r"State:\tT", Path(f"/proc/{program}/status").read_text()))
    running.process.send_signal(signal.SIGCONT)
    assert running.end() == 6
    assert running.shown == b"up\n%s\n" % MASKED


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_one_that_stops_itself_can_be_ended(
    shared: LiveRecorder, authority: Authority, ending: signal.Signals
) -> None:
    """As a kubelet ends it: what it is sent first waits until it goes on, SIGKILL ends the shim."""
    running = Running(shared, authority.application("sh", "-c", "echo up; kill -STOP $$; echo never"))
    running.wait_for(b"up\n")
    [program] = children(running.process.pid)
    wait_until(lambda: re.search(r"State:\tT", Path(f"/proc/{program}/status").read_text()))
    running.process.send_signal(ending)
    if ending is signal.SIGTERM:
        running.process.send_signal(signal.SIGCONT)
    assert running.end() == (143 if ending is signal.SIGTERM else -signal.SIGKILL)
    assert running.shown == b"up\n"
    wait_until(lambda: not Path(f"/proc/{program}").exists())


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("",), 127, b"'' not found"),
        (("/",), 126, b"'/'"),
        (("true", *["x" * 100_000] * 18), 0, b""),
        (("sh", "-c", ""), 0, b""),
    ],
    ids=["no name", "a directory", "1.8 MB of arguments", "an empty script"],
)
def test_odd_command_lines(
    shared: LiveRecorder, authority: Authority, argv: tuple[str, ...], code: int, said: bytes
) -> None:
    done = shared.run(authority.application(*argv))
    assert done.returncode == code
    assert said in done.stderr


def test_one_that_ends_again_and_again_is_served_each_time(
    recorder: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.application("sh", "-c", f"echo {PAN}; exit 1")
    for _ in range(8):
        done = recorder.run(ticket)
        assert (done.returncode, done.stdout) == (1, MASKED + b"\n")
    names = sorted(path.name for path in (recorder.spool / "sessions").iterdir())
    recordings = [recorder.ended_recording(name) for name in names]
    assert [one.start.previous for one in recordings] == ["", *names[:-1]]


AWAY = f"""
import os, sys, time
os.write(1, b"up\\n")
os.closerange(0, 3)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
os.open("/dev/tty", os.O_RDWR)
os.write(0, b"line one\\n")
os.write(0, b"line two\\nline {PAN}\\n")
os._exit(5)
"""


@pytest.mark.parametrize("is_left", [False, True])
def test_one_that_lets_its_terminal_go_finds_it_again(
    recorder: LiveRecorder, authority: Authority, tmp_path: Path, *, is_left: bool
) -> None:
    """Nobody has the terminal open meanwhile, and its recorder may be another one afterwards."""
    back = tmp_path / "back"
    with Client() as client:
        ticket = authority.application("python3", "-c", AWAY, str(back), tty=True, content=True)
        process = recorder.at_terminal(ticket, client)
        client.wait_for(b"up")
        if is_left:
            recorder.kill()
            recorder.start()
        time.sleep(1)
        back.touch()
        client.wait_for(b"line " + MASKED)
        assert process.wait(60) == 5
    assert b"line " + MASKED in last_recording(recorder).data(Channel.STDOUT)
