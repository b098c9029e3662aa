"""Lines for shells, cut into the commands that they hold as far as the text alone says it. Pure.

Nothing is expanded: aliases, variables, functions and what is put together while it runs are not seen. What
is in doubt is given as a command, too: a line is asked about rather once too often.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

Argv = tuple[str, ...]
MOST_CHARACTERS: Final = 8 * 1024
"""Of a line that is cut into commands."""
MOST_COMMANDS: Final = 256
_MOST_FORMS: Final = 64 * MOST_COMMANDS
"""Of commands that are looked at, the same ones again among them."""
_DEEPEST: Final = 3
SHELLS: Final = frozenset(
    """sh ash bash dash hush posh yash brush bosh osh ysh sash rbash zsh rzsh rc es csh tcsh
    ksh rksh mksh lksh pdksh oksh loksh fish nu elvish xonsh ion pwsh powershell""".split()  # noqa: SIM905  a list would be a line each
)
"""Programs that take a text to run with ``-c``, whatever version of them or link to them it is."""
_MANY_IN_ONE: Final = frozenset({"busybox", "toybox"})
_VERSION: Final = re.compile(r"(?:[-_.]?(?:static|[0-9][0-9.]*))+$")
_TAKES_VALUE: Final = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})
_TAKES_TEXT: Final = frozenset({"--command", "--commands", "--cmdline", "--init-command"})
"""Of fish, nu and yash, which take it as the next word, or behind ``=``."""
_BREAKS: Final = frozenset(";&|()\n`")
_REDIRECTS: Final = frozenset("<>")
_KEYWORDS: Final = frozenset(
    ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "coproc", "case", "in"]
)
_PREFIXES: Final = frozenset(
    ["command", "builtin", "exec", "eval", "nohup", "busybox", "toybox", "env", "sudo", "xargs"]
)
"""Words before which a command is still one."""
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*(?:\[[^]]*\])?\+?=")
_QUOTES: Final = re.compile("[\"'\\\\]")
_SUBSTITUTION: Final = re.compile(r"\$\(|`")


class _TooDeepError(Exception):
    """Commands within commands within commands."""


def shell_text(argv: Argv) -> str | None:
    """Give the text that a shell was given with ``-c``; None where the command line has none."""
    words = argv[1:] if argv and _unversioned(argv[0]) in _MANY_IN_ONE else argv
    name = _unversioned(words[0]) if words else ""
    if name not in SHELLS:
        return None
    texts = _powershells(words[1:]) if name in {"pwsh", "powershell"} else _texts(name, words[1:])
    return "\n".join(texts) or None


def _unversioned(path: str) -> str:
    """Give a program's name, without the dash of a login shell, and what says which build of it it is."""
    return _VERSION.sub("", _name(path).lstrip("-"))


def _texts(name: str, words: Argv) -> Iterator[str]:
    has_text, takes = False, ""
    for word in words:
        option, _, text = word.partition("=")
        if takes:
            yield from [word] if takes == "text" else []
            takes = ""
        elif word in _TAKES_VALUE:
            takes = "value"
        elif word in _TAKES_TEXT or (name == "fish" and word == "-C"):
            takes = "text"
        elif option in _TAKES_TEXT:
            yield text
        elif word[:1] in {"-", "+"} and len(word) > 1 and word != "--":
            has_text |= "c" in word[1:] and not word.startswith("--")
        elif word != "--":
            yield from [word] if has_text else []
            return


def _powershells(words: Argv) -> Iterator[str]:
    """Give what stands behind ``-Command`` or its like, which may be abbreviated and in any case."""
    for number, word in enumerate(words):
        option = word.lower().lstrip("-")
        if word.startswith("-") and option and (option == "cwa" or "commandwithargs".startswith(option)):
            yield " ".join(words[number + 1 :])
            return


def commands_of(text: str) -> tuple[Argv, ...] | None:
    """Give the commands of a line, each as its words; the text within quotes and substitutions, too.

    None for a line that is too long, holds too many, or too many within each other.
    """
    if len(text) > MOST_CHARACTERS:
        return None
    found: dict[Argv, None] = {}
    try:
        for number, command in enumerate(_commands(text.replace("\\\n", ""), 0)):
            found[command] = None
            if len(found) > MOST_COMMANDS or number == _MOST_FORMS:
                return None
    except _TooDeepError:
        return None
    return tuple(found)


def goes_on(text: str) -> str | None:
    """Give the beginning of a command that the next line ends; None where a line is complete."""
    bare = text.rstrip("\r\n")
    if (len(bare) - len(bare.rstrip("\\"))) % 2:
        return bare[:-1]
    try:
        list(_lexer(bare))
    except ValueError:
        return bare + "\n"
    return None


def _commands(text: str, depth: int) -> Iterator[Argv]:
    if depth > _DEEPEST:
        raise _TooDeepError
    for words in _simple(text):
        for word in words:
            yield from _within(word, depth + 1)
        for form in _forms(words):
            yield form
            nested = shell_text(form) or _given_as_text(form)
            if nested:
                yield from _commands(nested, depth + 1)


def _given_as_text(words: Argv) -> str | None:
    """Give the text that builtins run: at once, or at a signal."""
    match words:
        case ("eval", *rest):
            return " ".join(rest)
        case ("trap", text, *_):
            return text
        case _:
            return None


def _within(word: str, depth: int) -> Iterator[Argv]:
    """Give the commands of substitutions inside a word that was quoted."""
    parts = _SUBSTITUTION.split(word)
    for part in parts[1:]:
        yield from _commands(part.rstrip(")"), depth)


def _forms(words: Argv) -> Iterator[Argv]:
    """Give a command without what stands before it, and once more without each word that starts another."""
    rest = words
    while rest and (rest[0] in _KEYWORDS or _ASSIGNMENT.match(rest[0])):
        rest = rest[1:]
    while rest:
        yield rest
        if _name(rest[0]) not in _PREFIXES:
            return
        rest = rest[1:]
        while rest and (rest[0].startswith("-") or _ASSIGNMENT.match(rest[0])):
            rest = rest[1:]


def _simple(text: str) -> Iterator[Argv]:
    words: list[str] = []
    drop = False
    for token in _tokens(text):
        if token and set(token) <= _REDIRECTS | {"&"} and set(token) & _REDIRECTS:
            if words and words[-1].isdecimal():
                words.pop()
            drop = True
        elif token and set(token) <= _BREAKS | _REDIRECTS:
            if words:
                yield tuple(words)
            words, drop = [], False
        elif drop:
            drop = False
        else:
            words.append(token)
    if words:
        yield tuple(words)
    yield from _with_signs(text)


def _with_signs(text: str) -> Iterator[Argv]:
    """Give a text as one command where a word of it is a sign that may have been quoted (``find … ';'``)."""
    try:
        words = shlex.split(text)
    except ValueError:
        return
    if any(word and set(word) <= _BREAKS | _REDIRECTS for word in words):
        yield tuple(words)


def _tokens(text: str) -> Iterator[str]:
    try:
        yield from list(_lexer(text))
    except ValueError:  # a quote that is not closed: as if there were none
        for part in re.split(r"([;&|()\n<>]+)", text):
            is_break = bool(part) and set(part) <= _BREAKS | _REDIRECTS
            yield from [part] if is_break else _QUOTES.sub(" ", part).split()


def _lexer(text: str) -> shlex.shlex:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>\n`")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    return lexer


def _name(path: str) -> str:
    return path.rpartition("/")[2]
