"""As many people as a test needs, with their groups, by the administrator's right to impersonate."""

from kube import Kubectl, Result


class As:
    """The administrator's kubectl as somebody else."""

    def __init__(self, admin: Kubectl, user: str, *groups: str) -> None:
        self._admin = admin
        self.user = user
        self._options = [f"--as={user}", *(f"--as-group={group}" for group in groups)]

    def command(self, *arguments: str) -> list[str]:
        return self._admin.command(*self._options, *arguments)

    def try_(self, *arguments: str, stdin: bytes | None = None) -> Result:
        return self._admin.try_(*self._options, *arguments, stdin=stdin)

    def run(self, *arguments: str, stdin: bytes | None = None) -> str:
        result = self.try_(*arguments, stdin=stdin)
        assert result.code == 0, f"kubectl {' '.join(arguments)}: {result.error}"
        return result.text
