"""What the keys alone say of the line that is being typed. Pure."""

import codecs
import re
from typing import Final

from sidecar.commands.shells import MOST_CHARACTERS

_PASTE: Final = re.compile("\x1b\\[20[01]~")
"""Where a terminal says that it pastes (bracketed paste)."""
_SEQUENCE: Final = re.compile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|O.|.|$)", re.DOTALL)
_BACKSPACES: Final = "\b\x7f"
_CLEAR: Final = "\x03\x15"
_WORD: Final = "\x17"


class Keys:
    """The characters of one line, as keys mostly add them and take them away at its end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""
        self.certain = True
        """Whether the line is this text: what other keys do is for who reads them to say."""
        self.too_long = False
        """Whether the line was longer at any time than what is kept."""

    def add(self, data: bytes) -> None:
        """Take keys without the one that enters the line."""
        text = _PASTE.sub("", self._decoder.decode(data))
        for part in _SEQUENCE.split(text):
            for key in part:
                self._press(key)
        self.certain &= _SEQUENCE.search(text) is None
        self.too_long |= len(self.text) > MOST_CHARACTERS
        self.text = self.text[-MOST_CHARACTERS:]

    def begin(self, *, certain: bool = True) -> None:
        """A new line begins; it is not ``certain`` where something may be left of the one before."""
        self.text, self.certain, self.too_long = "", certain, False

    def _press(self, key: str) -> None:
        self.certain &= key.isprintable()
        if key.isprintable():
            self.text += key
        elif key in _BACKSPACES:
            self.text = self.text[:-1]
        elif key in _CLEAR:
            self.text = ""
        elif key in _WORD:
            self.text = self.text.rstrip().rpartition(" ")[0]
