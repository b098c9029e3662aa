"""``chaperone policy``: write, try and understand guard policies."""

import sys
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.sealing import Identity
from webhook.cli.access import Access
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.grouping import group
from webhook.cli.options import Context, Kubeconfig
from webhook.cli.output import note, print_json
from webhook.cli.policy_files import load, load_all, load_cluster, policy_set
from webhook.cli.policy_questions import (
    about_object,
    claims,
    from_reviews,
    moment,
    pairs,
    read_manifest,
)
from webhook.cli.policy_recorded import recorded
from webhook.cli.policy_table import decision_object, explanation_json, print_changes, print_explanations
from webhook.cli.times import time_option
from webhook.policy.cases import usual_operation
from webhook.policy.decision import Decision, Door, Operation, Question
from webhook.policy.demands import strictest
from webhook.policy.evaluation import PolicySet
from webhook.policy.explaining import explain as explain_decision
from webhook.policy.remarks import ELSEWHERE, UNASKED
from webhook.policy.schema import crd, json_schema
from webhook.policy.yaml_text import read_yaml
from webhook.settings import PACKS

_MASKING: Final = "masking"
_OWN: Final = "chaperone-system"
"""The namespace of Chaperone unless it was installed into another."""
Files = Annotated[
    list[str],
    typer.Argument(help="Files, folders, names of packs, or - for standard input.", metavar="FILE"),
]


class Form(Enum):
    """Forms of output."""

    TABLE = "table"
    JSON = "json"


Own = Annotated[
    str, typer.Option("--own-namespace", help="The namespace of Chaperone itself, for saved reviews.")
]
Output = Annotated[Form, typer.Option("--output", "-o", help="Form of the output.")]


def policy() -> typer.Typer:
    """Give the group of commands."""
    app = group("Write, try and understand guard policies.")
    for command in (lint, explain, diff, schema):
        app.command()(command)
    app.command("test")(run_cases)
    return app


def lint(files: Files) -> None:
    """Check policies: types, names, expressions, masking rules. Errors name file, line and fix."""
    errors: list[str] = []
    loaded = load(files, errors)
    for remark in (remark for one in loaded for remark in one.remarks()):
        note(f"remark: {remark}")
    _end(errors, _count(len(loaded), "policy holds", "policies hold"))


def run_cases(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help="As for lint; files and folders may hold masking rules too. All packs when left out.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Run the cases that policies and masking rules carry."""
    names = files or [str(PACKS)]
    errors: list[str] = []
    masking = [place for name in names if (place := _masking_place(name)) is not None]
    loaded = load([name for name in names if Path(name) not in masking], errors)
    if not (loaded or masking or errors):
        raise CliError(f"no policies and no masking rules in {', '.join(names)}", ExitCode.NOT_FOUND)
    held = 0
    for one in loaded:
        failed = one.failed_cases()
        errors += failed
        held += len(one.policy.spec.cases) - len(failed)
    for place in masking:
        held += _try_masking(place, errors)
    _end(errors, _count(held, "case holds", "cases hold"))


def explain(
    command: Annotated[
        list[str] | None, typer.Argument(help="The command line, behind --.", metavar="[-- COMMAND...]")
    ] = None,
    *,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", help="Policies, as for lint; else the cluster's.", metavar="FILE"),
    ] = None,
    review: Annotated[
        Path | None,
        typer.Option(help="A saved AdmissionReview, instead of options.", metavar="FILE"),
    ] = None,
    door: Annotated[
        Door | None, typer.Option(help="What is asked for; that of the object, or exec, unless given.")
    ] = None,
    operation: Annotated[
        Operation | None, typer.Option(help="What the door is mostly about unless given.")
    ] = None,
    user: Annotated[str, typer.Option(help="Who asks.")] = "somebody",
    group: Annotated[list[str] | None, typer.Option(help="A group of theirs. Repeatable.")] = None,
    extra: Annotated[list[str] | None, typer.Option(help="A claim, key=value. Repeatable.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where.")] = "default",
    namespace_label: Annotated[
        list[str] | None, typer.Option(help="A label of the namespace, key=value. Repeatable.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the pod or object.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="A label of it, key=value. Repeatable.")] = None,
    container: Annotated[str, typer.Option("--container", "-c", help="Which container.")] = "",
    tty: Annotated[bool, typer.Option("--tty", "-t", help="With a terminal.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", "-i", help="With input.")] = False,
    manifest: Annotated[
        Path | None, typer.Option("--object", help="The object, a manifest.", metavar="FILE")
    ] = None,
    at: Annotated[str | None, typer.Option(help="When, as in 2026-03-02T22:30; now unless given.")] = None,
    own_namespace: Own = _OWN,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all rules.")] = False,
    output: Output = Form.TABLE,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show which rules are about a request, which decides, and why.

    chaperone policy explain -f pci-dss --user ada --group agents -it -- bash
    """
    if not file:
        note("The cluster's GuardPolicy objects are asked. Packs of the chart are none: add -f pci-dss.")
    policies = policy_set(load_all(file) if file else load_cluster(kubeconfig, context))
    labels = pairs(namespace_label or [], "--namespace-label")
    if review is not None:
        groups = list(
            from_reviews(
                _read(review), str(review), at=moment(at), namespace_labels=labels, own=own_namespace
            )
        )
    else:
        written = read_manifest(manifest) if manifest else None
        at_door = door or (written.door if written else None) or Door.EXEC
        asked = Question(
            door=at_door,
            operation=operation or usual_operation(at_door),
            identity=Identity(user, "", tuple(group or ()), claims(extra or [])),
            at=moment(at),
            namespace=namespace,
            namespace_labels=labels,
            name=name,
            labels=pairs(label or [], "--label"),
            container=container,
            argv=tuple(command or ()),
            tty=tty,
            stdin=stdin,
        )
        groups = [about_object(asked, written) if written else [asked]]
    unasked = {question.door for questions in groups for question in questions} & UNASKED
    if unasked:
        note(f"remark: this is never asked in a cluster: {ELSEWHERE}.")
    if not any(groups):
        raise CliError("policies are not asked about this request", ExitCode.USAGE)
    for questions in groups:
        explained = [(question, explain_decision(policies, question)) for question in questions]
        if output is Form.JSON:
            explanation_json(explained)
        else:
            print_explanations(explained, everything=verbose)


def diff(
    before: Annotated[
        str, typer.Argument(help="The policies as they are: file, folder or pack.", metavar="OLD")
    ],
    after: Annotated[str, typer.Argument(help="The policies as they may become.", metavar="NEW")],
    *,
    reviews: Annotated[
        list[Path] | None,
        typer.Option(help="Saved AdmissionReviews, one or one on each line. Repeatable.", metavar="FILE"),
    ] = None,
    own_namespace: Own = _OWN,
    since: Annotated[
        str | None, typer.Option(help="Only the record since: 2h, 7d, 2026-03-01 or 2026-03-01T09:30.")
    ] = None,
    output: Output = Form.TABLE,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Show what would be decided otherwise: what is on record, or saved reviews, asked of both.

    On record are sessions, and decisions about exec, attach, debug containers, port-forward and proxies,
    refused ones included.
    Decisions about objects have no content on record to ask about: save reviews for these. Recorded command
    lines are masked, and labels are not recorded, so rules about these may answer otherwise.
    """
    old, new = (policy_set(load_all([name])) for name in (before, after))
    groups = _reviewed(reviews, own_namespace) if reviews else _recorded(kubeconfig, context, since)
    decided = [(questions[0], _strictest(old, questions), _strictest(new, questions)) for questions in groups]
    changes = [change for change in decided if not _same(change[1], change[2])]
    if output is Form.JSON:
        print_json([_change_object(*change) for change in changes])
    elif changes:
        print_changes(changes)
    note(f"{len(changes)} of {_count(len(decided), 'request is', 'requests are')} decided otherwise.")


def schema(
    *,
    definition: Annotated[bool, typer.Option("--crd", help="The CustomResourceDefinition instead.")] = False,
) -> None:
    """Print the JSON Schema of GuardPolicy, for editors.

    For the YAML language server: # yaml-language-server: $schema=guardpolicy.json
    """
    print_json(crd() if definition else json_schema())


def _strictest(policies: PolicySet, questions: list[Question]) -> Decision:
    """Give what counts of the answers to one request's questions, as at the doors."""
    return strictest([policies.decide(question) for question in questions])


def _reviewed(files: list[Path], own: str) -> list[list[Question]]:
    now = moment(None)
    return [
        questions
        for file in files
        for questions in from_reviews(_read(file), str(file), at=now, namespace_labels={}, own=own)
    ]


def _recorded(kubeconfig: Path | None, context: str | None, since: str | None) -> list[list[Question]]:
    opened = Access(kubeconfig=kubeconfig, context=context, namespace=None, all_namespaces=True).open()
    start = time_option("--since", since, datetime.now(UTC))
    return list(recorded(opened.audit, start))


def _same(before: Decision, now: Decision) -> bool:
    """Compare what is decided, not who says it."""
    return msgspec.structs.replace(before, policy=now.policy, rule=now.rule, reason=now.reason) == now


def _change_object(question: Question, before: Decision, now: Decision) -> dict[str, object]:
    return {
        "user": question.identity.username,
        "namespace": question.namespace,
        "door": question.door.value,
        "name": question.name,
        "command": question.argv,
        "before": decision_object(before),
        "now": decision_object(now),
    }


def _masking_place(name: str) -> Path | None:
    """Give the file or folder of masking rules that a name means, or the folder beside its policies."""
    path = Path(name)
    if (path.is_file() and _holds_rules(path)) or (path.name == _MASKING and path.is_dir()):
        return path
    return path / _MASKING if (path / _MASKING).is_dir() else None


def _holds_rules(file: Path) -> bool:
    """Tell a file of masking rules, as ``chaperone mask --rules`` takes it, from one of policies."""
    try:
        first, _ = next(read_yaml(_read(file), str(file)), (None, None))
    except ConfigurationError:
        return False
    return isinstance(first, dict) and "rules" in first and "kind" not in first


def _try_masking(place: Path, errors: list[str]) -> int:
    from sidecar.masking.authoring.cases import try_cases  # noqa: PLC0415  loads Hyperscan

    tried = try_cases(place)
    errors += tried.failures
    return tried.held


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}", ExitCode.USAGE) from None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _end(errors: list[str], good: str) -> None:
    if errors:
        raise CliError("\n".join(errors))
    note(good)
