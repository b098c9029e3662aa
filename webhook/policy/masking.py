"""Masking rules of policies: tried on their cases here, before they travel to a recorder."""

import msgspec

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import MaskingRule
from sidecar.masking.authoring.user_rules import load_rules
from webhook.policy.document import MaskingSource, Show

_NAME = "rule"


class MaskingError(ValueError):
    """A masking rule that is refused; the text says why."""


class MaskingRules:
    """Rules that passed, kept so that a reload tries only what is new."""

    def __init__(self) -> None:
        self._passed: dict[MaskingSource, MaskingRule] = {}

    def travelling(self, source: MaskingSource) -> MaskingRule:
        """Give the rule as grants carry it. Raises MaskingError when it is malformed or fails a case."""
        if source not in self._passed:
            document = msgspec.json.encode({"rules": [msgspec.to_builtins(source)]})
            try:
                load_rules(document, _NAME)
            except ConfigurationError as error:
                raise MaskingError(str(error).removeprefix(f"{_NAME}:1: ")) from None
            last_four = source.show is Show.LAST_FOUR
            self._passed[source] = MaskingRule(
                source.name, source.pattern, last_four=last_four, check_digit=source.luhn
            )
        return self._passed[source]
