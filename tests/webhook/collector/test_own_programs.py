"""Sessions of own programs: what proves them, what is counted of them, and when they are closed."""

import os

import msgspec
import pytest
from intake_desk import OTHER_POD, Desk
from recorded import NOW, POD, Authority, Made

from sidecar.contract.events import Channel, End, Ending, Exit, Found, Gap, SessionKind, Tally
from sidecar.contract.identifiers import session_id
from sidecar.contract.wire import Acknowledged, Refused
from webhook.audit_api.conversion import session_object
from webhook.collector.finding_alerts import finding_event
from webhook.collector.manifests import manifest_of
from webhook.collector.proving import PodIdentity
from webhook.journal.making import Stamp
from webhook.store.sqlite.store import SqliteStore


def begun(desk: Desk, authority: Authority, *, content: bool = False) -> Made:
    made = authority.own_program(content=content)
    assert desk.open(made) == [Acknowledged(made.session, 0)]
    assert desk.send(made, made.start()) == [Acknowledged(made.session, 1)]
    return made


def test_the_grant_holds_for_each_session_of_the_pod_that_the_token_proves(
    desk: Desk, authority: Authority
) -> None:
    made = begun(desk, authority)
    record = desk.record(made)
    assert (record.kind, record.content, record.pod_uid) == (SessionKind.MAIN_PROCESS, False, POD.uid)
    assert record.identity.username == "agent"
    again = Made(session_id(NOW * 1000, os.urandom(10)), made.token, POD, made.chain)
    assert desk.open(again) == [Acknowledged(again.session, 0)]


def test_a_pod_of_another_namespace_has_no_use_for_it(store: SqliteStore, authority: Authority) -> None:
    elsewhere = PodIdentity("other", OTHER_POD.pod, OTHER_POD.uid)
    made = authority.own_program()
    answers = Desk(store, authority.trust, elsewhere).greet().open(made)
    assert answers == [Refused(made.session, "the grant is for another pod")]


def test_another_pod_cannot_go_on_with_a_session(
    desk: Desk, store: SqliteStore, authority: Authority
) -> None:
    made = begun(desk, authority)
    answers = Desk(store, authority.trust, OTHER_POD).greet().open(made)
    assert answers == [Refused(made.session, "the session is known under another grant")]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": SessionKind.EXEC},
        {"content": True},
        {"container": "other"},
        {"tty": True},
        {"pod_uid": OTHER_POD.uid},
        {"previous": "no session"},
    ],
    ids=str,
)
def test_a_start_must_tell_what_the_grant_allows(
    desk: Desk, authority: Authority, change: dict[str, object]
) -> None:
    made = authority.own_program()
    desk.open(made)
    [answer] = desk.send(made, made.frame(msgspec.structs.replace(made.start_event(), **change)))
    assert isinstance(answer, Refused)
    assert desk.store.session(made.session) is None


@pytest.mark.parametrize("change", [{"kind": SessionKind.MAIN_PROCESS}, {"content": False}], ids=str)
def test_no_exec_passes_for_an_own_program(
    desk: Desk, authority: Authority, change: dict[str, object]
) -> None:
    made = authority.session()
    desk.open(made)
    [answer] = desk.send(made, made.frame(msgspec.structs.replace(made.start_event(), **change)))
    assert isinstance(answer, Refused)


def test_without_content_the_recorders_counts_are_kept_and_never_go_back(
    desk: Desk, authority: Authority
) -> None:
    made = begun(desk, authority)
    desk.send(
        made,
        made.frame(Gap(1, Channel.STDOUT, 5)),
        made.frame(Found(1, Channel.STDOUT, "pan", "visa", 0, 16)),
        made.frame(Tally(2, stdout_bytes=100, findings={"pan/visa": 7})),
    )
    assert (desk.record(made).stdout_bytes, desk.record(made).findings) == (100, {"pan/visa": 7})
    desk.send(made, made.frame(Exit(3, 4)), made.frame(End(4, Ending.EXITED, findings={"pan/mir": 1})))
    record = desk.record(made)
    assert (record.exit_code, record.stdout_bytes) == (4, 100)
    assert record.findings == {"pan/visa": 7, "pan/mir": 1}


def test_without_content_there_is_no_data(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    [answer] = desk.send(made, made.out(b"after all"))
    assert isinstance(answer, Refused)
    assert "recorded without" in answer.reason


def test_with_content_data_is_counted_from_what_is_kept(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority, content=True)
    desk.send(made, made.out(b"text"), made.frame(End(4, Ending.EXITED, stdout_bytes=1000)))
    assert desk.record(made).stdout_bytes == 4


def test_manifest_and_api_say_what_it_is(desk: Desk, authority: Authority) -> None:
    made = authority.own_program()
    desk.open(made)
    before = session_id(NOW * 1000, os.urandom(10))
    start = msgspec.structs.replace(made.start_event(), resumed=True, previous=before)
    desk.send(made, made.frame(start), made.end())
    record = desk.record(made)
    manifest = manifest_of(record, b"", sealed_at=1)
    assert (manifest.kind, manifest.without_content) == ("main-process", True)
    assert [gap.after for gap in manifest.gaps] == [0]
    spec = session_object(record).spec
    assert (spec.kind, spec.without_content, spec.resumed, spec.previous) == (
        "main-process",
        True,
        True,
        before,
    )
    told = finding_event(record, 1, Stamp(made.session, 1, "us"))
    assert told.asked == f"own program of pod {POD.namespace}/{POD.pod}, container api"
