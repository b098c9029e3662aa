"""Asking a real registry server: sign-in, indexes, content by digest, and where it may send."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from registry_server import MANIFEST, Registry, serving
from tls_files import TlsFiles, make_tls_files

from webhook.registry.conversation import ask
from webhook.registry.credentials import Credentials
from webhook.registry.errors import ImageError
from webhook.registry.http import HttpVisit
from webhook.registry.manifests import Program
from webhook.registry.reference import read_reference
from webhook.registry.terms import Terms

TILL = Program(("/bin/till",), ("serve",))
RUN: dict[str, Any] = {"Entrypoint": ["/bin/till"], "Cmd": ["serve"]}
ALICE = Credentials("alice", "a word")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_tls_files(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Asking:
    """Asks registries that are on this machine."""

    def __init__(self, ca: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(ca))

    def __call__(
        self,
        registry: Registry,
        *who: Credentials,
        name: str = "shop/till:7",
        architecture: str = "",
        seconds: float = 60,
        **terms: Any,
    ) -> Program:
        given: dict[str, Any] = {"hosts": (registry.host,), "internal": ("127.0.0.1:*",), **terms}
        image = read_reference(f"{registry.host}/{name}")
        with HttpVisit(Terms(**given), self._context, seconds=seconds) as visit:
            return ask(visit, image, architecture, who, Terms(**given))


@pytest.fixture
def asking(tls: TlsFiles) -> Asking:
    return Asking(tls.ca)


@pytest.fixture
def registry(stack: ExitStack, tls: TlsFiles) -> Registry:
    return stack.enter_context(serving(Registry(), tls))


def test_an_image_says_what_it_starts(registry: Registry, asking: Asking) -> None:
    name = f"shop/till@{registry.image('shop/till:7', **RUN)}"
    assert asking(registry) == asking(registry, name=name) == TILL


@pytest.mark.parametrize("auth", ["token", "basic"])
def test_who_has_credentials_signs_in(registry: Registry, asking: Asking, auth: str) -> None:
    registry.image("shop/till:7", **RUN)
    registry.auth, registry.users = auth, {"alice": "a word"}
    assert asking(registry, ALICE) == TILL
    wrong = Credentials("bob", "a wrong word")
    assert asking(registry, wrong, ALICE) == TILL
    for who in ((), (wrong,)):
        with pytest.raises(ImageError) as raised:
            asking(registry, *who)
        assert "credentials" in str(raised.value)
        assert "word" not in str(raised.value)


def test_a_token_may_be_for_everybody(registry: Registry, asking: Asking) -> None:
    registry.image("shop/till:7", **RUN)
    registry.auth = "token"
    assert asking(registry) == TILL
    assert [kind for _, kind in registry.asked] == ["", "", "Bearer", "Bearer"]


def test_of_an_index_the_nodes_image_counts(registry: Registry, asking: Asking) -> None:
    amd = registry.image("shop/till:amd", **RUN)
    arm = registry.image("shop/till:arm", architecture="arm64", Entrypoint=["/bin/other"])
    windows = registry.image("shop/till:windows", Entrypoint=["till.exe"])
    registry.index("shop/till:7", ("linux/amd64", amd), ("linux/arm64", arm), ("windows/amd64", windows))
    assert asking(registry, architecture="amd64") == TILL
    assert asking(registry, architecture="arm64") == Program(("/bin/other",))
    with pytest.raises(ImageError, match="different programs"):
        asking(registry)
    registry.index("shop/till:8", ("linux/amd64", amd), ("windows/amd64", windows))
    assert asking(registry, name="shop/till:8") == TILL


def test_an_index_of_indexes_is_refused(registry: Registry, asking: Asking) -> None:
    inner = registry.index("shop/till:in", ("linux/amd64", registry.image("shop/till:amd", **RUN)))
    registry.index("shop/till:7", ("linux/amd64", inner))
    with pytest.raises(ImageError, match="another index"):
        asking(registry)


def test_content_that_is_not_what_its_digest_says_is_refused(registry: Registry, asking: Asking) -> None:
    digest = registry.image("shop/till:7", **RUN)
    [config] = registry.blobs
    registry.blobs[config] = registry.blobs[config].replace(b"till", b"evil")
    with pytest.raises(ImageError, match="something else"):
        asking(registry)
    registry.manifests[f"shop/till@{digest}"] = (MANIFEST, b'{"config": {"digest": "sha256:0"}}')
    with pytest.raises(ImageError, match="something else"):
        asking(registry, name=f"shop/till@{digest}")


def test_what_a_registry_says_is_not_told(registry: Registry, asking: Asking) -> None:
    with pytest.raises(ImageError, match="no such image") as raised:
        asking(registry)
    assert "secret words" not in str(raised.value)


@pytest.mark.parametrize("where", ["manifest", "blob"])
def test_an_answer_without_end_is_cut_off(registry: Registry, asking: Asking, where: str) -> None:
    registry.image("shop/till:7", **RUN)
    if where == "manifest":
        registry.manifests["shop/till:7"] = (MANIFEST, b" " * 1_048_577)
    else:
        [config] = registry.blobs
        registry.blobs[config] = b" " * 1_048_577
    with pytest.raises(ImageError, match="too long"):
        asking(registry)


def test_credentials_do_not_follow_to_another_host(
    registry: Registry, asking: Asking, stack: ExitStack, tls: TlsFiles
) -> None:
    other = stack.enter_context(serving(Registry(), tls))
    registry.image("shop/till:7", **RUN)
    registry.auth, registry.users, registry.blobs_at = "basic", {"alice": "a word"}, other.url
    other.blobs = registry.blobs
    assert asking(registry, ALICE) == TILL
    assert [kind for _, kind in other.asked] == [""]


def test_it_sends_nowhere_without_tls(registry: Registry, asking: Asking, stack: ExitStack) -> None:
    plain = stack.enter_context(serving(Registry()))
    registry.image("shop/till:7", **RUN)
    registry.blobs_at = plain.url
    with pytest.raises(ImageError, match="not by https"):
        asking(registry)
    registry.auth, registry.realm = "token", f"{plain.url}/token"
    with pytest.raises(ImageError, match="not by https"):
        asking(registry, ALICE)
    assert plain.asked == []


def test_it_sends_nowhere_inside(registry: Registry, asking: Asking, stack: ExitStack, tls: TlsFiles) -> None:
    other = stack.enter_context(serving(Registry(), tls))
    registry.image("shop/till:7", **RUN)
    registry.blobs_at = other.url
    with pytest.raises(ImageError, match="not public"):
        asking(registry, internal=(registry.host,))
    with pytest.raises(ImageError, match="not public"):
        asking(registry, internal=())
    registry.auth, registry.realm = "token", f"{other.url}/token"
    with pytest.raises(ImageError, match="not public"):
        asking(registry, ALICE, internal=(registry.host,))
    assert other.asked == []


def test_it_does_not_send_for_ever(registry: Registry, asking: Asking) -> None:
    registry.image("shop/till:7", **RUN)
    registry.blobs_at = f"{registry.url}/v2"
    with pytest.raises(ImageError, match="again and again"):
        asking(registry)


def test_without_tls_where_the_operator_says_so(asking: Asking, stack: ExitStack) -> None:
    registry = stack.enter_context(serving(Registry()))
    registry.image("shop/till:7", **RUN)
    assert asking(registry, plain_http=(registry.host,)) == TILL
    with pytest.raises(ImageError, match="cannot be reached"):
        asking(registry)


def test_an_authority_that_nobody_knows_is_not_believed(registry: Registry, tmp_path: Path) -> None:
    registry.image("shop/till:7", **RUN)
    with pytest.raises(ImageError, match="SSL"):
        Asking(make_tls_files(tmp_path).ca)(registry)


def test_a_registry_that_does_not_answer_is_given_up(registry: Registry, asking: Asking) -> None:
    registry.image("shop/till:7", **RUN)
    registry.wait = threading.Event()
    began = time.monotonic()
    with pytest.raises(ImageError, match="cannot be reached"):
        asking(registry, seconds=0.3)
    assert time.monotonic() - began < 50


def test_a_proxy_is_asked_instead(asking: Asking, stack: ExitStack) -> None:
    proxy = stack.enter_context(serving(Registry()))
    elsewhere = Registry(url="http://registry.invalid:5000")
    with pytest.raises(ImageError, match="no such image"):
        asking(elsewhere, proxy=proxy.url, plain_http=("registry.invalid:5000",), internal=())
    assert proxy.asked == [("http://registry.invalid:5000/v2/shop/till/manifests/7", "")]
    with pytest.raises(ImageError, match="cannot be reached"):
        asking(elsewhere, proxy=proxy.url.replace("//", "//user:word@"), internal=())
    assert proxy.asked[1:] == [("registry.invalid:5000", "Basic")]
    inside = Registry(url="http://10.96.0.1:5000")
    with pytest.raises(ImageError, match="not public"):
        asking(inside, proxy=proxy.url, plain_http=(inside.host,), internal=())


@pytest.mark.parametrize("realm", ["", "no-url", "https://", "file:///token", "https://[", "https://a:b/"])
def test_a_challenge_that_leads_nowhere_is_refused(registry: Registry, asking: Asking, realm: str) -> None:
    registry.image("shop/till:7", **RUN)
    registry.auth, registry.realm = "token", realm or 'x" nonsense'
    with pytest.raises(ImageError, match=r"https|cannot be read"):
        asking(registry)


def test_no_token_that_is_no_token(registry: Registry, asking: Asking) -> None:
    registry.image("shop/till:7", **RUN)
    registry.auth = "token"
    registry.blobs["none"] = json.dumps({"token": "a\r\nHost: other"}).encode()
    registry.realm = f"{registry.url}/moved/none?x=y"
    with pytest.raises(ImageError, match="cannot be read"):
        asking(registry)
