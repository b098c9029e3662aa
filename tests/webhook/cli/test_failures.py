"""What goes wrong around the command line, in words that help, with codes that programs can tell apart."""

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_front import AGENT, AUDITOR, Front
from cli_runner import COMMAND, Chaperone, Done

from webhook.store.contract import SessionRecord

NEVER_SEEN = ("Traceback", "urllib3", "\x1b")


def failed(done: Done, code: int) -> str:
    assert done.code == code, done.error
    assert done.out == ""
    assert not any(word in done.error for word in NEVER_SEEN)
    return done.error


def test_without_a_kubeconfig(tmp_path: Path) -> None:
    error = failed(Chaperone(tmp_path / "none").process("sessions", "list"), 5)
    assert "no usable kubeconfig" in error
    assert "--kubeconfig" in error


_ODD = "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
_NO_FORM = "it has not the form of a kubeconfig"


def _with(server: str) -> str:
    """Give a kubeconfig whose user comes from a plugin that is not there."""
    plugin = "{apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}"
    return (
        f"{_ODD}contexts: [{{name: a, context: {{cluster: a, user: u}}}}]\n"
        f"clusters: [{{name: a, cluster: {{server: {server}}}}}]\n"
        f"users: [{{name: u, user: {{exec: {plugin}}}}}]\n"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nonsense: [", "it is not YAML"),
        ("some words", _NO_FORM),
        ("- a\n- list", _NO_FORM),
        (f"{_ODD}contexts: 5\n", _NO_FORM),
        (_with("7"), _NO_FORM),
        (_with("'https://127.0.0.1:1'"), "it gives no credentials: [Errno 2] No such file or directory"),
    ],
    ids=["no YAML", "words", "a list", "odd contexts", "odd server", "no plugin"],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    error = failed(Chaperone(file).run("sessions", "list"), 5)
    assert f"no usable kubeconfig ({file}): " in error
    assert said in error


def test_a_context_that_is_not_there(chaperone: Chaperone) -> None:
    assert "other" in failed(chaperone.run("sessions", "list", "--context", "other"), 5)


def test_an_api_server_that_is_not_there(chaperone: Chaperone, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        config = json.loads(chaperone.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{unused.getsockname()[1]}"
        file = tmp_path / "config"
        file.write_text(json.dumps(config))
        error = failed(chaperone.run("sessions", "list", "--kubeconfig", str(file)), 6)
    assert "cannot be reached" in error


def test_an_api_server_that_is_another(chaperone: Chaperone, tmp_path: Path) -> None:
    config = json.loads(chaperone.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority"]
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    assert "not trusted" in failed(chaperone.run("sessions", "list", "--kubeconfig", str(file)), 6)


def test_without_the_right_the_admins_command_is_told(standing: Front, folder: Path) -> None:
    agent = Chaperone(standing.kubeconfig(folder, AGENT))
    error = failed(agent.run("sessions", "list"), 4)
    assert 'user "agent" may not list sessions' in error
    assert "kubectl create rolebinding" in error
    assert "-n payments --clusterrole=chaperone-auditor --user=agent" in error
    assert "kubectl create clusterrolebinding" in failed(agent.run("sessions", "list", "-A"), 4)
    assert "may not create searches" in failed(agent.run("search", "x"), 4)
    assert "may not get sessions" in failed(agent.run("sessions", "show", "0" * 26), 4)


def test_credentials_that_are_not_valid(standing: Front, folder: Path) -> None:
    stranger = Chaperone(standing.kubeconfig(folder, "stranger"))
    assert "not valid" in failed(stranger.run("sessions", "list"), 4)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("missing", "kubectl get apiservice v1alpha1.audit.chaperone.dev"),
        ("unavailable", "kubectl get pods -A -l app.kubernetes.io/component=collector"),
    ],
)
def test_an_api_service_in_trouble(
    chaperone: Chaperone, trouble: Callable[[str], None], kind: str, hint: str
) -> None:
    trouble(kind)
    for arguments in (("sessions", "list"), ("sessions", "show", "0" * 26), ("search", "x")):
        assert hint in failed(chaperone.run(*arguments), 6)


@pytest.mark.parametrize("name", ["0" * 26, "nothing", "no/such", "\x1b[31mx", ""])
def test_a_session_that_is_not_there(chaperone: Chaperone, name: str) -> None:
    error = failed(chaperone.run("sessions", "show", name), 3)
    assert "chaperone sessions list -n payments" in error


@pytest.mark.parametrize(
    "arguments", [["--since", "yesterdayish"], ["--since", "٣d"], ["--until", "2026-99-01"]]
)
def test_a_time_that_is_none(chaperone: Chaperone, arguments: list[str]) -> None:
    assert "write 2h, 7d" in failed(chaperone.run("sessions", "list", *arguments), 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sessions", "list", "-o", "yaml"], "'yaml' is not one of 'table', 'wide', 'json'"),
        (["sessions", "list", "--limit", "few"], "must be a whole number"),
        (["sessions", "list", "--limit", "-1"], "must be greater than or equal to 0"),
        (["sessions", "list", "--lmit", "1"], "--limit"),
        (["sessions", "show"], "Missing argument"),
        (["mask", "--profile", "loose"], "'loose' is not one of"),
        (["policy", "lnt"], "Did you mean 'lint'"),
        (["fly"], "No such command 'fly'"),
    ],
)
def test_wrong_usage_is_told_in_words_of_this_command(
    chaperone: Chaperone, arguments: list[str], said: str
) -> None:
    error = failed(chaperone.process(*arguments), 2)
    assert said in error
    first, second = error.splitlines()
    assert first.startswith("chaperone: ")
    assert second.startswith("See: chaperone ")
    assert second.endswith(" --help")
    assert not any(noise in error for noise in ("Value error", "Input should", "parse string"))


@pytest.mark.parametrize("name", ["bad ns/..", "..", "Payments", "-a", "a" * 64, "a.b", "a\n"])
def test_a_name_that_no_namespace_can_have(chaperone: Chaperone, name: str) -> None:
    for arguments in (["sessions", "list"], ["sessions", "show", "0" * 26], ["search", "x"]):
        error = failed(chaperone.run(*arguments, f"--namespace={name}"), 2)
        assert "is no name of a namespace" in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["../x", "a..b", "Shop", "a" * 254])
def test_a_name_that_no_pod_can_have(chaperone: Chaperone, name: str) -> None:
    for arguments in (["sessions", "list"], ["search", "x"]):
        error = failed(chaperone.run(*arguments, f"--pod={name}"), 2)
        assert "is no name of a pod" in error


def test_a_context_whose_namespace_cannot_be(standing: Front, tmp_path: Path) -> None:
    file = standing.kubeconfig(tmp_path, AUDITOR, namespace="../kube-system")
    assert "is no name of a namespace" in failed(Chaperone(file).run("sessions", "list"), 5)


@pytest.mark.parametrize(
    "arguments", [("sessions", "list"), ("sessions", "list", "-o", "json"), ("search", "alice"), ("--help",)]
)
def test_output_that_cannot_be_written(
    chaperone: Chaperone, kept: object, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, *arguments],
            env=chaperone.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert done.stderr == b"chaperone: the output cannot be written: No space left on device\n"
    assert done.returncode == 1


def test_an_exec_plugin_gives_the_token(chaperone: Chaperone, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": AUDITOR},
    }
    plugin.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(credential)}\nEND\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    config = json.loads(chaperone.kubeconfig.read_text())
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    assert "SESSION" in chaperone.out("sessions", "list", "--kubeconfig", str(file))


def test_the_version(chaperone: Chaperone) -> None:
    assert chaperone.process("--version").out.startswith("chaperone 0.")


def test_help_names_every_command(chaperone: Chaperone) -> None:
    out = chaperone.process("--help", NO_COLOR="1").out
    assert all(name in out for name in ("sessions", "search", "mask", "serve"))
    assert "--role" in chaperone.process("serve", "--help", NO_COLOR="1").out


def test_help_waits_for_nothing_heavy() -> None:
    program = "import sys, webhook.cli.main as m; m.application(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"kubernetes", "urllib3", "fastapi", "cryptography", "hyperscan", "uvicorn", "rich.table"}
    assert heavy.isdisjoint(done.stdout.split())


@pytest.mark.parametrize(
    "command",
    [
        ("search", "\udcff", "-A"),
        ("search", "x", "--agent", "\udcff"),
        ("sessions", "list", "--user", "\udcff"),
        ("events", "list", "--text", "\udcff"),
        ("holds", "set", "--agent", "x", "--reason", "\udcff"),
        ("evidence", "export", "--agent", "\udcff", "--since", "1h", "-o", "never-written.zip"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_an_argument_of_bytes_that_are_no_text_is_wrong_usage(
    chaperone: Chaperone, command: tuple[str, ...]
) -> None:
    assert failed(chaperone.run(*command), 2) == "chaperone: an argument is not text in UTF-8\n"


def test_an_output_that_cannot_show_what_is_recorded_is_told(
    chaperone: Chaperone, kept: dict[str, SessionRecord]
) -> None:
    done = chaperone.process("sessions", "show", kept["hostile"].session, "-v", PYTHONIOENCODING="ascii")
    assert (done.code, done.error) == (
        1,
        "chaperone: the output cannot be written in ascii: set LC_ALL=C.UTF-8\n",
    )
