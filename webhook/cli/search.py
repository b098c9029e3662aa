"""``chaperone search``."""

from typing import Annotated

import typer

from webhook.cli.options import (
    AllNamespaces,
    Context,
    Format,
    Kubeconfig,
    Namespace,
    Output,
    Pod,
    Since,
    Until,
    User,
)


def search(
    text: Annotated[str, typer.Argument(help='Words, or a "quoted phrase".')],
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    user: User = None,
    pod: Pod = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most places to give.")] = 50,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Find words in command lines and in what was shown or typed, and the moment to jump to."""
    from webhook.cli import access, searching  # noqa: PLC0415  help must not wait for it

    wanted = searching.Wanted(text=text, user=user, pod=pod, since=since, until=until, limit=limit)
    place = access.Access(
        kubeconfig=kubeconfig, context=context, namespace=namespace, all_namespaces=all_namespaces
    )
    searching.run(wanted, place, output)
