"""Reading policies: a YAML file or an object of the cluster become the same value, or an error with a fix."""

from typing import Final

import msgspec

from sidecar.contract.errors import ConfigurationError
from webhook.policy.document import API_VERSION, KIND, GuardPolicy, Metadata, Spec
from webhook.policy.places import Place
from webhook.policy.yaml_text import read_yaml

_FIELDS: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})


class _Header(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""


class _Named(msgspec.Struct, frozen=True):
    metadata: Metadata


class _Body(msgspec.Struct, frozen=True):
    spec: Spec


def read_file(data: bytes, file: str) -> list[tuple[GuardPolicy, Place]]:
    """Give the policies of a YAML file with where their parts stand. Raises ConfigurationError."""
    found = [(_convert(value, place), place) for value, place in read_yaml(data, file)]
    if not found:
        raise ConfigurationError(f"{file}: holds no {KIND}")
    return found


def read_object(data: bytes | msgspec.Raw) -> tuple[GuardPolicy, Place]:
    """Give the policy in an object of the cluster, JSON. Raises ConfigurationError."""
    try:
        value = msgspec.json.decode(data, type=dict[str, object])
        name = msgspec.convert(value, _Named).metadata.name
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ConfigurationError(f"{KIND}: no object of the API with a name") from None
    place = Place(f"{KIND} {name}")
    return _convert(value, place), place


def _convert(value: object, place: Place) -> GuardPolicy:
    try:
        header = msgspec.convert(value, _Header)
        if (header.api_version, header.kind) != (API_VERSION, KIND):
            raise ConfigurationError(f"{place.at(())}: expected apiVersion {API_VERSION} and kind {KIND}")
        for unknown in sorted(msgspec.convert(value, dict[str, object]).keys() - _FIELDS):
            raise ConfigurationError(f"{place.at((unknown,))}: unknown field; remove it or correct its name")
        metadata = msgspec.convert(value, _Named).metadata
        return GuardPolicy(metadata=metadata, spec=msgspec.convert(value, _Body).spec)
    except msgspec.ValidationError as error:
        message = str(error).partition(" - at `$")[0]
        raise ConfigurationError(f"{place.of(str(error))}: {_clear(message)}") from None


def _clear(message: str) -> str:
    """Give msgspec's words, and what to do where they do not say it."""
    text = message[0].lower() + message[1:]
    return f"{text}; remove it or correct its name" if "unknown field" in text else text
