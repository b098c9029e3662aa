"""From the spool to the store: the real shipper, TLS, intake and SQLite, each a process of its own."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_pki import Authority as TlsAuthority
from collector_server import LOST_TOKEN, TOKEN, CollectorServer, running
from cuttable import Relay
from memory import peak_mebibytes
from recorded import LIMIT, Made
from shipper_process import ShipperProcess, until

from sidecar.contract.frames import Chain, Frame
from sidecar.contract.identifiers import session_id
from sidecar.contract.wire import INTAKE_PATH, Notice, NoticeKind
from sidecar.shipping.layout import SESSIONS
from sidecar.shipping.notices import NoticeSpool
from webhook.store.contract import Phase, PodNotice, Query

MEBIBYTE = 1024 * 1024


class Place:
    """A folder with a spool, a collector and a shipper."""

    def __init__(self, folder: Path, server: CollectorServer) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.server = server
        self._shippers: list[ShipperProcess] = []
        self.shipper = self.make_shipper(server.url)

    def make_shipper(self, url: str, ca: str = "") -> ShipperProcess:
        made = ShipperProcess(self.folder, self.spool, url=url, ca=ca or self.server.ca, token=TOKEN)
        self._shippers.append(made)
        return made

    def close(self) -> None:
        for shipper in self._shippers:
            shipper.close()

    def write(self, made: Made, pieces: list[bytes]) -> list[Frame]:
        """Spool a whole session."""
        writer = made.spool(self.spool)
        frames = list(made.whole(pieces))
        for frame in frames:
            writer.append(frame)
        writer.close(ended=True)
        return frames

    def left(self) -> list[str]:
        return [path.name for path in (self.spool / SESSIONS).iterdir()]

    def notices(self) -> list[PodNotice]:
        return self.server.store.notices(namespace=None, since=None, limit=100)

    def check(self, made: Made, frames: list[Frame]) -> None:
        """Check that the store holds a session once, whole and in order."""
        store = self.server.store
        kept = store.frames(made.session, start=0, limit=len(frames) + 10)
        record = store.session(made.session)
        store.close()
        assert kept == frames
        assert record is not None
        assert (record.phase, record.next_sequence) == (Phase.COMPLETED, len(frames))
        chain = Chain(made.session)
        for frame in kept:
            chain.accept(frame)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorServer]:
    with running(tmp_path_factory.mktemp("collector")) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, server: CollectorServer) -> Iterator[Place]:
    """With a collector that is left alone."""
    place = Place(tmp_path, server)
    yield place
    place.close()


@pytest.fixture
def rough_place(tmp_path: Path) -> Iterator[Place]:
    """With a collector that may be killed."""
    with running(tmp_path) as server:
        place = Place(tmp_path, server)
        yield place
        place.close()


def test_a_spool_is_shipped_and_the_shipper_ends(place: Place) -> None:
    made = place.server.authority.session()
    frames = place.write(made, [b"one\n", b"two\n"])
    notice = Notice(session_id(7, bytes(10)), 1, NoticeKind.GRANT_REFUSED, reason="expired")
    NoticeSpool(place.spool).add(notice)
    assert place.shipper.ship() == 0
    place.check(made, frames)
    assert place.left() == []
    assert [kept.notice for kept in place.server.store.notices(namespace=None, since=None, limit=9)] == [
        notice
    ]
    assert TOKEN not in place.shipper.log() + place.server.log()


def test_a_living_session_is_followed(place: Place) -> None:
    place.shipper.start()
    made = place.server.authority.session()
    writer = made.spool(place.spool)
    frames: list[Frame] = []
    for frame in made.whole([b"line %d\n" % number for number in range(30)]):
        writer.append(frame)
        frames.append(frame)
        place.shipper.waker.wake()
        time.sleep(0.01)
        if frame.sequence == 20:
            until(lambda: place.server.store.frames(made.session, start=20, limit=1))
    writer.close(ended=True)
    place.shipper.waker.wake()
    until(lambda: not place.left())
    place.check(made, frames)


@pytest.mark.parametrize("woken", [True, False])
def test_the_shipper_stays_with_a_living_session_and_lingers_after_it(place: Place, woken: bool) -> None:
    made = place.server.authority.session()
    writer = made.spool(place.spool)
    writer.append(made.start())
    process = place.shipper.start(linger=0.5)
    until(lambda: place.server.store.frames(made.session, start=0, limit=9))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    assert place.left() == [made.session]
    writer.append(made.end())
    writer.close(ended=True)
    if woken:
        place.shipper.waker.wake()
    assert process.wait(60) == 0
    assert place.left() == []
    assert len(place.server.store.frames(made.session, start=0, limit=9)) == 2


def test_without_work_it_does_not_even_connect(place: Place) -> None:
    assert place.shipper.ship() == 0
    assert place.shipper.log() == ""


@pytest.mark.parametrize("seed", range(3))
def test_a_collector_killed_at_any_point_loses_and_doubles_nothing(rough_place: Place, seed: int) -> None:
    place = rough_place
    rng = random.Random(seed)
    sessions = [place.server.authority.session() for _ in range(4)]
    writers = [made.spool(place.spool) for made in sessions]
    frames: list[list[Frame]] = [[made.start()] for made in sessions]
    for writer, kept in zip(writers, frames, strict=True):
        writer.append(kept[0])
    place.shipper.start(linger=60)
    for turn in range(6):
        for _ in range(40):
            index = rng.randrange(len(sessions))
            size = rng.choice([1, 10, 1000, 50_000])
            frame = sessions[index].out(b"%d " % rng.getrandbits(64) + b"x" * size + b"\n" * rng.randrange(2))
            writers[index].append(frame)
            frames[index].append(frame)
            place.shipper.waker.wake()
        time.sleep(rng.uniform(0, 0.5))
        if turn % 2 == 0:
            place.server.kill()
            time.sleep(rng.uniform(0, 0.5))
            place.server.start()
        elif turn == 3:
            place.shipper.kill()
            place.shipper.start(linger=60)
    for made, writer, kept in zip(sessions, writers, frames, strict=True):
        kept.append(made.end())
        writer.append(kept[-1])
        writer.close(ended=True)
    place.shipper.waker.wake()
    until(lambda: not place.left())
    for made, kept in zip(sessions, frames, strict=True):
        place.check(made, kept)


@pytest.fixture
def breaking(server: CollectorServer) -> Iterator[Relay]:
    """A network that breaks in the TLS handshake, early, and later and later in what is sent."""
    relay = Relay(server.port, breaks=[100, 5_000, 20_000, 100_000, 300_000])
    yield relay
    relay.close()


def test_a_network_that_breaks_again_and_again_loses_nothing(place: Place, breaking: Relay) -> None:
    shipper = place.make_shipper(f"wss://localhost:{breaking.port}{INTAKE_PATH}")
    made = place.server.authority.session()
    frames = place.write(made, [os.urandom(100).hex().encode() + b"\n" for _ in range(4000)])
    assert shipper.ship() == 0
    assert breaking.accepted == 6
    place.check(made, frames)


def test_words_are_found_once_after_a_restart_in_the_middle_of_a_line(rough_place: Place) -> None:
    place = rough_place
    made = place.server.authority.session()
    writer = made.spool(place.spool)
    for frame in (made.start(), made.out(b"before\nthe unfin")):
        writer.append(frame)
    process = place.shipper.start(linger=0)
    until(lambda: place.server.store.frames(made.session, start=1, limit=9))
    place.server.kill()
    place.server.start()
    for frame in (made.out(b"ished sentence\nafter"), made.end()):
        writer.append(frame)
    writer.close(ended=True)
    assert process.wait(60) == 0
    for text in ("before", '"unfinished sentence"', "after"):
        assert len(place.server.store.search(Query(text=text))) == 1


def test_a_thousand_small_sessions(place: Place) -> None:
    sessions = [place.server.authority.session() for _ in range(1000)]
    written = [(made, place.write(made, [b"hello\n"])) for made in sessions]
    assert place.shipper.ship(seconds=280) == 0
    assert place.left() == []
    kept = {record.session for record in place.server.store.sessions(Query(limit=2000))}
    assert kept >= {made.session for made in sessions}
    for made, frames in written[::100]:
        place.check(made, frames)


@pytest.mark.parametrize("mebibytes", [24, pytest.param(100, marks=pytest.mark.long)])
def test_a_long_session_flows_in_bounded_memory(place: Place, mebibytes: int) -> None:
    made = place.server.authority.session()
    lines = b"".join(b"%06d of a long listing that goes on and on\n" % number for number in range(1500))
    assert place.server.process is not None
    before = peak_mebibytes(place.server.process.pid)
    place.write(made, [lines[:65536]] * (mebibytes * 16))
    process = place.shipper.start(linger=1)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_mebibytes(process.pid) if place.left() else peak)
        time.sleep(0.05)
    assert process.returncode == 0
    assert place.left() == []
    record = place.server.store.session(made.session)
    assert record is not None
    assert record.stdout_bytes == mebibytes * MEBIBYTE
    assert peak < 48
    assert peak_mebibytes(place.server.process.pid) - before < 64


def test_stopping_drains_first(place: Place) -> None:
    made = place.server.authority.session()
    frames = place.write(made, [b"x" * 1000] * 500)
    process = place.shipper.start()
    until(lambda: "connected" in place.shipper.log())
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    place.check(made, frames)


def test_a_stop_that_comes_early_is_obeyed_by_shipping(place: Place) -> None:
    made = place.server.authority.session()
    frames = place.write(made, [b"x"])
    process = place.shipper.start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    place.check(made, frames)


def test_stopping_has_a_deadline(place: Place) -> None:
    shipper = place.make_shipper("wss://localhost:1/v1/intake")
    place.write(place.server.authority.session(), [b"x"])
    process = shipper.start(drain=1)
    until(lambda: "trying again" in shipper.log())
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1
    assert len(place.left()) == 1


def test_it_ends_when_nobody_can_wake_it_any_more(place: Place) -> None:
    made = place.server.authority.session()
    frames = place.write(made, [b"x"])
    process = place.shipper.start()
    os.close(place.shipper.sender)
    assert process.wait(60) == 0
    place.check(made, frames)
    place.shipper.sender = os.open(os.devnull, os.O_RDONLY)


def test_a_renewed_token_is_read_again(place: Place) -> None:
    made = place.server.authority.session()
    frames = place.write(made, [b"x"])
    place.shipper.token_file.write_text(LOST_TOKEN)
    process = place.shipper.start(linger=0)
    until(lambda: "HTTP 401" in place.shipper.log())
    place.shipper.token_file.write_text(TOKEN)
    assert process.wait(60) == 0
    place.check(made, frames)
    assert LOST_TOKEN not in place.shipper.log() + place.server.log()


def test_a_collector_of_another_authority_gets_no_token(place: Place, tmp_path: Path) -> None:
    other = TlsAuthority(tmp_path, "other")
    shipper = place.make_shipper(place.server.url, ca=other.pem)
    place.write(place.server.authority.session(), [b"x"])
    shipper.start(drain=0)
    until(lambda: "trying again" in shipper.log())
    assert "no connection to localhost" in shipper.log()
    assert "certificate" in shipper.log()


def test_a_collector_of_another_name_gets_no_token(place: Place) -> None:
    shipper = place.make_shipper(place.server.url.replace("localhost", "127.0.0.2"))
    place.write(place.server.authority.session(), [b"x"])
    shipper.start()
    until(lambda: "trying again" in shipper.log())
    assert "mismatch" in shipper.log()


def test_a_refused_session_does_not_hold_up_the_others(place: Place) -> None:
    foreign = type(place.server.authority)().session()
    place.write(foreign, [b"x"])
    made = place.server.authority.session()
    frames = place.write(made, [b"y"])
    assert place.shipper.ship() == 0
    place.check(made, frames)
    assert place.left() == [foreign.session]
    [kind] = [kept.notice.kind for kept in place.notices() if kept.notice.session == foreign.session]
    assert kind is NoticeKind.RECORD_REFUSED


def test_a_full_spool_frees_itself(place: Place) -> None:
    made = place.server.authority.session()
    writer = made.spool(place.spool, 4 * MEBIBYTE)
    frames = [made.start()]
    writer.append(frames[0])
    place.shipper.start()
    while len(frames) < 300:
        if writer.has_room(70_000):
            frames.append(made.out(bytes(65_000), len(frames)))
            writer.append(frames[-1])
            place.shipper.waker.wake()
        else:
            time.sleep(0.05)
    frames.append(made.end())
    writer.append(frames[-1])
    writer.close(ended=True)
    place.shipper.waker.wake()
    until(lambda: not place.left(), seconds=120)
    place.check(made, frames)
    assert LIMIT > sum(len(frame.payload) for frame in frames) > 16 * MEBIBYTE


def test_a_store_that_cannot_write_delays_and_loses_nothing(place: Place) -> None:
    broken = place.server.folder / "broken"
    broken.touch()
    made = place.server.authority.session()
    frames = place.write(made, [b"x"])
    process = place.shipper.start(linger=0)
    until(lambda: "closed the connection (1013)" in place.shipper.log())
    assert place.left() == [made.session]
    broken.unlink()
    assert process.wait(60) == 0
    place.check(made, frames)


def test_a_slow_store_holds_back_without_breaking_off(place: Place) -> None:
    slow = place.server.folder / "slow"
    slow.touch()
    made = place.server.authority.session()
    frames = place.write(made, [bytes(200_000)] * 60)
    assert place.shipper.ship() == 0
    slow.unlink()
    place.check(made, frames)
    assert "trying again" not in place.shipper.log()
