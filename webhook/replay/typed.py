"""Lines that were typed at a terminal, as they stood on its screen when they were entered.

All of it was masked before; ``sidecar.commands.typed`` says how they are found.
"""

import msgspec

from sidecar.commands.typed import Typing
from webhook.replay.moments import Kind, Moment


class TypedLine(msgspec.Struct, frozen=True):
    """A line, ``at`` nanoseconds since the start, when it was entered."""

    at: int
    text: str


class TypedLines:
    """Follows one session at a terminal and gives the lines that were typed in it."""

    def __init__(self, *, rows: int, cols: int) -> None:
        """Begin with a terminal of this size in cells."""
        self._typing = Typing(rows=rows, cols=cols)

    def feed(self, moment: Moment) -> list[TypedLine]:
        """Give the lines that end at a moment; one that is entered ends when the shell moves on."""
        match moment.kind:
            case Kind.OUTPUT:
                return [TypedLine(at, text) for at, text in self._typing.shown(moment.text)]
            case Kind.INPUT:
                self._typing.typed(moment.at, moment.text)
            case Kind.RESIZE:
                self._typing.resize(moment.rows, moment.cols)
            case _:
                pass
        return []
