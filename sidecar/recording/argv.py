"""Command lines as they are recorded: text, masked, of bounded length."""

from collections.abc import Sequence

from sidecar.recording.masker import Masker


def masked_argv(argv: Sequence[bytes], masker: Masker, *, most_bytes: int) -> tuple[str, ...]:
    """Give the arguments masked as one line, so that a number cut by a space is seen as well.

    Undecodable bytes become U+FFFD. What is beyond ``most_bytes`` is left out, and the last argument then
    says how much.
    """
    texts = [argument.decode("utf-8", "replace").encode() for argument in argv]
    line = b" ".join(texts)
    masked = masker.feed(line) + masker.close()
    arguments: list[str] = []
    start = 0
    for text in texts:
        end = start + len(text)
        if end > most_bytes:
            return (*arguments, f"… {len(line) - start} bytes more")
        arguments.append(masked[start:end].decode("utf-8", "replace"))
        start = end + 1
    return tuple(arguments)
