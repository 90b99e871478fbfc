"""The six stories of the studio in a browser, for the four plugins and for plugins of strangers."""

import io
import json
import re
import wave
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

PAGE = Path(__file__).parents[2] / "seqforge/studio/page"
TUNE = "X:1\nT:A tune\nM:2/4\nL:1/8\nK:D\nd2 cB|A2 DF|EF ED|E2 D2|]\n"
WATCH = """([selector, name, then]) => {
    const check = () => {
        const node = document.querySelector(selector);
        if (!node || document.body.hasAttribute(name)) return;
        document.body.setAttribute(name, "");
        if (then) document.querySelector(then).click();
    };
    new MutationObserver(check).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""
FILES = """files => {
    const transfer = new DataTransfer();
    for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name));
    return transfer;
}"""


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
    with page.expect_response(lambda answer: answer.url.endswith("/api/takes")) as response:
        page.click("#generate")
    takes = [take["id"] for take in response.value.json()["takes"]]
    assert len(takes) == count
    for take in takes:
        expect(page.locator(f"#takes .take[data-take={take}][data-state=done]")).to_be_visible()
    return takes


def watch(page: Any, selector: str, name: str, *, then: str = "") -> None:
    """Set an attribute of the body as soon as an element appears, and click another one at that moment."""
    page.evaluate(WATCH, [selector, name, then])


def play_and_pause(page: Any, take: str, start: Callable[[], None]) -> None:
    """Start the sound of a take, pause it as soon as its cursor appears, and rewind it."""
    card = page.locator(f".take[data-take={take}]")
    expect(card.locator(".play")).to_be_visible()
    watch(page, f".take[data-take={take}] .cursor", f"data-played-{take}", then=f".take[data-take={take}] .play")
    start()
    expect(page.locator(f"body[data-played-{take}]")).to_be_attached()
    expect(card.locator(".play")).to_contain_text("Play")
    expect(card.locator(".cursor")).to_be_attached()
    page.keyboard.press("Escape")
    expect(card.locator(".cursor")).to_have_count(0)


def open_own_file(page: Any, button: str, file: Any) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(button)
    chooser.value.set_files(file)


def session(page: Any) -> dict[str, Any]:
    takes = page.request.get(page.url.rstrip("/") + "/api/session").json()["takes"]
    return {take["id"]: take for take in takes}


def file_of(page: Any, take: str, suffix: str) -> bytes:
    """Return the file of a take in a format."""
    content: bytes = page.request.get(f"{page.url.rstrip('/')}/api/takes/{take}/file?format={suffix}").body()
    return content


def check_tree(page: Any, other: Any) -> None:
    """Check that two tabs show the same tree of takes."""
    labels = page.locator("#tree [role=treeitem]").evaluate_all("nodes => nodes.map(node => node.ariaLabel)")
    items = other.locator("#tree [role=treeitem]")
    expect(items).to_have_count(len(labels))
    for number, label in enumerate(labels):
        expect(items.nth(number)).to_have_attribute("aria-label", label)


def test_text_grows_is_kept_and_names_its_command(
    studio: Any, other_tab: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
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
    check_tree(page, other_tab)
    choose(page, "text:default", {"length": "20000"}, takes=8)
    page.click("#generate")
    growing = page.locator("#takes .take[data-state=running] .words")
    expect(growing.first).not_to_be_empty()
    page.reload()  # in the middle of a take
    expect(growing.first).not_to_be_empty()
    expect(page.locator(f"#tree [data-take={first}]")).to_have_attribute("aria-label", re.compile("done"))
    page.click("#stop")
    expect(page.locator("#takes .take[data-state=stopped]").last).to_be_visible()
    expect(page.locator("#takes :is([data-state=running], [data-state=queued])")).to_have_count(0)


def test_tune_is_heard_rewritten_and_compared(
    studio: Any, other_tab: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
) -> None:
    page = open_page(studio.address)
    choose(page, "abc:default", {"key": "D", "meter": "2/4", "bars": "4", "seed": "0"})
    (parent,) = generate(page)
    card = page.locator(f".take[data-take={parent}]")
    card.get_by_role("button", name="bar 2", exact=True).click()
    card.get_by_role("button", name="bar 2", exact=True).press("ArrowRight")
    page.keyboard.press("Enter")
    card.locator("[data-do=rewrite]").filter(has_text="bars 2-3").press("Enter")
    expect(page.locator("#trail")).to_contain_text("Follows from")
    child = page.locator("#takes .take[data-state=done]").first.get_attribute("data-take")
    before, after = (
        [bar.strip() for bar in _music(session(page)[take]["text"]).split("|")] for take in (parent, child)
    )
    assert (before[0], before[3]) == (after[0], after[3]), "the other bars are locked"
    page.locator(f"#tree [data-take={child}]").focus()
    page.keyboard.press("ArrowLeft")  # the rewritten bars are undone
    expect(page.locator(f"#tree [data-take={parent}]")).to_be_focused()
    expect(page.locator(f"#takes .take[data-take={parent}]")).to_be_visible()
    play_and_pause(page, parent, lambda: page.keyboard.press(" "))
    page.locator(f"#tree [data-take={parent}]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"#takes .take[data-take={child}]")).to_be_visible()
    page.keyboard.press("ArrowUp")
    card.locator("[data-do=vary]").press("Enter")
    expect(page.locator(f"#tree [data-take={parent}] [role=treeitem]")).to_have_count(2)
    expect(page.locator("#takes .take[data-state=done] .host")).to_be_visible()
    page.locator(f"#tree [data-take={parent}] > .node").click()
    card.locator("[data-do=compare]").press("Enter")
    page.locator(f"#tree [data-take={child}] > .node").click()
    expect(page.locator(f"#pinned [data-take={parent}]")).to_be_visible()
    expect(page.locator(f"#takes [data-take={child}]")).to_be_visible()
    check_accessibility(page)
    check_tree(page, other_tab)


def test_song_is_downloaded_in_the_formats_of_its_plugin(
    studio: Any, other_tab: Any, open_page: Callable[[str], Any]
) -> None:
    page = open_page(studio.address)
    choose(page, "midi:songs", {"bars": "2"})
    (take,) = generate(page)
    expect(page.locator(f".take[data-take={take}]").get_by_role("button", name="bar 2", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.locator(f".take[data-take={take}] .tools select").select_option(".mid")
    assert Path(download.value.path()).read_bytes().startswith(b"MThd")
    assert re.fullmatch(r"take-[0-9a-f]{8}\.mid", download.value.suggested_filename)
    check_tree(page, other_tab)


def test_letter_grows_and_some_lines_are_written_again(
    studio: Any, other_tab: Any, open_page: Callable[[str], Any]
) -> None:
    page = open_page(studio.address)
    choose(page, "handwriting:default", {"text": "ab cd ef\ngh ij kl\nmn op qr"})  # long enough to be seen growing
    watch(page, "#takes .take[data-state=running] .host", "data-grown")
    (take,) = generate(page)
    expect(page.locator("body[data-grown]")).to_be_attached()
    card = page.locator(f".take[data-take={take}]")
    card.get_by_role("button", name="line 2", exact=True).click()
    card.locator("[data-do=rewrite]").filter(has_text="line 2").click()
    expect(page.locator("#trail")).to_contain_text("Follows from")
    child = page.locator("#takes .take[data-state=done]").get_attribute("data-take")
    before, after = (_lines_of(json.loads(file_of(page, number, ".json"))) for number in (take, child))
    assert (before[0], before[2]) == (after[0], after[2]) and before[1] != after[1], "the other lines are locked"
    check_tree(page, other_tab)


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
    page.emulate_media(reduced_motion="no-preference")  # the ink is drawn in time
    page.click(f".take[data-take={mine}] [data-do=continue]")
    expect(page.locator("#trail")).to_contain_text("me.json")
    child = page.locator("#takes .take[data-state=done]")
    expect(child.locator(".host")).to_be_visible()
    expect(child.locator(".play")).to_contain_text("Draw")


def test_session_survives_a_killed_server_and_opens_again(
    start_studio: Callable[..., Any], open_page: Callable[[str], Any], browser: Any, tmp_path: Path
) -> None:
    server = start_studio(tmp_path, "--port", "0", "--session", "evening.seqforge.json")
    window = browser.new_context()  # its console has the error of the lost connection
    window.set_default_timeout(240_000)
    page = window.new_page()
    page.goto(server.address)
    choose(page, "abc:default")
    open_own_file(page, "#open-file", {"name": "mine.abc", "mimeType": "text/plain", "buffer": TUNE.encode()})
    expect(page.locator("#message")).to_contain_text("mine.abc is open")
    mine = page.locator("#takes .take").first.get_attribute("data-take")
    page.click(f".take[data-take={mine}] [data-do=score]")
    expect(page.locator(f".take[data-take={mine}] .facts")).to_contain_text("nats per note")
    page.click(f".take[data-take={mine}] [data-do=vary]")
    expect(page.locator("#trail")).to_contain_text("mine.abc")
    expect(page.locator("#takes .take[data-state=done] .host")).to_have_count(1)
    with page.expect_download() as download:
        page.click("#save-session")
    file = tmp_path / "saved.seqforge.json"
    download.value.save_as(file)
    saved = json.loads(file.read_text())
    while json.loads((tmp_path / "evening.seqforge.json").read_text()) != saved:
        page.wait_for_timeout(100)
    server.close(kill=True)
    expect(page.locator("#message")).to_contain_text("The connection to the server is lost")
    window.close()
    port = re.findall(r":(\d+)/", server.address)[0]
    page = open_page(start_studio(tmp_path, "--port", port, "--session", "evening.seqforge.json").address)
    expect(page.locator("#tree [aria-label$=done]")).to_have_count(2)
    page.locator("#tree [role=treeitem] [role=treeitem] > .node").click()
    expect(page.locator("#takes .take[data-state=done] .facts")).to_contain_text("identical to the saved session")
    open_own_file(page, "#open-session", file)
    expect(page.locator("#tree [aria-label$=done]")).to_have_count(4)
    expect(page.locator("#takes .take[data-state=done] .facts")).to_contain_text("identical to the saved session")
    page.close()


def test_model_is_trained_watched_stopped_resumed_and_used(
    studio: Any, open_page: Callable[[str], Any], check_accessibility: Callable[[Any], None]
) -> None:
    page = open_page(studio.address)
    page.click("#view-training")
    page.get_by_role("button", name="sound/0001").click()
    expect(page.locator("#run-state")).to_contain_text("finished; step 2")
    page.select_option("#train-plugin", "text")
    # The loss on this text falls until the run is stopped.
    corpus = resources.files("seqforge_corpora").joinpath("tinyshakespeare/tinyshakespeare.txt").read_bytes()
    files = [(f"{number}.txt", [*corpus[number * 100_000 :][:100_000]]) for number in range(3)]
    transfer = page.evaluate_handle(FILES, [*files, ("broken.txt", [255, 254, 0])])
    page.dispatch_event("#training form", "drop", {"dataTransfer": transfer})
    expect(page.locator("#training form")).to_contain_text("4 dropped files will be used")
    page.fill("#train-minutes", "60")
    page.click("#train-start")
    state = page.locator("#run-state")
    expect(state).to_contain_text(re.compile("running; step"))
    page.click("#run-stop")
    expect(state).to_contain_text(re.compile("stopped; step"))
    expect(page.locator(".curve")).to_be_visible()
    expect(page.locator("#training")).to_contain_text("broken.txt")
    check_accessibility(page)
    before = _step(state.text_content())
    page.click("#run-resume")
    expect(page.locator("#run-stop")).to_be_visible()
    page.wait_for_function(
        "before => Number(/step ([\\d,]+)/.exec(document.querySelector('#run-state').textContent)[1].replace(',', ''))"
        " > before",
        arg=before,
    )
    page.click("#run-stop")
    expect(state).to_contain_text(re.compile("stopped; step"))
    assert _step(state.text_content()) > before
    page.click("#view-studio")
    expect(page.locator("#model option[value='runs/text/0001']")).to_have_count(1)


def test_models_of_strangers_are_heard_and_rewritten(
    studio: Any, other_tab: Any, open_page: Callable[[str], Any]
) -> None:
    page = open_page(studio.address)
    choose(page, "runs/sound/0001", {"seconds": "0.5"})
    (take,) = generate(page)
    card = page.locator(f".take[data-take={take}]")
    play_and_pause(page, take, card.locator(".play").click)
    with wave.open(io.BytesIO(file_of(page, take, ".wav"))) as file:
        assert (file.getframerate(), file.getnframes()) == (4000, 2000)
    choose(page, "runs/morse/0001")
    open_own_file(page, "#open-file", {"name": "sos.morse", "mimeType": "text/plain", "buffer": b"... --- ..."})
    mine = page.locator("#takes .take[data-state=done]").first
    mine.get_by_role("button", name="letter 2", exact=True).click()
    mine.locator("[data-do=rewrite]").filter(has_text="letter 2").click()
    expect(page.locator("#trail")).to_contain_text("sos.morse")
    child = page.locator("#takes .take[data-state=done]").first
    expect(child.locator(".host")).to_be_visible()
    first, _, last = file_of(page, child.get_attribute("data-take"), ".morse").decode().split()
    assert (first, last) == ("...", "..."), "the other letters are locked"
    check_tree(page, other_tab)


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


def _lines_of(letter: dict[str, Any]) -> list[Any]:
    """Return the strokes of each line of a file of strokes, without their starts, which follow from the line before."""
    strokes = iter(letter["strokes"])
    return [[next(strokes)[2:] for _ in range(line["strokes"])] for line in letter["lines"]]


def _step(text: str | None) -> int:
    """Return the step that the state of a run names."""
    return int(re.findall(r"step ([\d,]+)", text or "")[0].replace(",", ""))
