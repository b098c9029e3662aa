"""Programs that ran in a session, as one line each. Pure."""

import shlex

from sidecar.contract.events import Program
from webhook.replay.safety import printable


def command_of(program: Program) -> str:
    """Give a program's command line, and before it the file when that has another name."""
    words = " ".join(program.argv) if program.typed else shlex.join(program.argv)
    line = printable(words) + (" …" if program.truncated else "")
    if program.denied:
        line += f" (denied by {printable(program.denied)})"
    elif program.approvals:
        line += f" (approved: {printable(', '.join(program.approvals))})"
    if program.typed:
        return f"[typed] {line}"
    name = program.argv[0].rpartition("/")[2] if program.argv else ""
    if name == program.executable.rpartition("/")[2]:
        return line
    return f"[{printable(program.executable) or 'a file that cannot be read'}] {line}"
