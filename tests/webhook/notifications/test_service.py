"""Real services of Apprise against real servers: what arrives, and what is said when nothing does."""

import io
import logging
import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from tls_files import make_tls_files
from told import TICKET, event
from web_hook import Hook, hook

from sidecar.contract.errors import ConfigurationError
from webhook.journal.events import Kind
from webhook.notifications.errors import DeliveryError
from webhook.notifications.messages import message
from webhook.notifications.receivers import Url
from webhook.notifications.service import Service
from webhook.server.logs import configure

TOKEN = "TIiajkdnlazkcOXrIdevi7FQ"
HOSTILE = event(
    argv=(
        "sh",
        "-c",
        "<!channel> <@U123> @everyone [ok](https://evil.example) `x` <b>bold</b>\n*Approve:* y",
    ),
    requester="*agent* @here",
)


@pytest.fixture
def server() -> Iterator[Hook]:
    with hook() as found:
        yield found


def service(url: str, seconds: float = 5) -> Service:
    return Service("chat", Url(url), seconds=seconds)


def test_a_plain_web_hook_gets_text(server: Hook) -> None:
    service(f"json://127.0.0.1:{server.port}/in").send(message(event()))
    told = server.json()
    assert told["title"] == "Approval needed: exec into pod payments/shop, container app"
    assert told["type"] == "warning"
    assert told["message"].splitlines()[0] == "Who: system:serviceaccount:agents:coder"
    assert f"Approve: chaperone approvals approve {TICKET} -n payments" in told["message"]


def test_slack_gets_code_and_nobody_is_called(server: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{server.port}/services")
    server.reply = b"ok"
    service(f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}/#approvals").send(message(HOSTILE))
    [attachment] = server.json()["attachments"]
    text = attachment["text"]
    assert attachment["title"].startswith("Approval needed")
    assert f"*Approve:* `chaperone approvals approve {TICKET} -n payments`" in text
    assert not re.search(r"<[!@#]|<https?:|@everyone|@here", text)
    assert "https://" not in text
    code = re.search(r"\*Command:\* (`[^`]*`)", text)
    assert code
    assert "‹!channel" in code[1]
    assert "∖n" in code[1]


def test_discord_calls_nobody(server: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{server.port}")
    service(f"discord://123456/{TOKEN}").send(message(HOSTILE))
    assert not re.search(r"@(everyone|here)|<@", server.bodies[-1].decode())


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_teams_gets_a_card_within_its_bounds(tmp_path: Path) -> None:
    files = make_tls_files(tmp_path)
    with hook(files.certificate, files.key) as server:
        url = f"workflows://127.0.0.1:{server.port}/643e69f83c8944438d68119179a10a64/{TOKEN}/?verify=no"
        service(url).send(message(HOSTILE))
        card = str(server.json())
    assert "chaperone approvals approve" in card
    assert "](" not in card
    assert "://evil" not in card


def test_mattermost_has_no_titles_and_gets_everything_in_the_body(server: Hook) -> None:
    service(f"mmost://127.0.0.1:{server.port}/{'a' * 26}").send(message(HOSTILE))
    text = server.json()["text"]
    assert text.startswith("**Approval needed: ")
    assert f"- **Approve:** `chaperone approvals approve {TICKET} -n payments`" in text
    assert not re.search(r"@(everyone|here|channel)|\]\(", text)


class _Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 Message accepted for delivery"


@pytest.fixture
def mailbox() -> Iterator[tuple[_Mailbox, int]]:
    box = _Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def test_mail_is_plain_text(mailbox: tuple[_Mailbox, int]) -> None:
    box, port = mailbox
    url = f"mailto://127.0.0.1:{port}?from=chaperone@example.com&to=approvers@example.com&mode=insecure"
    mail = service(url)
    mail.send(message(HOSTILE))
    mail.send(message(event(Kind.BREAK_GLASS)))
    quiet, loud = box.mails
    assert quiet["Subject"] == "Approval needed: exec into pod payments/shop, container app"
    assert quiet["To"] == "approvers@example.com"
    assert quiet.get_content_type() == "text/plain"
    assert f"Approve: chaperone approvals approve {TICKET} -n payments" in quiet.get_content().splitlines()
    assert quiet["Importance"] is None
    assert loud["Subject"].startswith("BREAK GLASS")
    assert (loud["X-Priority"], loud["Importance"]) == ("1", "high")


def test_mail_with_html_has_no_mark_up_but_ours(mailbox: tuple[_Mailbox, int]) -> None:
    box, port = mailbox
    url = f"mailto://127.0.0.1:{port}?from=chaperone@example.com&to=approvers@example.com&mode=insecure"
    service(f"{url}&format=html").send(message(HOSTILE))
    body = box.mails[0].get_body(("html",))
    assert body is not None
    content = body.get_content()
    assert f"<code>chaperone approvals approve {TICKET} -n payments</code>" in content
    assert "<b>bold" not in content
    assert "href" not in content


def test_telegram_gets_html(server: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{server.port}/bot")
    server.reply = b'{"ok":true,"result":{"message_id":1}}'
    service("tgram://123456789:abcdefg_hijklmnop/123").send(message(HOSTILE))
    told = server.json()
    assert told["parse_mode"] == "HTML"
    assert f"<code>chaperone approvals approve {TICKET} -n payments</code>" in told["text"]
    assert set(re.findall("<(/?[a-z]+)", told["text"])) == {"b", "/b", "code", "/code"}


def test_breaking_the_glass_has_a_high_priority_where_there_are_priorities(server: Hook) -> None:
    gotify = service(f"gotify://127.0.0.1:{server.port}/{TOKEN}")
    gotify.send(message(event()))
    gotify.send(message(event(Kind.BREAK_GLASS)))
    assert [body["priority"] for body in (server.json(0), server.json(1))] == [5, 8]


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(400, True), (401, True), (403, True), (404, True), (429, False), (500, False), (503, False)],
)
def test_an_answer_says_whether_to_try_again(server: Hook, status: int, is_final: bool) -> None:
    server.answers = [status]
    with pytest.raises(DeliveryError, match=f"answered {status}") as raised:
        service(f"json://127.0.0.1:{server.port}/{TOKEN}").send(message(event()))
    assert raised.value.is_final is is_final


def test_a_receiver_that_does_not_answer_is_given_up(server: Hook) -> None:
    server.slow = 1.0
    with pytest.raises(DeliveryError, match="cannot be reached"):
        service(f"json://127.0.0.1:{server.port}/{TOKEN}", seconds=0.2).send(message(event()))


EXAMPLES = {
    "TOKEN_A": "T1JJ3T3L2",
    "TOKEN_B": "A1BRTD4JD",
    "TOKEN_C": TOKEN,
    "WORKFLOW": "643e69f83c",
    "HOST": "h",
}


def test_the_urls_of_the_guide_are_urls() -> None:
    guide = (Path(__file__).parents[3] / "docs/notifications.md").read_text()
    urls = re.findall(r"^\|[^|]*\|.*`(\w+://[^`]+)`", guide, re.MULTILINE)
    assert len(urls) == 4
    for url in urls:
        for name, value in EXAMPLES.items():
            url = url.replace(name, value)  # noqa: PLW2901
        service(url)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the servers' own log would hold, at its most talkative."""
    found, root = io.StringIO(), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure("DEBUG")
    handler = logging.StreamHandler(found)
    handler.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [handler]
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)


def test_urls_and_messages_are_in_no_log_and_no_error(
    server: Hook, log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answers = [500]
    errors: list[str] = []
    for url in (f"json://user:{TOKEN}@127.0.0.1:{server.port}/{TOKEN}", f"json://127.0.0.1:1/{TOKEN}"):
        with pytest.raises(DeliveryError) as raised:
            service(url).send(message(event()))
        errors.append(f"{raised.value!r} {raised.value.__cause__} {raised.value.__context__!r}")
    for wrong in (f"nonsense://{TOKEN}", f"slack://{TOKEN}", TOKEN):
        with pytest.raises(ConfigurationError) as refused:
            service(wrong)
        errors.append(f"{refused.value!r} {refused.value.__cause__}")
    logging.getLogger("anything").debug("is heard")
    out, err = capfd.readouterr()
    everything = " ".join([*errors, log.getvalue(), out, err])
    assert "is heard" in everything
    assert TOKEN not in everything
    assert "payments" not in everything
