"""Run at a terminal: open all other terminals, and what others' processes have; say what could be opened."""

import json
import os
from pathlib import Path

WAYS = {"read": os.O_RDONLY, "write": os.O_WRONLY}
own, user = os.ttyname(0), os.getuid()
others = [process for process in Path("/proc").glob("[0-9]*") if process.stat().st_uid != user]
terminals = [str(path) for path in Path("/dev/pts").glob("[0-9]*") if str(path) != own]
tries = [*terminals, *(f"{process}/fd/{number}" for process in others for number in range(3))]
opened: list[str] = []
for path in tries:
    for way, flags in WAYS.items():
        try:
            there = os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            continue
        opened.append(f"{way} {path}")
        if way == "write":
            os.write(there, b"stranger")
        os.close(there)
print(json.dumps({"terminals": len(terminals), "others": len(others), "opened": opened}))
