"""A studio in a process of its own, and a browser that looks at it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 240_000


class Studio:
    """A studio with an empty working directory."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "seqforge", "studio", "--port", "0", "--no-browser"]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.address

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_studio() -> Iterator[Callable[..., Studio]]:
    """Return a function that starts another studio in an empty folder."""
    running: list[Studio] = []

    def start(folder: Path, environment: Mapping[str, str] | None = None) -> Studio:
        running.append(Studio(folder, environment))
        return running[-1]

    yield start
    for item in running:
        item.close()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio"))
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


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Return a function that opens a page; at the end, the console is without errors, and no other host was asked."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    problems: list[str] = []

    def open_page(address: str) -> Any:
        page = context.new_page()
        origin = address.partition("/?")[0]
        page.on("console", lambda item: problems.append(item.text) if item.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda item: problems.append(item.url) if not _is_local(item.url, origin) else None)
        page.goto(address)
        page.wait_for_selector("#fields .field")
        return page

    yield open_page
    context.close()
    assert problems == []


@pytest.fixture(scope="session")
def check_accessibility() -> Callable[[Any], None]:
    """Return a function that finds the faults of a page with axe-core, in both themes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()

    def check(page: Any) -> None:
        theme = page.evaluate("document.documentElement.dataset.theme")
        rules: list[dict[str, Any]] = [{}, {"runOnly": ["color-contrast"]}]  # a theme changes nothing but colours
        for name, options in zip(("light", "dark"), rules, strict=True):
            page.evaluate("name => { document.documentElement.dataset.theme = name; }", name)
            violations = axe.run(page, options=options).response["violations"]
            faults = [(name, fault["id"], [node["html"] for node in fault["nodes"]]) for fault in violations]
            assert faults == []
        page.evaluate("name => { document.documentElement.dataset.theme = name; }", theme)

    return check


def _is_local(url: str, origin: str) -> bool:
    return url.startswith((f"{origin}/", "blob:", "data:"))
