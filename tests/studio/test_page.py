"""The six stories of the studio in a browser, for the four plugins."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

PAGE = Path(__file__).parents[2] / "seqforge/studio/page"
TUNE = "X:1\nT:A tune\nM:2/4\nL:1/8\nK:D\nd2 cB|A2 DF|EF ED|E2 D2|]\n"


def choose(page: Any, model: str, fields: dict[str, str] | None = None, takes: int = 1) -> None:
    """Choose a model and fill in fields of its form."""
    page.select_option("#model", model)
    expect(page.locator("#card")).to_contain_text("Trained on")
    page.fill("#count", str(takes))
    for name, value in (fields or {}).items():
        field = page.locator(f".field[data-name={name}]")
        field.evaluate("node => node.closest('details')?.setAttribute('open', '')")
        field.locator("input, textarea").fill(value)


def generate(page: Any, count: int = 1) -> list[str]:
    """Press Generate, wait until all takes are complete, and return their ids."""
    page.click("#generate")
    done = page.locator("#takes .take[data-state=done]")
    expect(page.locator("#takes .take")).to_have_count(count)
    expect(done).to_have_count(count)
    return [done.nth(number).get_attribute("data-take") for number in range(count)]


def session(page: Any) -> dict[str, Any]:
    takes = page.request.get(page.url.rstrip("/") + "/api/session").json()["takes"]
    return {take["id"]: take for take in takes}


def test_text_grows_is_kept_and_names_its_command(
    studio: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
) -> None:
    page = open_page(studio.address)
    check_accessibility(page)
    choose(page, "text:default", {"prompt": "ROMEO:", "length": "120"}, takes=2)
    first, second = generate(page, 2)
    takes = session(page)
    assert takes[first]["text"].startswith("ROMEO:") and takes[first]["text"] != takes[second]["text"]
    page.click(f"[data-take={first}] [data-do=command]")
    expect(page.locator(f"[data-take={first}] code")).to_contain_text(
        f"seqforge generate --model text:default --seed {takes[first]['recipe']['seed']} --length 120"
    )
    page.click(f"[data-take={first}] .like")
    expect(page.locator(f".take[data-take={first}] .like")).to_have_attribute("aria-pressed", "true")
    page.click(f".take[data-take={second}] [data-do=continue]")
    expect(page.locator("#trail")).to_contain_text("Follows from")
    child = page.locator("#takes .take[data-state=done]").first
    expect(child).to_contain_text("ROMEO:")
    child.get_by_role("button", name=re.compile("^line 1:")).press("Enter")
    expect(child.locator("[data-do=rewrite]")).to_have_text("Rewrite line 1")
    check_accessibility(page)
    other = open_page(studio.address)  # a second tab, and the first one after a reload, show the same session
    for tab in (other, page):
        if tab is page:
            page.reload()
        expect(tab.locator(f"#tree [data-take={first}]")).to_have_attribute("aria-label", re.compile("done"))
    choose(page, "text:default", {"length": "20000"}, takes=8)
    page.click("#generate")
    page.click("#stop")
    expect(page.locator("#takes .take[data-state=stopped]").last).to_be_visible()
    expect(page.locator("#takes :is([data-state=running], [data-state=queued])")).to_have_count(0)


def test_tune_is_heard_rewritten_and_compared(
    studio: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
) -> None:
    page = open_page(studio.address)
    choose(page, "abc:default", {"key": "D", "meter": "2/4", "bars": "4", "seed": "0"})
    (parent,) = generate(page)
    card = page.locator(f".take[data-take={parent}]")
    card.locator(".play").click()
    expect(card.locator(".cursor")).to_be_visible()
    page.keyboard.press("Escape")
    expect(card.locator(".cursor")).to_have_count(0)
    card.get_by_role("button", name="bar 2", exact=True).click()
    card.get_by_role("button", name="bar 2", exact=True).press("ArrowRight")
    page.keyboard.press("Enter")
    card.locator("[data-do=rewrite]").filter(has_text="bars 2-3").click()
    expect(page.locator("#trail")).to_contain_text("Follows from")
    child = page.locator("#takes .take[data-state=done]").first.get_attribute("data-take")
    before, after = (
        [bar.strip() for bar in _music(session(page)[take]["text"]).split("|")] for take in (parent, child)
    )
    assert (before[0], before[3]) == (after[0], after[3]), "the other bars are locked"
    page.locator(f"#tree [data-take={child}]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"#tree [data-take={parent}]")).to_be_focused()
    expect(page.locator(f"#takes .take[data-take={parent}]")).to_be_visible()
    card.locator("[data-do=compare]").click()
    page.locator(f"#tree [data-take={child}] > .node").click()
    expect(page.locator(f"#pinned [data-take={parent}]")).to_be_visible()
    expect(page.locator(f"#takes [data-take={child}]")).to_be_visible()
    check_accessibility(page)


def test_song_is_downloaded_in_the_formats_of_its_plugin(studio: Any, open_page: Callable[[str], Any]) -> None:
    page = open_page(studio.address)
    choose(page, "midi:songs", {"bars": "2"})
    (take,) = generate(page)
    expect(page.locator(f".take[data-take={take}]").get_by_role("button", name="bar 2", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.locator(f".take[data-take={take}] .tools select").select_option(".mid")
    assert Path(download.value.path()).read_bytes().startswith(b"MThd")
    assert re.fullmatch(r"take-[0-9a-f]{8}\.mid", download.value.suggested_filename)


def test_hand_of_the_user_is_written_on(
    studio: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
) -> None:
    page = open_page(studio.address)
    choose(page, "handwriting:default", {"text": "ab"})
    page.click("#pen")
    page.fill("#pad-text", "ll ll")
    box = page.locator("#pad-canvas").bounding_box()
    for number in range(4):
        x = box["x"] + 60 + 40 * number + (20 if number > 1 else 0)
        page.mouse.move(x, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(x - 8, box["y"] + 110, steps=4)
        page.mouse.move(x + 10, box["y"] + 140, steps=4)
        page.mouse.up()
    check_accessibility(page)
    page.click("#pad-use")
    expect(page.locator("#message")).to_contain_text("me.json is open")
    mine = page.locator("#takes .take").first.get_attribute("data-take")
    page.click(f".take[data-take={mine}] [data-do=continue]")
    child = page.locator("#takes .take[data-state=done]").first
    expect(child.locator(".host")).to_be_visible()
    expect(page.locator("#trail")).to_contain_text("me.json")


def test_own_file_is_scored_and_the_session_opens_again_in_another_server(
    studio: Any, start_studio: Callable[[Path], Any], open_page: Callable[[str], Any], tmp_path: Path
) -> None:
    page = open_page(studio.address)
    choose(page, "abc:default")
    with page.expect_file_chooser() as chooser:
        page.click("#open-file")
    chooser.value.set_files({"name": "mine.abc", "mimeType": "text/plain", "buffer": TUNE.encode()})
    expect(page.locator("#message")).to_contain_text("mine.abc is open")
    mine = page.locator("#takes .take").first.get_attribute("data-take")
    page.click(f".take[data-take={mine}] [data-do=score]")
    expect(page.locator(f".take[data-take={mine}] .facts")).to_contain_text("nats per note")
    page.click(f".take[data-take={mine}] [data-do=vary]")
    expect(page.locator("#trail")).to_contain_text("mine.abc")
    expect(page.locator("#takes .take[data-state=done] .host")).to_have_count(1)
    with page.expect_download() as download:
        page.click("#save-session")
    saved = json.loads(Path(download.value.path()).read_text())
    recipe = next(take for take in reversed(saved["takes"]) if "recipe" in take)
    needed = [take for take in saved["takes"] if take["id"] in (mine, recipe["id"])]
    file = tmp_path / "small.seqforge.json"
    file.write_text(json.dumps({**saved, "takes": needed}))
    page = open_page(start_studio(tmp_path).address)
    with page.expect_file_chooser() as chooser:
        page.click("#open-session")
    chooser.value.set_files(file)
    expect(page.locator("#takes .take[data-state=done] .facts")).to_contain_text("identical to the saved session")
    page.close()


def test_model_is_trained_watched_and_used(
    studio: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None], tmp_path: Path
) -> None:
    page = open_page(studio.address)
    page.click("#view-training")
    page.select_option("#train-plugin", "text")
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.txt").write_text(f"{name} to be or not to be, that is the question. " * 40)
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\0")
    page.set_input_files("#train-files", sorted(tmp_path.glob("*.txt")))
    page.fill("#train-minutes", "0.03")
    page.click("#train-start")
    expect(page.locator("#run-state")).to_contain_text(re.compile("finished; step"))
    expect(page.locator(".curve")).to_be_visible()
    expect(page.locator("#training")).to_contain_text("broken.txt")
    check_accessibility(page)
    page.click("#view-studio")
    expect(page.locator("#model option[value='runs/text/0001']")).to_have_count(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_the_contrast_of_wcag_aa(theme: str) -> None:
    css = (PAGE / "studio.css").read_text()
    block = css.split('[data-theme="dark"]')[1] if theme == "dark" else css
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", block.partition("}")[0]))
    pairs = [("ink", "page"), ("ink", "panel"), ("muted", "page"), ("muted", "panel"), ("accent-ink", "accent")]
    pairs += [("ink", "accent-soft"), ("accent", "panel"), ("warm", "panel")]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (theme, text, ground)


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2, section 1.4.3)."""
    values = []
    for colour in (first, second):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        values.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(values) + 0.05) / (min(values) + 0.05)


def _music(text: str) -> str:
    """Return the lines of music of a tune."""
    return "".join(line for line in text.splitlines() if line and not re.match(r"%|[A-Za-z]:", line))
