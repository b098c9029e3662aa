"""A bundle's pages in a real Chromium, from disk and without a network."""

import shutil
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.apt import BROWSER, ensure_packages
from devcluster.progress import Progress
from playwright.sync_api import Browser, Page, sync_playwright


@dataclass
class Pages:
    """The pages of one bundle in a window; ``problems`` is what the browser complained about."""

    page: Page
    index: str
    problems: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])
    """Addresses that were asked for."""

    def go(self, part: str = "") -> Page:
        """Go to a part, and give the page once it is shown."""
        self.page.goto(self.index + part)
        self.page.locator("main h1").wait_for()
        return self.page

    @property
    def is_too_wide(self) -> bool:
        """Whether the page as a whole has to be scrolled sideways."""
        found = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return bool(found)


@contextmanager
def chromium() -> Generator[Browser]:
    """Run a browser; Debian's, which is installed where it is missing."""
    ensure_packages(Progress(), BROWSER)
    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        # The sandbox needs rights that containers do not have.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, folder: Path, *, width: int = 1280, dark: bool = False) -> Generator[Pages]:
    """Open an unzipped bundle."""
    context = browser.new_context(
        offline=True,
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 900},
    )
    pages = Pages(context.new_page(), (folder / "index.html").as_uri())
    pages.page.on("console", lambda message: pages.problems.append(message.text))
    pages.page.on("pageerror", lambda error: pages.problems.append(str(error)))
    pages.page.on("dialog", lambda dialog: pages.problems.append(f"dialog {dialog.message}"))
    pages.page.on("request", lambda request: pages.asked.append(request.url))
    yield pages
    context.close()


def unzip(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder
