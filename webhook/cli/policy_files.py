"""Policies given on the command line: files, folders, names of packs, or those of the cluster."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import Limits
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.policy.builtin import RecordEverything
from webhook.policy.cases import failures
from webhook.policy.compiling import CompiledRule, Workshop, compile_policy
from webhook.policy.decision import Decision
from webhook.policy.document import GuardPolicy
from webhook.policy.evaluation import PolicySet
from webhook.policy.loading import read_file, read_object
from webhook.policy.places import Place
from webhook.policy.remarks import without_effect
from webhook.settings import PACKS

_PATH: Final = ("apis", "chaperone.dev", "v1alpha1", "guardpolicies")
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
BUILTIN: Final = "builtin"


class Loaded(msgspec.Struct, frozen=True):
    """One policy that holds."""

    policy: GuardPolicy
    place: Place
    rules: tuple[CompiledRule, ...]

    def failed_cases(self) -> list[str]:
        """Give one line for each case that fails."""
        return failures(self.policy, self.rules, self.place)

    def remarks(self) -> list[str]:
        """Give what is allowed but most likely not meant."""
        return [
            f"{self.place.at(('spec', 'rules', index, 'match', 'doors'))}: {remark}"
            for index, remark in without_effect(self.policy.spec.rules)
        ]


def load(names: Sequence[str], errors: list[str]) -> list[Loaded]:
    """Give the policies of files, folders and packs; what is broken becomes a line in ``errors``.

    Raises CliError when there is no such file.
    """
    workshop, loaded = Workshop(), list[Loaded]()
    for name, data in _files(names):
        try:
            found = read_file(data, name)
        except ConfigurationError as error:
            errors.append(str(error))
            continue
        for policy, place in found:
            try:
                loaded.append(Loaded(policy, place, compile_policy(policy, place, workshop)))
            except ConfigurationError as error:
                errors.append(str(error))
    return loaded


def load_all(names: Sequence[str]) -> list[Loaded]:
    """Give the policies, all of which must hold. Raises CliError."""
    errors: list[str] = []
    loaded = load(names, errors)
    if errors:
        raise CliError("\n".join(errors), ExitCode.CONFIGURATION)
    return loaded


def load_cluster(kubeconfig: Path | None, context: str | None) -> list[Loaded]:
    """Give the policies of the cluster; those that do not hold are left out. Raises CliError."""
    with Cluster(kubeconfig, context).request(_PATH, {}) as answer:
        body, status = answer.read(), answer.status
    if status != 200:
        hint = "is Chaperone installed, and may you list guardpolicies?"
        raise CliError(f"the API server gives no policies (status {status}); {hint}", ExitCode.FORBIDDEN)
    workshop, loaded = Workshop(), list[Loaded]()
    for obj in msgspec.json.decode(body, type=_List).items:
        try:
            policy, place = read_object(obj)
            loaded.append(Loaded(policy, place, compile_policy(policy, place, workshop)))
        except ConfigurationError as error:
            sys.stderr.write(f"left out: {error}\n")
    return loaded


def policy_set(loaded: Iterable[Loaded]) -> PolicySet:
    """Give the set of these policies, with the built-in one behind them."""
    return PolicySet([rule for one in loaded for rule in one.rules], otherwise=builtin())


def builtin() -> Decision:
    """Give what decides where no rule does."""
    return RecordEverything(profile="strict", limits=Limits()).decision


class _List(msgspec.Struct, frozen=True):
    items: tuple[msgspec.Raw, ...] = ()


def _files(names: Sequence[str]) -> Iterable[tuple[str, bytes]]:
    for name in names:
        if name == "-":
            yield "standard input", sys.stdin.buffer.read()
            continue
        path = Path(name)
        pack = PACKS / f"{name}.yaml"
        if path.is_dir():
            for file in sorted(path.iterdir()):
                if file.suffix in _SUFFIXES:
                    yield str(file), file.read_bytes()
        elif path.is_file():
            yield name, path.read_bytes()
        elif "/" not in name and pack.is_file():
            yield name, pack.read_bytes()
        else:
            packs = ", ".join(sorted(file.stem for file in PACKS.glob("*.yaml"))) or "none"
            raise CliError(f"{name}: no such file, folder or pack; packs are: {packs}", ExitCode.USAGE)
