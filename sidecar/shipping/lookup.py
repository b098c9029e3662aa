"""What a name means, asked for a bounded time.

getaddrinfo(3) itself waits for as long as ``/etc/resolv.conf`` has it, which every container of a pod may
write: a server that takes a question over TCP and never answers is waited for without end.
"""

import errno
import os
import signal
import socket
from typing import Final

MOST_ADDRESSES: Final = 4
"""A name has one address, or one for each version of IP; whoever says more only has us try longer."""
_REASON: Final = "!"


def addresses(name: str, *, seconds: float) -> list[str]:
    """Give the addresses of a name, one at least; an address is its own.

    Nothing but its end stops a lookup, so a child asks, which the kernel ends after ``seconds``. To be called
    where there are no other threads (fork(2)). Raises OSError where there is none, UnicodeError where this is
    no name.
    """
    if _is_address(name):
        return [name]
    told = _told(name, seconds)
    if not told:
        raise TimeoutError(errno.ETIMEDOUT, "nobody says in time what the name means")
    if told.startswith(_REASON):
        raise socket.gaierror(socket.EAI_NONAME, told.removeprefix(_REASON))
    return told.split("\n")[:MOST_ADDRESSES]


def _is_address(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST))
    except socket.gaierror:
        return False


def _told(name: str, seconds: float) -> str:
    """Give what the child says, nothing where its time was over. Raises OSError when there is no child."""
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if child == 0:
        _answer(name, seconds, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told.decode()


def _answer(name: str, seconds: float, writer: int) -> None:
    """Ask, tell and end: in the child. It does not return."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds)
        os.write(writer, _asked(name).encode())
    finally:
        os._exit(0)


def _asked(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"{_REASON}{error.strerror}"
    return "\n".join(dict.fromkeys(str(address[0]) for *_, address in found))
