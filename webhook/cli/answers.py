"""Reading what a server answered."""

from typing import TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.cli.failures import CliError

_T = TypeVar("_T")


def decoded(body: bytes, kind: type[_T]) -> _T:
    """Read an answer of the audit API. Raises CliError."""
    return decoded_by(msgspec.json.Decoder(kind), body)


def decoded_by(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    """Read one of many answers of the audit API with a decoder that serves for all. Raises CliError."""
    try:
        return decoder.decode(body)
    except UNREADABLE:
        raise unreadable() from None


def decoded_object(body: bytes, kind: type[_T]) -> _T:
    """Read an object or a list that the API server itself keeps. Raises CliError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE:
        raise unreadable("the API server") from None


def unreadable(whose: str = "the audit API") -> CliError:
    """Give the error for an answer that is not what was asked for."""
    return CliError(f"{whose}'s answer cannot be read; is it of another version?")
