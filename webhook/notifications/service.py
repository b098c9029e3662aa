"""One receiver behind Apprise. The only module that imports it: 15 MB, and only where there are receivers.

Apprise tells in its log what goes wrong, and names hosts and payloads there. Its log goes nowhere; the status
of an answer is all that is taken from it.
"""

import logging
import re
import threading
from typing import Any, Final, Protocol, cast

import apprise

from sidecar.contract.errors import ConfigurationError
from webhook.notifications.errors import DeliveryError
from webhook.notifications.messages import Message
from webhook.notifications.receivers import Url
from webhook.notifications.rendering import Format, render

_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_PASSING: Final = frozenset({408, 409, 425, 429})
"""Answers below 500 after which trying again helps."""
_MOST: Final = 2900
"""Characters of a body; Slack shows 3000 in one piece."""
_MARKDOWN_AS_TEXT: Final = frozenset({"Mattermost", "Zulip"})
"""Services that show Markdown, and of which Apprise says that they take text."""
_OVER_QUIET: Final = logging.CRITICAL + 1


class _Plugin(Protocol):
    """What is used of Apprise's ``NotifyBase``."""

    service_name: str
    title_maxlen: int
    body_maxlen: int
    socket_connect_timeout: float
    socket_read_timeout: float
    template_args: dict[str, Any]

    def resolve_format(self, body_format: str | None) -> object: ...

    def notify(self, *, body: str, title: str, notify_type: str, body_format: str, overflow: str) -> bool: ...


class _Apprise(Protocol):
    """What is used of ``Apprise``."""

    @staticmethod
    def instantiate(url: str, *, asset: apprise.AppriseAsset) -> _Plugin | None: ...


class _Overheard(logging.Handler):
    """Keeps the last status that Apprise tells of in each thread; everything else of its log is gone."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record's status."""
        found = _STATUS.search(record.getMessage())
        if found:
            self._last.status = int(found[1])

    def take(self) -> int | None:
        """Give the status, and forget it."""
        status = getattr(self._last, "status", None)
        self._last.status = None
        return status


def _overhear() -> _Overheard:
    """Turn Apprise's log away from ours, once for the process."""
    log = logging.getLogger("apprise")
    for handler in log.handlers:
        if isinstance(handler, _Overheard):
            return handler
    handler = _Overheard()
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.WARNING)
    return handler


class Service:
    """Sends to one receiver. Used by one thread."""

    def __init__(self, name: str, url: Url, *, seconds: float) -> None:
        """Connect nothing yet. Raises ConfigurationError when Apprise knows no such URL."""
        self._name = name
        self._overheard = _overhear()
        self._plugin = self._made(url.reveal(), seconds)
        louder = _louder(url.reveal(), self._plugin)
        self._loud = self._made(louder, seconds) if louder else self._plugin
        self._format, self._declared = _formats(self._plugin)

    def send(self, message: Message) -> None:
        """Send one. Blocks. Raises DeliveryError."""
        plugin = self._loud if message.loud else self._plugin
        has_title = plugin.title_maxlen > 0
        most = min(plugin.body_maxlen, _MOST)
        body = render(message, self._format, most=most, with_title=not has_title)
        self._overheard.take()
        try:
            delivered = plugin.notify(
                body=body,
                title=message.title[: plugin.title_maxlen] if has_title else "",
                notify_type=message.severity.value,
                body_format=self._declared.value,
                overflow="truncate",
            )
        except Exception as error:  # noqa: BLE001  services raise what they like, and may say the URL
            raise DeliveryError(f"it cannot be sent ({type(error).__name__})", is_final=False) from None
        if not delivered:
            raise _why(self._overheard.take())

    def _made(self, url: str, seconds: float) -> _Plugin:
        asset = apprise.AppriseAsset(
            app_id="Chaperone",
            app_desc="Chaperone",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            interpret_emojis=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        try:
            plugin = cast("type[_Apprise]", apprise.Apprise).instantiate(url, asset=asset)
        except Exception:  # noqa: BLE001  whatever it says may hold the URL
            plugin = None
        if plugin is None:
            raise ConfigurationError(f"Apprise cannot use the URL of receiver {self._name}")
        plugin.socket_connect_timeout = plugin.socket_read_timeout = seconds
        return plugin


def _why(status: int | None) -> DeliveryError:
    if status is None:
        return DeliveryError("it cannot be reached, or refuses", is_final=False)
    is_final = 300 <= status < 500 and status not in _PASSING
    return DeliveryError(f"it answered {status}", is_final=is_final)


def _louder(url: str, plugin: _Plugin) -> str | None:
    """Give the URL with a high priority, None where the service knows none or the URL has one already."""
    if "priority=" in url.lower():
        return None
    if "priority" in plugin.template_args:
        more = "priority=high"
    elif url.lower().startswith("mailto"):
        more = "%2BX-Priority=1&%2BImportance=high"
    else:
        return None
    return f"{url}{'&' if '?' in url else '?'}{more}"


def _formats(plugin: _Plugin) -> tuple[Format, Format]:
    """Give the format that a service shows best, and what Apprise is told that it is.

    As the URL asks; otherwise Markdown for chats, and text for mail, where it is enough.
    """
    supported = {one for one in Format if _resolved(plugin, one.value) is one}
    default = _resolved(plugin, None)
    if plugin.service_name in _MARKDOWN_AS_TEXT and default is Format.TEXT:
        return Format.MARKDOWN, Format.TEXT
    if supported == {Format.TEXT, Format.MARKDOWN}:
        default = Format.MARKDOWN
    elif supported == {Format.TEXT, Format.HTML}:
        default = Format.TEXT
    return default, default


def _resolved(plugin: _Plugin, wanted: str | None) -> Format:
    found = plugin.resolve_format(wanted)
    return Format(str(getattr(found, "value", found)))
