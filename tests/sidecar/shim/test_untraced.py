"""Sessions that the recorder lets start without tracing: setuid programs and debuggers work in them."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from shim_process import TRACED, Shim

from sidecar.contract import handshake

USER, OTHER = 64231, 64232
"""Users nobody else is."""
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
"""As in a pod that sets no ``allowPrivilegeEscalation: false``: without ``no_new_privs``."""


def setuid(program: str, owner: int, scratch: Path) -> str:
    """Give a copy of a program that runs as its owner."""
    if os.geteuid():
        pytest.skip("programs of another user are root's to make")
    copy = scratch / f"{program}-{owner}"
    shutil.copy(shutil.which(program) or "", copy)
    os.chown(copy, owner, -1)
    copy.chmod(0o4755)
    return str(copy)


def test_a_debugger_may_trace_and_nothing_is_told(shim: Shim) -> None:
    outcome = shim.run(*TRACED, "sh", "-c", "/bin/echo traced; exit 7", go=handshake.go_untraced())
    assert (outcome.code, outcome.stdout, outcome.session.programs) == (7, b"traced\n", [])


def test_a_setuid_program_gets_its_user(shim: Shim, scratch: Path) -> None:
    program = setuid("id", OTHER, scratch)
    untraced = shim.run(program, "-u", before=AS_USER, go=handshake.go_untraced())
    assert untraced.stdout == f"{OTHER}\n".encode()
    assert shim.run(program, "-u", before=AS_USER).stdout == f"{USER}\n".encode()


def test_what_the_pod_forbids_stays_forbidden(shim: Shim, scratch: Path) -> None:
    program = setuid("id", OTHER, scratch)
    before = ("setpriv", "--no-new-privs", *AS_USER)
    untraced = shim.run(program, "-u", before=before, go=handshake.go_untraced())
    assert untraced.stdout == f"{USER}\n".encode()


def test_what_became_somebody_else_for_good_outlives_the_session_and_that_is_said(
    released: Shim, scratch: Path
) -> None:
    """As after sudo: a shim that is no root cannot signal it (kill(2))."""
    become = setuid("setpriv", 0, scratch)
    script = f"""
{become} --reuid={OTHER} --clear-groups sleep 1000 >/dev/null 2>&1 &
until [ "$(stat -c %u /proc/$!)" = {OTHER} ]; do sleep 0.05; done
echo $!
"""
    outcome = released.run("sh", "-c", script, before=AS_USER, go=handshake.go_untraced())
    assert b"some processes of this session could not be ended" in outcome.stderr
    os.kill(int(outcome.stdout), signal.SIGKILL)
