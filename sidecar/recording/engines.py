"""The masking engines of a recorder, by the profile a grant names."""

from collections.abc import Callable, Collection, Sequence

from sidecar.contract.errors import BugError, CallerError
from sidecar.contract.events import Channel
from sidecar.contract.grants import MaskingRule
from sidecar.masking import Engine, Profile
from sidecar.masking.databases import Compiled
from sidecar.masking.user import Show
from sidecar.masking.user_patterns import PatternError, parse_rule
from sidecar.recording.masker import Masker


def maskers(
    engine: Engine, channels: Collection[Channel], *, tty: bool
) -> dict[Channel, Callable[[], Masker]]:
    """Give what makes a masker for each of a session's channels."""
    made: dict[Channel, Callable[[], Masker]] = dict.fromkeys(channels, engine.stream)
    if tty:
        made |= {Channel.STDIN: engine.keyboard, Channel.STDOUT: engine.terminal}
    return {channel: made[channel] for channel in channels}


class Engines:
    """The engine of every profile, on databases that they share; made before sessions are forked."""

    def __init__(self, databases: Compiled) -> None:
        self._databases = databases
        self._engines = {profile: Engine(profile, databases) for profile in Profile}

    def named(self, name: str, rules: Sequence[MaskingRule] = ()) -> Engine:
        """Give the engine of a profile, with a grant's rules besides.

        Raises CallerError when there is no profile of this name, or a rule does not compile.
        """
        try:
            profile = Profile(name)
        except ValueError:
            raise CallerError(f"this recorder has no masking profile {name!r}") from None
        return _with_rules(profile, self._databases, rules) if rules else self._engines[profile]


def _with_rules(profile: Profile, databases: Compiled, rules: Sequence[MaskingRule]) -> Engine:
    try:
        return Engine(
            profile,
            databases,
            [
                parse_rule(
                    rule.name,
                    rule.pattern,
                    Show.LAST_FOUR if rule.last_four else Show.NOTHING,
                    check_digit=rule.check_digit,
                )
                for rule in rules
            ],
        )
    except (PatternError, BugError) as error:
        raise CallerError(f"the policy's masking rules cannot be loaded here: {error}") from None
