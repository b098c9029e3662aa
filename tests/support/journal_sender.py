"""The admission side's journal as a process of its own: notes events, tells their ids, and ships them.

Run with a folder that holds ``ca.pem`` and ``token``, the collector's address and how many events to note; it
ends once all is shipped.
"""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from audit_event_samples import make_event, make_maker
from collector_server import ADMISSION_TOKEN, CollectorServer

from webhook.server.delivery import HttpsDelivery
from webhook.server.disk_journal import DiskJournal
from webhook.server.journal_shipping import JournalShipping


async def send(folder: Path, url: str, count: int) -> None:
    """Note and ship."""
    journal = DiskJournal(folder / "journal", limit_bytes=1 << 26, maker=make_maker())
    bundle = (folder / "ca.pem").read_text()
    delivery = HttpsDelivery(url, bundle=lambda: bundle, token_file=folder / "token")
    shipping = JournalShipping(journal, delivery)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(shipping.work())
        for number in range(count):
            event = make_event(number, reason="x" * (number * 37 % 2000))
            journal.note(event)
            print(event.id, flush=True)
            await asyncio.sleep(0)
        await shipping.finish(240)
    journal.close()


@dataclass
class Sender:
    """The process, to be killed and started again at will."""

    folder: Path
    server: CollectorServer
    token: str = ADMISSION_TOKEN
    noted: list[str] = field(default_factory=list[str])
    """Ids of events that :class:`DiskJournal` has taken, as far as the processes could tell."""
    process: "subprocess.Popen[str] | None" = None

    def start(self, count: int) -> "subprocess.Popen[str]":
        self.folder.mkdir(exist_ok=True)
        (self.folder / "ca.pem").write_text(self.server.ca)
        (self.folder / "token").write_text(f"{self.token}\n")
        argv = [sys.executable, __file__, str(self.folder), self.server.audit_url, str(count)]
        paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
        environment = os.environ | {"PYTHONPATH": paths}
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment)
        return self.process

    def hear(self, lines: int) -> None:
        """Wait until so many more events were noted."""
        assert self.process is not None
        assert self.process.stdout is not None
        self.noted += [self.process.stdout.readline().strip() for _ in range(lines)]

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self._end()

    def finish(self) -> None:
        """Wait until all is shipped."""
        assert self._end() == 0

    def _end(self) -> int:
        process, self.process = self.process, None
        assert process is not None
        assert process.stdout is not None
        self.noted += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        return process.wait(120)


if __name__ == "__main__":
    asyncio.run(send(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
