"""Connections of honest and hostile clients to the real server, and what is noted of them."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import intake_client
import pytest
from collector_server import LOST_TOKEN, TOKEN, CollectorServer
from intake_client import Client
from recorded import POD, Made
from shipper_process import until
from websockets.exceptions import InvalidStatus

from sidecar.contract.wire import MAX_MESSAGE_BYTES, Acknowledged, Frames, Hello, Open, Refused, encode
from webhook.collector.proving import PodIdentity
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.audit import AuditQuery

OTHER = PodIdentity("payments", "db-0", "11111111-8a5e-4f3c-9b1e-0d6f8c1f2a3b")
OTHER_TOKEN = "the-token-of-another-pod"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorServer]:
    server = CollectorServer(tmp_path_factory.mktemp("collector"), pods={TOKEN: POD, OTHER_TOKEN: OTHER})
    server.start()
    yield server
    server.kill()


@contextmanager
def connected(server: CollectorServer, token: str | None = TOKEN) -> Generator[Client]:
    with intake_client.connected(server.url, server.ca, token) as client:
        yield client


def reasons(server: CollectorServer, pod: PodIdentity) -> set[str]:
    store = server.store
    kept = store.notices(namespace=None, since=None, limit=100)
    store.close()
    return {notice.notice.reason for notice in kept if notice.pod_uid == pod.uid}


def decisions(server: CollectorServer) -> list[AuditEvent]:
    store = server.store
    kept = store.audit_events(AuditQuery(kind=Kind.DECISION))
    store.close()
    return [one.event for one in kept]


def test_a_session_is_acknowledged(server: CollectorServer) -> None:
    made = server.authority.session()
    with connected(server) as client:
        client.greet().say(Open(made.session, made.token))
        assert client.hear() == Acknowledged(made.session, 0)
        client.say(Frames(made.session, tuple(made.whole([b"x"]))))
        assert client.hear() == Acknowledged(made.session, 4)


@pytest.mark.parametrize("token", [None, "", LOST_TOKEN, TOKEN + "x", "x" * 5000])
def test_without_a_good_token_there_is_no_connection(server: CollectorServer, token: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught, connected(server, token):
        pass
    assert caught.value.response.status_code == 401
    assert "a recorder is refused" in server.log()
    assert LOST_TOKEN not in server.log()


def test_who_is_refused_for_its_token_is_on_record(server: CollectorServer) -> None:
    def told() -> set[str]:
        return {event.reason for event in decisions(server) if event.outcome is Outcome.FAILURE}

    with pytest.raises(InvalidStatus), connected(server, LOST_TOKEN):
        pass
    until(
        lambda: told() == {"who came to the collector was refused: the token is not valid for the collector"}
    )
    assert {event.details["from"] for event in decisions(server)} == {"127.0.0.1"}


def test_another_pods_session_is_refused_and_noted(server: CollectorServer) -> None:
    made = server.authority.session(OTHER)
    with connected(server) as client:
        client.greet().say(Open(made.session, made.token))
        assert client.hear() == Refused(made.session, "the grant is for another pod")
    assert "the grant is for another pod" in reasons(server, POD)


def test_a_broken_chain_is_refused_and_noted(server: CollectorServer) -> None:
    made = server.authority.session()
    lie = Made(made.session, made.token, POD, made.chain).whole([b"x"])
    frames = list(lie)
    with connected(server) as client:
        client.greet().say(Open(made.session, made.token))
        assert client.hear() == Acknowledged(made.session, 0)
        client.say(Frames(made.session, (frames[0], type(frames[1])(1, bytes(32), frames[1].payload))))
        assert client.hear() == Acknowledged(made.session, 1)
        assert isinstance(client.hear(), Refused)
    assert any("hash chain breaks" in reason for reason in reasons(server, POD))


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (b"garbage", 1008, "a message cannot be read"),
        ("text", 1008, "a message is text"),
        (bytes(MAX_MESSAGE_BYTES + 1), 1009, "larger than"),
        (encode(Hello("again", 1)), 1008, "hello once"),
    ],
    ids=["garbage", "text", "too large", "hello twice"],
)
def test_breaking_the_protocol_closes_and_is_noted(
    server: CollectorServer, message: bytes | str, code: int, reason: str
) -> None:
    with connected(server, OTHER_TOKEN) as client:
        client.greet().send(message)
        assert client.closing()[0] == code
    until(lambda: any(reason in noted for noted in reasons(server, OTHER)))


def test_a_pod_has_one_connection_the_latest(server: CollectorServer) -> None:
    made = server.authority.session()
    with connected(server) as former, connected(server) as latter:
        assert former.closing() == (4001, "the pod has connected again")
        latter.greet().say(Open(made.session, made.token))
        assert latter.hear() == Acknowledged(made.session, 0)


def test_pods_do_not_disturb_each_other(server: CollectorServer) -> None:
    with connected(server) as one, connected(server, OTHER_TOKEN) as other:
        other.send(b"garbage")
        assert other.closing()[0] == 1008
        one.greet()
