"""What runs inside a session, through a real recorder into the spool."""

from pathlib import Path

import msgspec
from live_recorder import Authority, LiveRecorder, Recording
from shim_process import TRACED, without_calls

from sidecar.contract.events import Channel, Data, Ending, Program, Untraced
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind

TRACE = "101"
"""ptrace(2) on x86-64."""


def programs(recording: Recording) -> list[Program]:
    return [event for event in recording.events if isinstance(event, Program)]


def test_every_program_is_in_the_record_masked(shared: LiveRecorder, authority: Authority) -> None:
    script = "env -C /tmp /bin/echo 4111111111111111; exec true 4111-1111-1111-1111"
    ticket = authority.grant("sh", "-c", script)
    assert shared.run(ticket).stdout == b"411111******1111\n"
    recording = shared.ended_recording(ticket.session)
    assert [(program.argv, program.cwd) for program in programs(recording)[1:]] == [
        (("env", "-C", "/tmp", "/bin/echo", "411111******1111"), str(shared.container)),
        (("/bin/echo", "411111******1111"), "/tmp"),
        (("true", "4111-11**-****-1111"), str(shared.container)),
    ]
    assert recording.end.programs == 4


def test_a_program_is_recorded_before_its_output(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "/bin/echo one; /bin/echo two")
    shared.run(ticket)
    events = shared.ended_recording(ticket.session).events
    told = [
        event.argv[-1] if isinstance(event, Program) else event.data.decode().strip()
        for event in events
        if isinstance(event, Program | Data)
    ]
    shown = [event.data for event in events if isinstance(event, Data) and event.channel is Channel.STDOUT]
    assert b"".join(shown) == b"one\ntwo\n"
    assert told.index("one") < told.index("two")
    assert isinstance(events[1], Program)


def test_a_session_that_cannot_be_traced_says_so(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "/bin/true; exit 4")
    done = shared.run(ticket, before=without_calls(TRACE))
    assert done.returncode == 4
    recording = shared.ended_recording(ticket.session)
    (untraced,) = [event for event in recording.events if isinstance(event, Untraced)]
    assert untraced.reason == "no program inside this session is recorded: ptrace fails with EPERM"
    assert (programs(recording), recording.end.programs) == ([], 0)


def test_a_debugger_works_where_a_rule_wants_no_tracing_and_the_record_says_so(
    shared: LiveRecorder, authority: Authority
) -> None:
    script = "echo 4111111111111111; exit 4"
    ticket = authority.grant(*TRACED, "sh", "-c", script, untraced="payments/debugging")
    done = shared.run(ticket)
    assert (done.returncode, done.stdout) == (4, b"411111******1111\n")
    recording = shared.ended_recording(ticket.session)
    (untraced,) = [event for event in recording.events if isinstance(event, Untraced)]
    assert untraced.reason == "no program inside this session is recorded: so says rule payments/debugging"
    assert recording.events[1] == untraced
    assert (programs(recording), recording.end.programs) == ([], 0)


NO_DUMPS = CommandRule("payments/no-dumps", "", deny=(CommandPattern(PatternKind.GLOB, ("*dump", "**")),))


def test_what_a_policy_denies_does_not_run(
    shared: LiveRecorder, authority: Authority, tmp_path: Path
) -> None:
    dump = tmp_path / "dump"
    dump.symlink_to("/bin/echo")
    script = f"{dump} 4111111111111111; echo $?; exec -a ls {dump} again"
    ticket = authority.grant("bash", "-c", script, commands=(NO_DUMPS,), traced=True)
    done = shared.run(ticket)
    assert done.stdout == b"126\nagain\n"
    assert done.stderr.startswith(f"chaperone: '{dump}' was not run: by rule payments/no-dumps ".encode())
    recording = shared.ended_recording(ticket.session)
    assert [program.denied for program in programs(recording)] == ["", "payments/no-dumps", ""]
    assert programs(recording)[1].argv == (str(dump), "411111******1111")


def test_a_policy_may_deny_by_an_expression(shared: LiveRecorder, authority: Authority) -> None:
    source = 'cwd == "/tmp" && executable.endsWith("/env") && argv.exists(a, a == "-0")'
    rule = msgspec.structs.replace(NO_DUMPS, deny=(CommandPattern(PatternKind.CEL, (source,)),))
    ticket = authority.grant("sh", "-c", "cd /tmp; env true; env -0; echo $?", commands=(rule,), traced=True)
    done = shared.run(ticket)
    assert done.stdout == b"126\n"
    assert b"'env' was not run: by rule payments/no-dumps" in done.stderr


def test_what_a_policy_denies_may_end_the_session(shared: LiveRecorder, authority: Authority) -> None:
    rule = msgspec.structs.replace(NO_DUMPS, ends=True, deny=(CommandPattern(PatternKind.PREFIX, ("id",)),))
    ticket = authority.grant("sh", "-c", "id; sleep 1000", commands=(rule,), traced=True)
    done = shared.run(ticket)
    assert b"this session was ended" in done.stderr
    assert shared.ended_recording(ticket.session).end.how is Ending.POLICY


def test_nothing_runs_unseen_where_a_policy_wants_it_seen(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("echo", "unseen", traced=True)
    done = shared.run(ticket, before=without_calls(TRACE))
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"a policy wants every program seen" in done.stderr
    assert shared.ended_recording(ticket.session).end.how is Ending.POLICY


def test_command_rules_that_cannot_be_loaded_start_nothing(
    shared: LiveRecorder, authority: Authority
) -> None:
    rule = CommandRule("p/r", "", deny=(CommandPattern(PatternKind.REGEX, ("(a)\\1",)),))
    done = shared.run(authority.grant("echo", "x", commands=(rule,)))
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"the policy's command rules cannot be loaded here" in done.stderr


def test_a_flood_of_programs(shared: LiveRecorder, authority: Authority) -> None:
    script = "n=0; while [ $n -lt 1000 ]; do /bin/true $n; n=$((n+1)); done; echo done"
    ticket = authority.grant("sh", "-c", script)
    assert shared.run(ticket).stdout == b"done\n"
    recording = shared.ended_recording(ticket.session)
    assert [program.argv[-1] for program in programs(recording)[1:]] == [str(n) for n in range(1000)]
