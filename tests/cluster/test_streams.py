"""Exec without a terminal: bytes, exit codes and half-close, over both streaming protocols."""

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kube import NAMESPACE, Kubectl
from pods import container, pod
from sessions import Audit, marker
from workshop import Workshop

EXEC = ("exec", "-n", NAMESPACE)
CARD = "4111111111111111"
MASKED = "411111******1111"
HUNDRED_MEGABYTES = 100 * 1024 * 1024


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 128 + 9, 128 + 15])
def test_the_exit_code_is_the_programs(agent_both: Kubectl, app: str, code: int) -> None:
    assert agent_both.try_(*EXEC, app, "--", "sh", "-c", f"exit {code}").code == code


def test_a_signal_is_128_and_its_number(agent_both: Kubectl, app: str) -> None:
    assert agent_both.try_(*EXEC, app, "--", "sh", "-c", "kill -KILL $$").code == 128 + 9


def test_an_unknown_command_is_127_and_says_so(agent_both: Kubectl, app: str) -> None:
    result = agent_both.try_(*EXEC, app, "--", "no-such-program")
    assert result.code == 127
    assert "no-such-program" in result.error


def test_a_file_that_is_no_program_is_126(agent_both: Kubectl, app: str) -> None:
    assert agent_both.try_(*EXEC, app, "--", "/etc/passwd").code == 126


def test_stdout_and_stderr_stay_apart_and_in_order(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    script = "for i in 1 2 3 4 5; do echo out$i; echo err$i >&2; done"
    result = agent_both.try_(*EXEC, app, "--", "sh", "-c", script, mark)
    out = b"".join(b"out%d\n" % i for i in range(1, 6))
    assert (result.stdout, result.stderr) == (out, out.replace(b"out", b"err"))
    recorded = audit.recorded(mark)
    assert (recorded.data("stdout"), recorded.data("stderr")) == (result.stdout, result.stderr)


def test_stdin_reaches_the_program_and_its_end_too(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    given = b"first\nsecond\n"
    result = agent_both.try_(*EXEC, "-i", app, "--", "sh", "-c", "cat; echo end", mark, stdin=given)
    assert result.stdout == given + b"end\n"
    assert audit.recorded(mark).data("stdin") == given


def test_without_stdin_the_program_reads_nothing(agent_both: Kubectl, app: str) -> None:
    assert agent_both.run(*EXEC, app, "--", "wc", "-c").strip() == "0"


def test_half_close_lets_the_program_answer_after_its_input_ended(agent_both: Kubectl, app: str) -> None:
    """WebSocket needs protocol v5 for this (KEP-4006); SPDY always could."""
    result = agent_both.try_(*EXEC, "-i", app, "--", "sort", stdin=b"b\na\n")
    assert result.stdout == b"a\nb\n"


def test_the_program_may_end_before_its_input(agent_both: Kubectl, app: str, audit: Audit) -> None:
    """kubectl itself goes on waiting here, guarded or not, until its input is taken or it is stopped."""
    mark = marker()
    process = agent_both.start(*EXEC, "-i", app, "--", "sh", "-c", "head -c 5", mark)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"12345" + bytes(60_000))
    process.stdin.flush()
    assert process.stdout.read(5) == b"12345"
    process.kill()
    process.communicate()
    assert audit.recorded(mark).status["exitCode"] == 0


def test_a_hundred_megabytes_come_out_whole(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    script = "yes 'the quick brown fox jumps over the lazy dog' | head -c 104857600"
    process = agent_both.start(*EXEC, app, "--", "sh", "-c", script, mark, stdin=subprocess.DEVNULL)
    assert process.stdout
    digest, size = hashlib.sha256(), 0
    while chunk := process.stdout.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
    process.communicate(timeout=60)
    line = b"the quick brown fox jumps over the lazy dog\n"
    expected = (line * (HUNDRED_MEGABYTES // len(line) + 1))[:HUNDRED_MEGABYTES]
    assert (process.returncode, size) == (0, HUNDRED_MEGABYTES)
    assert digest.digest() == hashlib.sha256(expected).digest()
    assert audit.recorded(mark, seconds=180).status["bytes"]["stdout"] == HUNDRED_MEGABYTES


def test_a_hundred_megabytes_go_in_whole(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    given = bytes(range(256)) * (HUNDRED_MEGABYTES // 256)
    result = agent_both.try_(*EXEC, "-i", app, "--", "sh", "-c", "sha256sum", mark, stdin=given)
    assert result.text.split()[0] == hashlib.sha256(given).hexdigest()
    assert audit.recorded(mark, seconds=180).status["bytes"]["stdin"] == HUNDRED_MEGABYTES


def test_binary_data_without_a_card_is_untouched(agent_both: Kubectl, app: str) -> None:
    given = bytes(range(256)) * 4096
    assert agent_both.try_(*EXEC, "-i", app, "--", "cat", stdin=given).stdout == given


def test_twenty_sessions_at_once_in_one_pod(agent_both: Kubectl, app: str, audit: Audit) -> None:
    marks = [marker() for _ in range(20)]

    def run(mark: str) -> bytes:
        return agent_both.try_(*EXEC, app, "--", "sh", "-c", f"sleep 1; echo {CARD} $0", mark).stdout

    with ThreadPoolExecutor(20) as pool:
        outputs = list(pool.map(run, marks))
    assert outputs == [f"{MASKED} {mark}\n".encode() for mark in marks]
    for mark, output in zip(marks, outputs, strict=True):
        assert audit.recorded(mark).data("stdout") == output


def test_more_sessions_than_the_recorder_takes_are_refused_and_the_others_go_on(
    workshop: Workshop, admin: Kubectl, agent: Kubectl
) -> None:
    """All of them print much, within the memory that the recorder is given."""
    name = workshop.pod(pod("crowded", container()))
    script = f"i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo $i {CARD}; done; sleep 60"
    wanted = "".join(f"{number} {MASKED}\n" for number in range(1, 1001))

    def run(_: int) -> str:
        result = agent.try_(*EXEC, name, "--", "sh", "-c", script, timeout=240)
        return "done" if (result.code, result.text) == (0, wanted) else result.error

    with ThreadPoolExecutor(40) as pool:
        outcomes = list(pool.map(run, range(40)))
    refused = [outcome for outcome in outcomes if outcome != "done"]
    assert refused
    assert len(refused) <= 8
    assert all("32 sessions run in this pod already; try again later" in outcome for outcome in refused)
    status = admin.get("-n", NAMESPACE, f"pod/{name}")["status"]["initContainerStatuses"][0]
    assert status["restartCount"] == 0


def test_a_background_child_does_not_hold_the_session(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    result = agent_both.try_(*EXEC, app, "--", "sh", "-c", "sleep 300 & echo started", mark, timeout=120)
    assert result.stdout == b"started\n"
    assert audit.recorded(mark).status["exitCode"] == 0


def test_what_a_session_left_running_is_ended(agent: Kubectl, app: str) -> None:
    agent.run(*EXEC, app, "--", "sh", "-c", "setsid sleep 4242 >/dev/null 2>&1 & echo started")
    assert "sleep 4242" not in agent.run(
        *EXEC, app, "--", "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; :"
    )


def test_a_client_killed_while_it_sends_ends_the_session(agent_both: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    process = agent_both.start(*EXEC, "-i", app, "--", "sh", "-c", "echo ready; cat", mark)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.communicate()
    assert audit.recorded(mark).data("stdout") == b"ready\n"


def test_what_runs_on_without_its_client_is_recorded_to_its_end(
    agent_both: Kubectl, app: str, audit: Audit
) -> None:
    """Nothing tells a container that a client without stdin has gone; limits end what never ends."""
    mark = marker()
    script = "trap '' HUP; for i in $(seq 50); do echo line $i; sleep 0.1; done"
    process = agent_both.start(*EXEC, app, "--", "sh", "-c", script, mark)
    assert process.stdout
    assert process.stdout.readline() == b"line 1\n"
    process.kill()
    process.communicate()
    assert audit.recorded(mark).data("stdout").startswith(b"line 1\nline 2\n")


def test_the_exact_command_line_is_recorded(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    command = ["printf", "%s|", "a b", "", "--", "ünïcode", "line\nbreak", mark]
    agent.run(*EXEC, app, "--", *command)
    assert audit.recorded(mark).object["spec"]["command"] == command


def test_a_card_number_in_the_command_line_is_masked_in_the_record(
    agent: Kubectl, app: str, audit: Audit
) -> None:
    mark = marker()
    result = agent.try_(*EXEC, app, "--", "grep", CARD, "/dev/null", mark)
    assert result.code == 2 or result.code == 1
    command = audit.recorded(mark).object["spec"]["command"]
    assert command == ["grep", MASKED, "/dev/null", mark]


def test_who_asked_is_on_the_session(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    agent.run(*EXEC, app, "--", "echo", mark)
    spec = audit.recorded(mark).object["spec"]
    assert spec["user"]["username"] == "agent"
    assert "agents" in spec["user"]["groups"]
    assert (spec["pod"], spec["container"]) == (app, "app")


def test_claims_of_the_identity_provider_are_on_the_session(
    admin: Kubectl, app: str, audit: Audit, tmp_path: Path
) -> None:
    mark = marker()
    config = json.loads(admin.run("config", "view", "--raw", "-o", "json"))
    claims = {"example.com/team": ["payments"]}
    config["users"][0]["user"] |= {"as": "agent", "as-groups": ["agents"], "as-user-extra": claims}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    Kubectl(path).run(*EXEC, app, "--", "echo", mark)
    user = audit.recorded(mark).object["spec"]["user"]
    assert (user["username"], user["extra"]) == ("agent", claims)
