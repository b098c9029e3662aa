"""How a message looks: as plain text, Markdown or HTML. Pure.

The same facts in the same order, one a line. Nobody's words but ours are ever mark-up: they are made harmless
first (``words``), and stand between back-ticks or in ``<code>``.
"""

import html
from collections.abc import Iterator
from enum import Enum
from typing import Final

from msgspec.structs import replace

from webhook.notifications import words
from webhook.notifications.messages import Command, Fact, Message


class Format(Enum):
    """What a service shows."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


_ELLIPSIS: Final = "…"
_SHORTER: Final = (100, 40)


def render(message: Message, format: Format, *, most: int, with_title: bool = False) -> str:  # noqa: A002
    """Give the body, in at most so many characters.

    Where that is not enough, what matters least goes first: commands that do the same another way, the ends
    of long texts, and at last the facts.
    """
    lines = _LINES[format]
    title = [lines.title(message.title)] if with_title else []
    for facts, commands in _shorter(message):
        body = lines.joined([*title, *map(lines.fact, facts), *map(lines.command, commands)])
        if len(body) <= most:
            return body
    short = [*([message.title] if with_title else []), *map(_Text.command, message.commands[:1])]
    text = "\n".join(short) or message.title
    return text if len(text) <= most else text[: max(0, most - 1)] + _ELLIPSIS


def _shorter(message: Message) -> Iterator[tuple[tuple[Fact, ...], tuple[Command, ...]]]:
    commands = tuple(command for command in message.commands if not command.is_spare)
    yield message.facts, message.commands
    yield message.facts, commands
    for most in _SHORTER:
        yield tuple(_cut(fact, most) for fact in message.facts), commands


def _cut(fact: Fact, most: int) -> Fact:
    return fact if len(fact.text) <= most else replace(fact, text=fact.text[:most] + _ELLIPSIS)


class _Text:
    @staticmethod
    def title(title: str) -> str:
        return title

    @staticmethod
    def fact(fact: Fact) -> str:
        return f"{fact.label}: {fact.text}"

    @staticmethod
    def command(command: Command) -> str:
        return f"{command.label}: {command.line}"

    @staticmethod
    def joined(lines: list[str]) -> str:
        return "\n".join(lines)


class _Markdown(_Text):
    """CommonMark of the kind every service knows: bold, code and lists."""

    @staticmethod
    def title(title: str) -> str:
        return f"**{title}**\n"

    @staticmethod
    def fact(fact: Fact) -> str:
        return f"- **{fact.label}:** " + (_fenced(words.code(fact.text)) if fact.is_quoted else fact.text)

    @staticmethod
    def command(command: Command) -> str:
        return f"- **{command.label}:** {_fenced(command.line)}"


class _Html(_Text):
    """The few elements that even chat services show."""

    @staticmethod
    def title(title: str) -> str:
        return f"<b>{html.escape(title)}</b>"

    @staticmethod
    def fact(fact: Fact) -> str:
        text = html.escape(fact.text)
        return f"<b>{html.escape(fact.label)}:</b> " + (f"<code>{text}</code>" if fact.is_quoted else text)

    @staticmethod
    def command(command: Command) -> str:
        return f"<b>{html.escape(command.label)}:</b> <code>{html.escape(command.line)}</code>"

    @staticmethod
    def joined(lines: list[str]) -> str:
        return "<br/>\n".join(lines)


_LINES: Final = {Format.TEXT: _Text, Format.MARKDOWN: _Markdown, Format.HTML: _Html}


def _fenced(text: str) -> str:
    return f"`{text or ' '}`"
