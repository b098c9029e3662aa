"""Lists and single sessions, as objects and as tables."""

import json

import pytest
from audit_client import BASE, TABLE, ApiServer
from audit_samples import FAILING, SECOND, keep
from store_samples import make_notice, make_record

from webhook.audit_api.continuation import Continue, encode_continue
from webhook.store.contract import SessionRecord, Store

PAYMENTS = f"{BASE}/namespaces/payments/sessions"
Kept = dict[str, SessionRecord]


def names(kept: Kept, *which: str) -> list[str]:
    return [kept[name].session for name in which]


def test_a_list_is_newest_first(api: ApiServer, kept: Kept) -> None:
    everything = names(kept, "elsewhere", "active", "interrupted", "hostile", "failing", "shell")
    assert api.names(f"{BASE}/sessions") == everything
    assert api.names(PAYMENTS) == everything[1:]
    assert api.names(f"{BASE}/namespaces/nowhere/sessions") == []


def test_a_session_tells_everything(api: ApiServer, kept: Kept) -> None:
    record = kept["shell"]
    session = api.json(f"{PAYMENTS}/{record.session}")
    assert (session["apiVersion"], session["kind"]) == ("audit.chaperone.dev/v1alpha1", "Session")
    assert session["metadata"] == {
        "name": record.session,
        "namespace": "payments",
        "uid": record.session,
        "resourceVersion": str(record.updated_at),
        "creationTimestamp": "2026-09-21T14:13:20Z",
        "labels": {"chaperone.dev/pod": "shop-5d9f", "chaperone.dev/container": "api"},
    }
    assert session["spec"]["command"] == ["bash"]
    assert session["spec"]["terminal"] == {"rows": 24, "cols": 80}
    assert session["spec"]["user"]["extra"] == {"example.org/team": ["a", "b"]}
    assert session["spec"]["decision"]["requestUID"] == "r-1"
    status = session["status"]
    assert (status["phase"], status["exitCode"], status["duration"]) == ("Completed", 0, "30s")
    assert status["startedAt"] == "2026-09-21T14:13:20.000000Z"
    assert status["endedAt"] == "2026-09-21T14:13:50.000000Z"
    assert status["findings"] == {"total": 1, "byRule": {"pan/visa": 1}}
    assert status["bytes"] == {"stdin": 11, "stdout": 90, "stderr": 0}
    assert status["chain"] == {"nextSequence": 11, "digest": record.digest.hex()}


def test_what_is_not_known_yet_is_absent(api: ApiServer, kept: Kept) -> None:
    status = api.json(f"{PAYMENTS}/{kept['active'].session}")["status"]
    assert status.keys().isdisjoint({"endedAt", "duration", "exitCode", "how", "reason"})


def test_a_recorders_wrong_clock_is_told_and_corrected(api: ApiServer, store: Store) -> None:
    skewed = make_record(90_000, clock_skew=30 * SECOND)
    store.create(skewed)
    session = api.json(f"{PAYMENTS}/{skewed.session}")
    assert session["status"]["clockSkew"] == "30s"
    assert session["status"]["startedAt"] == "2026-09-21T14:14:50.000000Z"
    assert session["metadata"]["creationTimestamp"] == "2026-09-21T14:14:20Z"


@pytest.mark.parametrize("suffix", ["", "/events", "/cast"])
@pytest.mark.parametrize("name", ["nobody", "elsewhere"])
def test_a_session_is_found_in_its_own_namespace_only(
    api: ApiServer, kept: Kept, name: str, suffix: str
) -> None:
    asked = kept[name].session if name in kept else name
    status = api.json(f"{PAYMENTS}/{asked}{suffix}", code=404)
    assert (status["kind"], status["reason"], status["code"]) == ("Status", "NotFound", 404)
    assert status["message"] == f'sessions.audit.chaperone.dev "{asked}" not found'
    assert status["details"] == {"name": asked, "group": "audit.chaperone.dev", "kind": "sessions"}


@pytest.mark.parametrize(
    ("selector", "which"),
    [
        ("fieldSelector=spec.user=agent", ["active", "interrupted", "failing", "shell"]),
        ("fieldSelector=spec.user!=agent", ["hostile"]),
        ("fieldSelector=spec.pod==shop-5d9f", ["shell"]),
        ("fieldSelector=status.phase=Interrupted", ["interrupted"]),
        ("fieldSelector=status.phase=Nonsense", []),
        ("fieldSelector=status.phase!=Completed", ["active", "interrupted"]),
        ("fieldSelector=spec.user=agent,status.phase=Completed", ["failing", "shell"]),
        ("fieldSelector=metadata.namespace=billing", []),
        ("labelSelector=chaperone.dev/pod=shop-5d9f", ["shell"]),
        ("labelSelector=chaperone.dev/pod in (shop-5d9f, other)", ["shell"]),
        ("labelSelector=chaperone.dev/pod notin (api-7d9c)", ["shell"]),
        ("labelSelector=!chaperone.dev/pod", []),
        ("since=2026-09-21T14:15:00Z", ["active", "interrupted", "hostile"]),
        ("until=2026-09-21T14:14:20Z", ["shell"]),
        ("since=2026-09-21T14:14:00Z&until=2026-09-21T14:15:00Z", ["failing"]),
    ],
)
def test_selectors(api: ApiServer, kept: Kept, selector: str, which: list[str]) -> None:
    assert api.names(f"{PAYMENTS}?{selector.replace(' ', '%20')}") == names(kept, *which)


def test_one_session_by_field(api: ApiServer, kept: Kept) -> None:
    name = kept["shell"].session
    assert api.names(f"{BASE}/sessions?fieldSelector=metadata.name={name}") == [name]
    assert api.names(f"{PAYMENTS}?fieldSelector=metadata.name={name},status.phase=Active") == []
    assert api.names(f"{PAYMENTS}?fieldSelector=metadata.name={name}&since=2026-10-01T00:00:00Z") == []
    elsewhere = kept["elsewhere"].session
    assert api.names(f"{PAYMENTS}?fieldSelector=metadata.name={elsewhere}") == []


def test_a_long_list_is_continued(api: ApiServer, kept: Kept) -> None:
    seen: list[str] = []
    following = ""
    versions: set[str] = set()
    while True:
        page = api.json(f"{PAYMENTS}?limit=2{following}")
        assert len(page["items"]) <= 2
        seen += [item["metadata"]["name"] for item in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        if not page["metadata"].get("continue"):
            break
        following = f"&continue={page['metadata']['continue']}"
    assert seen == names(kept, "active", "interrupted", "hostile", "failing", "shell")
    assert len(versions) == 1


def test_pages_of_a_selected_list_are_full(api: ApiServer, store: Store, kept: Kept) -> None:
    for number in range(20):
        keep(store, FAILING, offset_ms=1_000_000 + number)
    page = api.json(f"{PAYMENTS}?limit=2&fieldSelector=spec.user!=agent,status.phase!=Active")
    assert [item["metadata"]["name"] for item in page["items"]] == names(kept, "hostile")
    assert "continue" not in page["metadata"]


@pytest.mark.parametrize(
    "token",
    ["nonsense", "e30", encode_continue(Continue("../..", "1")), encode_continue(Continue("0" * 26, "x"))],
)
def test_a_bad_continue_token_begins_anew(api: ApiServer, token: str) -> None:
    assert api.json(f"{PAYMENTS}?continue={token}", code=410)["reason"] == "Expired"


@pytest.mark.parametrize(
    "query",
    [
        "fieldSelector=spec.node=a",
        "fieldSelector=nonsense",
        "labelSelector=a in (b",
        "labelSelector=,",
        "limit=-1",
        "limit=many",
        "limit=1&limit=2",
        "watch=perhaps",
        "watch=1&resourceVersion=abc",
        "since=yesterday",
        "until=2026-09-21T14:15:00",
        "timeoutSeconds=x&watch=1",
    ],
)
def test_what_cannot_be_read_is_refused(api: ApiServer, query: str) -> None:
    status = api.json(f"{PAYMENTS}?{query.replace(' ', '%20')}", code=400)
    assert (status["kind"], status["reason"]) == ("Status", "BadRequest")
    assert status["message"]


def test_only_json_is_served(api: ApiServer) -> None:
    assert api.ask(PAYMENTS, accept="application/vnd.kubernetes.protobuf").status == 406
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    assert api.ask(PAYMENTS, accept=accept).status == 406
    for accept in ("*/*", "", "application/vnd.kubernetes.protobuf, application/json;q=0.5"):
        assert api.ask(PAYMENTS, accept=accept).status == 200


def test_a_table_has_columns_and_harmless_cells(api: ApiServer, kept: Kept) -> None:
    answer = api.ask(PAYMENTS, accept=TABLE)
    assert answer.headers["Content-Type"] == "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = json.loads(answer.data)
    columns = [column["name"] for column in table["columnDefinitions"]]
    rows = {row["cells"][0]: dict(zip(columns, row["cells"], strict=True)) for row in table["rows"]}
    shell = rows[kept["shell"].session]
    assert shell == shell | {"User": "agent", "Pod": "shop-5d9f", "Command": "bash", "TTY": "yes"}
    assert shell == shell | {"Phase": "Completed", "Exit": "0", "Findings": 1, "Duration": "30s"}
    for row in rows.values():
        assert all(str(cell).isprintable() for cell in row.values())
    assert rows[kept["active"].session]["Exit"] == ""
    assert len(rows[kept["hostile"].session]["Command"]) <= 40


@pytest.mark.parametrize(
    ("include", "kind"), [("", "PartialObjectMetadata"), ("Object", "Session"), ("None", None)]
)
def test_rows_carry_what_was_asked(api: ApiServer, kept: Kept, include: str, kind: str | None) -> None:
    for path in (PAYMENTS, f"{PAYMENTS}/{kept['shell'].session}"):
        table = api.json(f"{path}?includeObject={include}", accept=TABLE)
        assert table["rows"][-1].get("object", {}).get("kind") == kind


def test_notices_are_listed(api: ApiServer, store: Store) -> None:
    notice = make_notice(5)
    store.note(notice)
    (item,) = api.json(f"{BASE}/namespaces/payments/notices")["items"]
    assert (item["reason"], item["message"], item["pod"]) == (
        "grant-refused",
        "the grant has expired",
        "api-7d9c",
    )
    table = api.json(f"{BASE}/notices", accept=TABLE)
    assert table["rows"][0]["cells"][:3] == [notice.notice.id, "grant-refused", "api-7d9c"]
    assert api.json(f"{BASE}/namespaces/nowhere/notices")["items"] == []


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
def test_nothing_can_be_changed(api: ApiServer, kept: Kept, method: str) -> None:
    answer = api._pool.request(method, f"{api._url}{PAYMENTS}", headers=api._headers)
    assert (answer.status, json.loads(answer.data)["reason"]) == (405, "MethodNotAllowed")


def test_a_store_that_does_not_answer_is_unavailable(api: ApiServer, store: Store) -> None:
    store.close()
    status = api.json(PAYMENTS, code=503)
    assert (status["reason"], status["details"]["retryAfterSeconds"]) == ("ServiceUnavailable", 1)
