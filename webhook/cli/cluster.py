"""The way to the API server: what the kubeconfig says, and one HTTP client.

The kubernetes package reads kubeconfigs (certificates, tokens, exec plugins, proxies); only its
connection is used, for the audit API needs none of its generated models.
"""

import logging
import os
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, cast
from urllib.parse import quote, urlencode

import urllib3
import yaml
from kubernetes import client, config
from urllib3.exceptions import HTTPError, SSLError

from webhook.cli.failures import CliError, ExitCode
from webhook.cli.object_names import check_namespace

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 120.0
_OWN_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where the kubelet tells a pod its namespace."""


class _Loader(Protocol):
    """The functions used of ``kubernetes.config``, with types."""

    def load_incluster_config(self, client_configuration: client.Configuration) -> None: ...

    def load_kube_config(
        self, *, config_file: str | None, context: str | None, client_configuration: client.Configuration
    ) -> None: ...

    def list_kube_config_contexts(
        self, config_file: str | None
    ) -> tuple[list[dict[str, object]], dict[str, object]]: ...


class Cluster:
    """One API server, as one user."""

    def __init__(self, kubeconfig: Path | None, context: str | None) -> None:
        """Read the kubeconfig, in a pod without one the service account's token.

        Raises CliError when there is neither, or it has not what it takes.
        """
        self._configuration = client.Configuration()
        loader, file = cast("_Loader", config), str(kubeconfig) if kubeconfig else None
        if kubeconfig is None and context is None and _is_in_pod():
            loader.load_incluster_config(client_configuration=self._configuration)
            self.namespace = _OWN_NAMESPACE.read_text().strip()
            self._pool = client.ApiClient(self._configuration).rest_client.pool_manager
            return
        try:
            with _logged_errors() as logged:
                loader.load_kube_config(
                    config_file=file, context=context, client_configuration=self._configuration
                )
            contexts, active = loader.list_kube_config_contexts(file)
        except yaml.YAMLError:
            raise _no_kubeconfig(kubeconfig, "it is not YAML") from None
        except (config.ConfigException, OSError, ValueError) as error:
            raise _no_kubeconfig(kubeconfig, str(error)) from None
        except (TypeError, AttributeError, LookupError):  # the library takes its form for granted
            raise _no_kubeconfig(kubeconfig, "it has not the form of a kubeconfig") from None
        if logged:
            raise _no_kubeconfig(kubeconfig, f"it gives no credentials: {logged[0]}")
        self.namespace = _namespace(contexts, context or str(active["name"]))
        check_namespace("the context's namespace", self.namespace, ExitCode.CONFIGURATION)
        self._pool = client.ApiClient(self._configuration).rest_client.pool_manager

    @property
    def host(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    @contextmanager
    def request(
        self,
        path: tuple[str, ...],
        parameters: Mapping[str, str],
        *,
        body: bytes | None = None,
        patch: str | None = None,
        accept: str = "application/json",
    ) -> Generator[urllib3.BaseHTTPResponse]:
        """Give the answer, its body not read yet. Raises CliError when the API server cannot be reached.

        A body is posted; with ``patch``, the kind of the patch that it is, it is sent as one.
        """
        url = f"{self.host}/{'/'.join(quote(part, safe='') for part in path)}?{urlencode(parameters)}"
        headers = {"Accept": accept, "Content-Type": patch or "application/json"} | self.authorization()
        try:
            answer = self._pool.request(
                "GET" if body is None else "PATCH" if patch else "POST",
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                retries=urllib3.Retry(connect=1, read=0, redirect=0, other=0),
                preload_content=False,
            )
            try:
                yield answer
            finally:
                answer.close()
        except HTTPError as error:
            raise _unreachable(self.host, error) from None

    def tls(self) -> ssl.SSLContext:
        """Give how to speak TLS to it, for what is no HTTP request."""
        trusted = self._configuration
        context = ssl.create_default_context(cafile=trusted.ssl_ca_cert)
        if trusted.cert_file:
            context.load_cert_chain(trusted.cert_file, trusted.key_file)
        if not trusted.verify_ssl:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    @property
    def server_name(self) -> str | None:
        """The name that its certificate is for, where it is not the host's."""
        return self._configuration.tls_server_name or None

    def authorization(self) -> dict[str, str]:
        """Give the headers that say who asks; secret."""
        token = self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if token else {}


@contextmanager
def _logged_errors() -> Generator[list[str]]:
    """Give what the library logs as an error, instead: of a failed credential plugin it says nothing else."""
    logged: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: logged.append(" ".join(record.getMessage().split()))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield logged
    finally:
        root.removeHandler(handler)


def _is_in_pod() -> bool:
    """Tell whether this is a pod with a service account, and nobody has said to use a kubeconfig."""
    return (
        "KUBERNETES_SERVICE_HOST" in os.environ
        and "KUBECONFIG" not in os.environ
        and _OWN_NAMESPACE.exists()
        and not Path("~/.kube/config").expanduser().exists()
    )


def _namespace(contexts: list[dict[str, object]], name: str) -> str:
    for context in contexts:
        details = context.get("context")
        if context["name"] == name and isinstance(details, dict):
            return str(cast("dict[str, object]", details).get("namespace") or "default")
    return "default"


def _no_kubeconfig(kubeconfig: Path | None, problem: str) -> CliError:
    where = f"{kubeconfig}" if kubeconfig else "from $KUBECONFIG or ~/.kube/config"
    return CliError(
        f"no usable kubeconfig ({where}): {problem}\nSet KUBECONFIG, or give --kubeconfig and --context.",
        ExitCode.CONFIGURATION,
    )


def _unreachable(host: str, error: HTTPError) -> CliError:
    cause: BaseException = getattr(error, "reason", None) or error
    hint = (
        "its certificate is not trusted by this kubeconfig"
        if isinstance(cause, SSLError)
        else "check the server of this context, the network and proxies (kubectl version tells the same)"
    )
    return CliError(f"the API server {host} cannot be reached: {hint}", ExitCode.UNAVAILABLE)
