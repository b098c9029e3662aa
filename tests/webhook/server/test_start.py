"""What a server says when it cannot begin."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CHAPERONE_NAMESPACE": "Not A Name"}, "CHAPERONE_NAMESPACE"),
        ({"CHAPERONE_LOG_LEVEL": "LOUD"}, "CHAPERONE_LOG_LEVEL"),
        ({"CHAPERONE_STORE": "ftp://x"}, "CHAPERONE_STORE"),
    ],
)
def test_a_wrong_setting_is_named_on_one_line(variables: dict[str, str], said: str) -> None:
    argv = [sys.executable, "-c", "from webhook.cli.main import main; main()", "serve", "--role", "collector"]
    done = subprocess.run(argv, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
