"""A studio in a process of its own, and a browser that looks at it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from strangers import train_strangers

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 240_000


class Studio:
    """A studio in a working directory."""

    def __init__(self, folder: Path, *flags: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "seqforge", "studio", "--no-browser", *(flags or ("--port", "0"))]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.address

    def close(self, *, kill: bool = False) -> None:
        """End the server, or kill it, which leaves it no time to save anything."""
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_studio() -> Iterator[Callable[..., Studio]]:
    """Return a function that starts another studio in a folder."""
    running: list[Studio] = []

    def start(folder: Path, *flags: str) -> Studio:
        running.append(Studio(folder, *flags))
        return running[-1]

    yield start
    for item in running:
        if item.process.returncode is None:
            item.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The server of most tests; two plugins of strangers are installed in it, each with a model."""
    folder = tmp_path_factory.mktemp("studio")
    running = Studio(folder, environment=train_strangers(folder))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield chromium
        chromium.close()


class Pages:
    """Pages of one browser window, and what must not happen in them: console errors, and requests to other hosts."""

    def __init__(self, browser: Any) -> None:
        view = {"width": 1400, "height": 900}  # animations would keep a loaded machine busy
        self.context = browser.new_context(viewport=view, accept_downloads=True, reduced_motion="reduce")
        self.context.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []

    def __call__(self, address: str) -> Any:
        page = self.context.new_page()
        origin = address.partition("/?")[0]
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda item: self.problems.append(item.url) if not _is_local(item.url, origin) else None)
        page.goto(address)
        page.wait_for_selector("#fields .field")
        return page

    def close(self) -> None:
        self.context.close()
        assert self.problems == []

    def _on_console(self, item: Any) -> None:
        if item.type in ("error", "warning"):
            self.problems.append(item.text)


@pytest.fixture
def open_page(browser: Any) -> Iterator[Pages]:
    """Return a function that opens a page; at the end, the console is without errors, and no other host was asked."""
    pages = Pages(browser)
    yield pages
    pages.close()


@pytest.fixture(scope="session")
def other_tab(browser: Any, studio: Studio) -> Iterator[Any]:
    """A second tab that stays open during all stories."""
    pages = Pages(browser)
    yield pages(studio.address)
    pages.close()


@pytest.fixture(scope="session")
def check_accessibility() -> Callable[[Any], None]:
    """Return a function that finds the faults of a page with axe-core, in both themes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def check(page: Any) -> None:
        theme = page.evaluate("document.documentElement.dataset.theme")
        rules: list[dict[str, Any]] = [{}, {"runOnly": ["color-contrast"]}]  # a theme changes nothing but colours
        for name, options in zip(("dark", "light"), rules, strict=True):
            page.evaluate("name => { document.documentElement.dataset.theme = name; }", name)
            violations = axe.run(page, options=options).response["violations"]
            faults = [(name, fault["id"], [node["html"] for node in fault["nodes"]]) for fault in violations]
            assert faults == []
        page.evaluate("name => { document.documentElement.dataset.theme = name; }", theme)

    return check


def _is_local(url: str, origin: str) -> bool:
    return url.startswith((f"{origin}/", "blob:", "data:"))
