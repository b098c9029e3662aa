"""One line on standard error for whoever runs the pod. Never card data, tokens or what programs print."""

import os
import sys


def log(message: str) -> None:
    """Write a line."""
    os.write(2, f"chaperone-recorder: {message}\n".encode())


def log_failure(what: str, error: BaseException) -> None:
    """Write what failed and where, without the error's text: it may quote what passed through."""
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    log(f"{what}: {type(error).__name__} at {' > '.join(places) or 'unknown'}")
    sys.stderr.flush()
