"""Starts the role a process is told to play."""

from collections.abc import Mapping

from sidecar.contract.errors import ConfigurationError
from webhook.server import logs
from webhook.settings import Role, Settings


async def start(role: Role, settings: Settings, environment: Mapping[str, str]) -> None:
    """Serve until told to end. Raises ChaperoneError when that cannot begin."""
    try:
        logs.configure(settings.log_level)
    except ValueError:
        raise ConfigurationError("CHAPERONE_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR") from None
    match role:
        case Role.ADMISSION:
            from webhook.server.admission import serve_admission  # noqa: PLC0415  only this role's imports

            await serve_admission(settings)
        case Role.COLLECTOR:
            from webhook.server.collector import serve_collector  # noqa: PLC0415

            await serve_collector(settings, environment)
