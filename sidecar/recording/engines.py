"""The masking engines of a recorder, by the profile a grant names."""

from collections.abc import Callable, Collection

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Channel
from sidecar.masking import Engine, Profile
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
    """Engines loaded so far. The usual one is loaded before sessions are forked."""

    def __init__(self) -> None:
        self._engines: dict[Profile, Engine] = {}

    @classmethod
    def loaded(cls) -> "Engines":
        """Give engines of which every profile is loaded."""
        engines = cls()
        for profile in Profile:
            engines.named(profile.value)
        return engines

    def named(self, name: str) -> Engine:
        """Give the engine of a profile. Raises CallerError when there is none of this name."""
        try:
            profile = Profile(name)
        except ValueError:
            raise CallerError(f"this recorder has no masking profile {name!r}") from None
        if profile not in self._engines:
            self._engines[profile] = Engine.load(profile)
        return self._engines[profile]
