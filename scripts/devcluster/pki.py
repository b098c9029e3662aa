"""Certificates of a local control plane, made with the openssl command."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from devcluster.network import KUBERNETES_SERVICE, Link
from devcluster.shell import run

CLUSTER_CA = "ca"
FRONT_PROXY_CA = "front-proxy-ca"
FRONT_PROXY_NAME = "front-proxy-client"
DAYS = "3650"

_CONFIGURATION = "[req]\ndistinguished_name = name\nprompt = no\n[name]\n"


@dataclass(frozen=True)
class Certificate:
    """A certificate to issue."""

    name: str
    subject: str
    """As openssl's -subj takes it: the organisation becomes the group, the common name the user."""
    authority: str = CLUSTER_CA
    addresses: tuple[str, ...] = ()
    """Subject alternative names, with their DNS: or IP: prefix."""


def certificates(node: str, link: Link) -> tuple[Certificate, ...]:
    """Every certificate of a control plane on one node."""
    server = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    )
    names = tuple(f"DNS:{name}" for name in (*server, "localhost"))
    numbers = (f"IP:{KUBERNETES_SERVICE}", f"IP:{link.node}", "IP:127.0.0.1")
    return (
        Certificate("apiserver", "/CN=kube-apiserver", addresses=(*names, *numbers)),
        Certificate("apiserver-kubelet", "/O=system:masters/CN=apiserver-kubelet-client"),
        Certificate("front-proxy", f"/CN={FRONT_PROXY_NAME}", FRONT_PROXY_CA),
        Certificate("admin", "/O=system:masters/CN=admin"),
        Certificate(
            "kubelet", f"/O=system:nodes/CN=system:node:{node}", addresses=(f"DNS:{node}", f"IP:{link.node}")
        ),
        Certificate("controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("scheduler", "/CN=system:kube-scheduler"),
        Certificate("proxy", "/CN=system:kube-proxy"),
    )


def make_server_pki(folder: Path, wanted: tuple[Certificate, ...]) -> None:
    """Make one authority and certificates under it, for a server of its own."""
    if folder.is_dir():
        return
    _begin(folder, (CLUSTER_CA,), wanted).rename(folder)


def make_pki(folder: Path, wanted: tuple[Certificate, ...]) -> None:
    """Make all keys and certificates; the folder appears only when it is complete."""
    if folder.is_dir():
        return
    partial = _begin(folder, (CLUSTER_CA, FRONT_PROXY_CA), wanted)
    run(["openssl", "genpkey", *NEW_KEY, "-out", partial / "service-account.key"])
    run(
        [
            "openssl",
            "pkey",
            "-in",
            partial / "service-account.key",
            "-pubout",
            "-out",
            partial / "service-account.pub",
        ]
    )
    partial.rename(folder)


def _begin(folder: Path, authorities: tuple[str, ...], wanted: tuple[Certificate, ...]) -> Path:
    """Make authorities and certificates in a folder beside the one that is to be; give that folder."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    (partial / "openssl.cnf").write_text(_CONFIGURATION)
    for name in authorities:
        _issue(partial, name, f"/CN=chaperone-{name}", ["basicConstraints=critical,CA:TRUE"], [])
    for certificate in wanted:
        _issue_under_authority(partial, certificate)
    return partial


NEW_KEY = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve")


def _issue_under_authority(folder: Path, certificate: Certificate) -> None:
    authority = folder / certificate.authority
    extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
    if certificate.addresses:
        extensions.append("subjectAltName=" + ",".join(certificate.addresses))
    signer = ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"]
    _issue(folder, certificate.name, certificate.subject, extensions, signer)


def _issue(folder: Path, name: str, subject: str, extensions: list[str], signer: list[str]) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    run(["openssl", "genpkey", *NEW_KEY, "-out", folder / f"{name}.key"])
    request = [
        "openssl",
        "req",
        "-x509",
        "-new",
        "-config",
        folder / "openssl.cnf",
        "-days",
        DAYS,
        "-subj",
        subject,
    ]
    run([*request, "-key", folder / f"{name}.key", "-out", folder / f"{name}.crt", *added, *signer])
