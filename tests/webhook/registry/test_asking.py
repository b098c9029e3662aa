"""Many questions at once: each image one time, kept for as long as it holds."""

import asyncio
import threading

import pytest

from webhook.registry.asking import TAG_SECONDS, Asked, Images
from webhook.registry.credentials import Credentials
from webhook.registry.errors import ImageError
from webhook.registry.manifests import Program
from webhook.registry.reference import read_reference

pytestmark = pytest.mark.anyio
TILL = Program(("/bin/till",))
DIGEST = "sha256:" + "a" * 64


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Answers:
    """A registry that waits until it may answer."""

    def __init__(self, *, open_: bool = True) -> None:
        self.count = 0
        self.gate = threading.Event()
        self.error: ImageError | None = None
        if open_:
            self.gate.set()

    def __call__(self, asked: Asked) -> Program:
        self.count += 1
        assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        return TILL


def asked(image: str = "r.example/till:7", *who: Credentials, architecture: str = "") -> Asked:
    return Asked(read_reference(image), architecture, who)


def images(answers: Answers, clock: Clock | None = None, *, seconds: float = 60) -> Images:
    return Images(answers, seconds=seconds, clock=clock or Clock())


async def test_many_who_ask_at_once_are_one_question() -> None:
    answers = Answers(open_=False)
    several = images(answers)
    waiting = [asyncio.ensure_future(several.program(asked())) for _ in range(20)]
    await asyncio.sleep(0)
    answers.gate.set()
    assert await asyncio.gather(*waiting) == [TILL] * 20
    assert answers.count == 1


async def test_a_tag_is_asked_for_again_and_a_digest_never() -> None:
    answers, clock = Answers(), Clock()
    several = images(answers, clock)
    for image in ("r.example/till:7", f"r.example/till@{DIGEST}"):
        await several.program(asked(image))
    clock.now = TAG_SECONDS - 1
    await several.program(asked())
    assert answers.count == 2
    clock.now = TAG_SECONDS + 1
    await several.program(asked(f"r.example/till@{DIGEST}"))
    assert answers.count == 2
    await several.program(asked())
    assert answers.count == 3


async def test_who_asks_is_part_of_the_question() -> None:
    answers = Answers()
    several = images(answers)
    await several.program(asked("r.example/till:7", Credentials("u", "w")))
    await several.program(asked())
    await several.program(asked(architecture="arm64"))
    assert answers.count == 3


async def test_an_error_is_told_to_all_and_not_kept() -> None:
    answers = Answers()
    answers.error = ImageError("it is on fire")
    several = images(answers)
    for _ in range(2):
        with pytest.raises(ImageError, match="on fire"):
            await several.program(asked())
    assert answers.count == 2


async def test_a_late_answer_is_there_for_the_next_who_asks() -> None:
    answers = Answers(open_=False)
    several = images(answers, seconds=0.01)
    with pytest.raises(ImageError, match="in time"):
        await several.program(asked())
    answers.gate.set()
    async with asyncio.timeout(60):
        while True:
            try:
                assert await several.program(asked()) == TILL
                break
            except ImageError:
                await asyncio.sleep(0.01)
    assert answers.count == 1


async def test_more_than_can_be_asked_are_refused() -> None:
    answers = Answers(open_=False)
    several = images(answers)
    waiting = [asyncio.ensure_future(several.program(asked(f"r.example/till:{n}"))) for n in range(64)]
    await asyncio.sleep(0)
    with pytest.raises(ImageError, match="too many"):
        await several.program(asked("r.example/till:one-more"))
    answers.gate.set()
    assert len(await asyncio.gather(*waiting)) == 64


async def test_only_so_many_answers_are_kept() -> None:
    answers = Answers()
    several = images(answers)
    for n in range(513):
        await several.program(asked(f"r.example/till:{n}"))
    await several.program(asked("r.example/till:512"))
    assert answers.count == 513
    await several.program(asked("r.example/till:0"))
    assert answers.count == 514
