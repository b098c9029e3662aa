"""Only the API server may ask, as TLS and the published names prove."""

import json
import socket
import ssl

import pytest
import urllib3
from audit_client import BASE, USER, ApiServer
from audit_pki import Authority
from audit_server import Served, trust_data

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.sealing import Identity
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.identity import FrontProxyTrust, identify, parse_trust

PATHS = [f"{BASE}/sessions", BASE, "/apis", "/openapi/v2", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_certificate_nobody_is_believed(served: Served, path: str) -> None:
    answer = ApiServer(served, None).ask(path)
    status = json.loads(answer.data)
    assert (answer.status, status["kind"], status["reason"]) == (401, "Status", "Unauthorized")


@pytest.mark.parametrize("path", PATHS)
def test_a_certificate_of_another_name_may_not_speak_for_users(served: Served, path: str) -> None:
    answer = ApiServer(served, served.authority.issue("somebody")).ask(path)
    assert (answer.status, json.loads(answer.data)["reason"]) == (403, "Forbidden")


def test_a_certificate_of_another_authority_ends_the_connection(served: Served) -> None:
    stranger = Authority(served.folder, "stranger").issue("front-proxy-client")
    with pytest.raises((urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError, OSError)):
        ApiServer(served, stranger).ask(BASE)


def test_a_request_without_a_user_is_refused(served: Served) -> None:
    assert ApiServer(served, served.proxy, headers={}).ask(BASE).status == 401


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_needs_no_certificate(served: Served, path: str) -> None:
    answer = ApiServer(served, None, headers={}).ask(path)
    assert (answer.status, answer.data) == (200, b"ok")


def test_a_new_authority_is_trusted_and_the_old_one_no_more(served: Served) -> None:
    before = ApiServer(served, served.proxy)
    assert before.ask(BASE).status == 200
    new = Authority(served.folder, "new")
    served.config_map.clear()
    served.config_map.update(trust_data(new, "front-proxy-client"))
    assert served.front_proxy.refresh()
    served.listener.renew()
    with pytest.raises((urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError, OSError)):
        ApiServer(served, served.proxy).ask(BASE)
    assert ApiServer(served, new.issue("front-proxy-client")).ask(BASE).status == 200


def test_trust_is_renewed_without_a_server_name_too(served: Served) -> None:
    """Kubelet probes and clients by address send none."""
    new = Authority(served.folder, "new")
    pair = new.issue("front-proxy-client")
    served.config_map.update(trust_data(new, "front-proxy-client"))
    served.front_proxy.refresh()
    served.listener.renew()
    context = ssl.create_default_context(cafile=str(served.serving.file))
    context.check_hostname = False
    context.load_cert_chain(pair.certificate, pair.key)
    with (
        socket.create_connection(("127.0.0.1", served.port)) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(f"GET {BASE} HTTP/1.1\r\nHost: x\r\nX-Remote-User: a\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_an_unchanged_trust_is_no_change(served: Served) -> None:
    assert not served.front_proxy.refresh()


def test_the_hook_learns_who_reads_what_before_it_is_given(served: Served, api: ApiServer) -> None:
    api.ask(f"{BASE}/namespaces/payments/sessions")
    api.ask(f"{BASE}/namespaces/payments/sessions/nobody/cast")
    told = [(read.reader.username, read.action.value, read.namespace, read.name) for read in served.reads]
    assert told == [("auditor", "list", "payments", ""), ("auditor", "cast", "payments", "nobody")]


def test_many_groups_fit(served: Served) -> None:
    groups = {"X-Remote-Group": ",".join(f"group-{number:04}" for number in range(10_000))}
    assert ApiServer(served, served.proxy, headers=USER | groups).ask(BASE).status == 200


TRUST = FrontProxyTrust(
    ca="",
    allowed_names=frozenset(["front-proxy-client"]),
    username_headers=("x-remote-user",),
    group_headers=("x-remote-group",),
    extra_prefixes=("x-remote-extra-",),
    uid_headers=("x-remote-uid",),
)


def test_the_whole_identity_is_read() -> None:
    headers = [
        ("x-remote-user", "jane"),
        ("x-remote-uid", "u-1"),
        ("x-remote-group", "a"),
        ("x-remote-group", "b"),
        ("x-remote-extra-example.org%2fteam", "red"),
        ("x-remote-extra-example.org%2fteam", "blue"),
        ("x-other", "no"),
    ]
    assert identify(TRUST, ["front-proxy-client"], headers) == Identity(
        "jane", "u-1", ("a", "b"), {"example.org/team": ("red", "blue")}
    )


@pytest.mark.parametrize(
    ("trust", "names", "reason"),
    [
        (None, ["front-proxy-client"], Reason.UNAVAILABLE),
        (TRUST, None, Reason.UNAUTHORIZED),
        (TRUST, [], Reason.FORBIDDEN),
        (TRUST, ["other"], Reason.FORBIDDEN),
    ],
)
def test_who_is_not_believed(trust: FrontProxyTrust | None, names: list[str] | None, reason: Reason) -> None:
    with pytest.raises(ApiError) as refused:
        identify(trust, names, [("x-remote-user", "jane")])
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"requestheader-client-ca-file": "nonsense"},
        {"requestheader-client-ca-file": "BEGIN CERTIFICATE", "requestheader-allowed-names": "{"},
        {"requestheader-client-ca-file": "BEGIN CERTIFICATE", "requestheader-username-headers": "[1]"},
    ],
)
def test_a_config_map_that_says_nothing_useful_is_named(data: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="extension-apiserver-authentication"):
        parse_trust(data)


def test_no_allowed_names_allow_any(served: Served) -> None:
    trust = parse_trust(trust_data(served.authority))
    headers = [("x-remote-user", "jane")]
    assert identify(trust, ["anybody"], headers).username == "jane"
