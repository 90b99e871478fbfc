"""Plugins of strangers in the page: it has no line of code for them."""

import io
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent))
from strangers import train_strangers


def test_models_of_strangers_are_heard_and_rewritten(
    start_studio: Callable[..., Any], open_page: Callable[[str], Any], tmp_path: Path
) -> None:
    environment = train_strangers(tmp_path)
    page = open_page(start_studio(tmp_path, environment).address)
    page.select_option("#model", "runs/sound/0001")
    page.fill(".field[data-name=seconds] input", "0.5")
    page.fill("#count", "1")
    page.click("#generate")
    take = page.locator("#takes .take[data-state=done]")
    take.locator(".play").click()
    expect(take.locator(".cursor")).to_be_visible()
    with page.expect_download() as download:
        take.locator(".tools select").select_option(".wav")
    with wave.open(io.BytesIO(Path(download.value.path()).read_bytes())) as file:
        assert (file.getframerate(), file.getnframes()) == (4000, 2000)

    page.select_option("#model", "runs/morse/0001")
    with page.expect_file_chooser() as chooser:
        page.click("#open-file")
    chooser.value.set_files({"name": "sos.morse", "mimeType": "text/plain", "buffer": b"... --- ..."})
    mine = page.locator("#takes .take[data-state=done]").first
    mine.get_by_role("button", name="letter 2", exact=True).click()
    mine.locator("[data-do=rewrite]").filter(has_text="letter 2").click()
    expect(page.locator("#trail")).to_contain_text("sos.morse")
    child = page.locator("#takes .take[data-state=done]").first
    expect(child.locator(".host")).to_be_visible()
    with page.expect_download() as download:
        child.locator(".tools select").select_option(".morse")
    first, _, last = Path(download.value.path()).read_text().split()
    assert (first, last) == ("...", "..."), "the other letters are locked"
