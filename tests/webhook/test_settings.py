"""Settings of the control side."""

import pytest

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import Limits
from webhook.settings import read_settings


def test_what_the_chart_gives_is_read() -> None:
    settings = read_settings(
        {
            "CHAPERONE_NAMESPACE": "guard",
            "CHAPERONE_EXEMPT_NAMESPACES": "kube-system, guard",
            "CHAPERONE_RECORDER": '{"image":"r:1","pullPolicy":"Never","limits":{},"spoolBytes":7}',
            "CHAPERONE_LIMITS": '{"idle_seconds":1,"total_seconds":2,"output_bytes":3}',
            "CHAPERONE_WEBHOOK_CONFIGURATIONS": "a,b",
        }
    )
    assert settings.exempt_namespaces == {"kube-system", "guard"}
    assert settings.recorder.collector == "wss://chaperone-collector.guard.svc:8443/v1/intake"
    assert (settings.recorder.image, settings.recorder.spool_bytes) == ("r:1", 7)
    assert settings.limits == Limits(1, 2, 3)
    assert settings.webhook_configurations == ("a", "b")


def test_there_is_a_default_for_everything() -> None:
    assert read_settings({}).namespace == "chaperone-system"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NAMESPACE", "Not A Name"),
        ("RECORDER", "{"),
        ("RECORDER", '{"image":"x","surprise":1}'),
        ("LIMITS", '{"idle_seconds":"x"}'),
        ("PORT", "x"),
        ("RETENTION", '{"months":3}'),
        ("RETENTION", '{"hotMonths":0}'),
        ("RETENTION", '{"months":12,"hotMonths":13}'),
        ("RETENTION", '{"days":3}'),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"CHAPERONE_{name}"):
        read_settings({f"CHAPERONE_{name}": value})
