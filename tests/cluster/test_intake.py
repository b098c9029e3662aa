"""The collector's intake, where the API server itself says what a token proves: who gets in, and who not."""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import intake_client
import pytest
from forwarding import forwarded
from grants import own_grant
from intake_client import Client
from kube import NAMESPACE, SYSTEM, Kubectl, Object, until
from places import replicas
from pods import container, pod
from recorder_told import authorities_of, collector_of, root_of
from sessions import API
from websockets.exceptions import ConnectionClosed, InvalidStatus
from workshop import Workshop

from sidecar.contract.environment import read_roots
from sidecar.contract.grants import verify_grant
from sidecar.contract.names import TOKEN_AUDIENCE
from sidecar.contract.wire import FromCollector, Open, Refused
from webhook.collector.connection import REPLACED

ONE, TWO, ACCOUNT = "intake-one", "intake-two", "intake-other"
NONE, INVALID, UNBOUND = (
    "there is no token, or it is too long",
    "the token is not valid for the collector",
    "the token is not bound to a pod",
)
Connect = Callable[[str | None], AbstractContextManager[Client]]


@pytest.fixture(scope="module")
def pods(admin: Kubectl) -> Iterator[None]:
    """Two guarded pods of different service accounts."""
    account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
    admin.run("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(account).encode())
    workshop = Workshop(admin)
    workshop.pods(pod(ONE, container()), pod(TWO, container(), serviceAccountName=ACCOUNT))
    yield
    workshop.close()
    admin.run("delete", "serviceaccount", ACCOUNT, "-n", NAMESPACE)


@pytest.fixture
def connect(admin: Kubectl, pods: None) -> Iterator[Connect]:
    """What connects with a token as a recorder does."""
    url, authorities = collector_of(admin, ONE), authorities_of(admin, ONE)
    with forwarded(admin, SYSTEM, "service/chaperone-collector", 8443) as port:

        @contextmanager
        def connect(token: str | None) -> Generator[Client]:
            with intake_client.connected(url, authorities, token, address=("127.0.0.1", port)) as client:
                yield client

        yield connect


def token(admin: Kubectl, pod: str = "", *, account: str = "default", audience: str = TOKEN_AUDIENCE) -> str:
    """Have the API server make a token, bound to a pod if one is named; its own audience where none is."""
    bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}") if pod else ()
    meant = (f"--audience={audience}",) if audience else ()
    return admin.run("create", "token", account, "-n", NAMESPACE, *meant, *bound).strip()


def status(connect: Connect, token: str | None) -> int:
    """What the door answers: 101 where it opens."""
    try:
        with connect(token):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def opened(connect: Connect, token: str, session: Open) -> FromCollector:
    """What the collector answers who opens a session.

    The pod's own recorder, whose connection this one ends, comes back when it likes and ends this one.
    """

    def answer() -> FromCollector | None:
        try:
            with connect(token) as client:
                client.greet().say(session)
                return client.hear()
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != REPLACED:
                raise
            return None

    return until(answer, what="an answer before the pod's recorder came back")


class Refusals:
    """The audit events of who was refused for a token since a moment."""

    def __init__(self, auditor: Kubectl) -> None:
        self._auditor = auditor
        self._before = {event["metadata"]["name"] for event in self._all()}

    def _all(self) -> list[Object]:
        path = f"{API}/namespaces/{SYSTEM}/auditevents?fieldSelector=type%3Ddecision&limit=500"
        items: list[Object] = self._auditor.raw(path)["items"]
        return [one for one in items if one["reason"].startswith("who came to the collector was refused")]

    def new(self) -> list[Object]:
        return [one for one in self._all() if one["metadata"]["name"] not in self._before]

    def times(self, reason: str) -> int:
        """How often a test was refused for a reason, at least; a forwarded port comes from the pod itself."""
        return sum(
            int(one["details"]["times"])
            for one in self.new()
            if one["reason"].endswith(reason) and {"127.0.0.1", "::1"} & {*one["details"]["from"].split()}
        )


def test_a_token_that_proves_no_pod_opens_nothing_and_that_is_on_record(
    admin: Kubectl, auditor: Kubectl, connect: Connect
) -> None:
    refusals = Refusals(auditor)
    tokens = {
        "of the pod for somebody else": token(admin, ONE, audience="somebody-else"),
        "of the pod for the API server": token(admin, ONE, audience=""),
        "of no pod": token(admin),
        "of another account and no pod": token(admin, account=ACCOUNT),
        "made up": "e30.e30.e30",
    }
    answered = {
        what: status(connect, each) for what, each in {**tokens, "empty": "", "not there": None}.items()
    }
    assert set(answered.values()) == {401}, answered
    of_the_pod = status(connect, token(admin, ONE))
    assert of_the_pod == 101
    until(
        lambda: all(
            refusals.times(reason) >= times for reason, times in {NONE: 2, INVALID: 3, UNBOUND: 2}.items()
        ),
        what="all refusals on record",
        seconds=90,
    )
    for event in refusals.new():
        assert (event["outcome"], event["actor"]["username"]) == (
            "failure",
            f"system:serviceaccount:{SYSTEM}:chaperone-collector",
        )
    [collector] = replicas(admin, "collector")
    told = admin.run("logs", "-n", SYSTEM, collector, "--tail=-1") + json.dumps(refusals.new())
    assert not [what for what, each in tokens.items() if each in told]


def test_the_token_of_a_pod_ends_with_the_pod(
    admin: Kubectl, auditor: Kubectl, connect: Connect, workshop: Workshop
) -> None:
    name = workshop.pod(pod("intake-gone", container()))
    own, refusals = token(admin, name), Refusals(auditor)
    while_it_lives = status(connect, own)
    assert while_it_lives == 101
    admin.delete_now("-n", NAMESPACE, f"pod/{name}")
    until(lambda: status(connect, own) == 401, what="the token refused")
    until(lambda: refusals.times(INVALID), what="the refusal on record", seconds=90)


def test_a_pod_cannot_write_another_pods_session(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, connect: Connect
) -> None:
    grant = own_grant(agent, ONE)
    roots = read_roots(root_of(admin, ONE))
    session = verify_grant(grant.encode(), roots=roots, now=None).session
    path = f"{API}/namespaces/{NAMESPACE}/sessions/{session}"

    def completed() -> Object | None:
        found = auditor.try_("get", "--raw", path)
        kept: Object = json.loads(found.text) if found.code == 0 else {}
        return kept if kept.get("status", {}).get("phase") == "Completed" else None

    before = until(completed, what="the session on record")
    answer = opened(connect, token(admin, TWO, account=ACCOUNT), Open(session, grant))
    assert answer == Refused(session, "the grant is for another pod")

    def incident() -> Object | None:
        items: list[Object] = auditor.raw(
            f"{API}/namespaces/{NAMESPACE}/auditevents?fieldSelector=type%3Dincident,session%3D{session}"
        )["items"]
        return items[0] if items else None

    told = until(incident, what="the lie on record")
    assert (told["about"]["name"], told["reason"]) == (TWO, "the grant is for another pod")
    assert (told["outcome"], told["details"]["notice"]) == ("failure", "record-refused")
    assert auditor.raw(path) == before
