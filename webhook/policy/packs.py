"""Packs: policies that come with Chaperone, by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sidecar.contract.errors import ConfigurationError
from webhook.policy.document import GuardPolicy
from webhook.policy.loading import read_file
from webhook.policy.places import Place
from webhook.policy.secret_managers import SecretManager, with_managers
from webhook.policy.volumes import with_provisioners


def read_packs(
    directory: Path,
    names: Iterable[str],
    managers: Sequence[SecretManager] = (),
    provisioners: Sequence[str] = (),
) -> list[tuple[GuardPolicy, Place]]:
    """Give the policies of packs, with exceptions for who manages Secrets of their own, and for provisioners.

    Provisioners are service accounts, ``namespace/name``, that make volumes of paths on nodes.

    Raises ConfigurationError, naming the packs there are.
    """
    there = {path.stem: path for path in sorted(directory.glob("*.yaml"))}
    found: list[tuple[GuardPolicy, Place]] = []
    for name in names:
        if name not in there:
            known = ", ".join(there) or "none"
            raise ConfigurationError(f"there is no policy pack {name!r} in {directory}; there are: {known}")
        found += read_file(there[name].read_bytes(), there[name].name)
    return [
        (with_provisioners(with_managers(policy, managers), provisioners), place) for policy, place in found
    ]
