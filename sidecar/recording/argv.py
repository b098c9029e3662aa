"""Command lines as they are recorded: text, masked, of bounded length."""

from collections.abc import Sequence

from sidecar.recording.masker import Masker, Masks


def masked_argv(argv: Sequence[bytes], masker: Masker, *, most_bytes: int) -> tuple[str, ...]:
    """Give the arguments masked as one line, so that a number cut by a space is seen as well.

    Undecodable bytes become U+FFFD. What is beyond ``most_bytes`` is left out, and the last argument then
    says how much.
    """
    (masked,) = masked_lines([argv], lambda line: (masker.feed(line) + masker.close(), ()))
    arguments: list[str] = []
    start = 0
    for argument in masked:
        end = start + len(argument)
        if end > most_bytes:
            total = sum(map(len, masked)) + len(masked) - 1
            return (*arguments, f"… {total - start} bytes more")
        arguments.append(argument.decode("utf-8", "replace"))
        start = end + 1
    return tuple(arguments)


def masked_lines(lines: Sequence[Sequence[bytes]], mask: Masks) -> list[list[bytes]]:
    """Give texts masked as lines of words, each as long as it was; undecodable bytes become U+FFFD before."""
    texts = [[text.decode("utf-8", "replace").encode() for text in line] for line in lines]
    masked, _ = mask(b"\n".join(b" ".join(line) for line in texts))
    start = 0
    given: list[list[bytes]] = []
    for line in texts:
        given.append([])
        for text in line:
            given[-1].append(masked[start : start + len(text)])
            start += len(text) + 1
        start += 0 if line else 1
    return given
