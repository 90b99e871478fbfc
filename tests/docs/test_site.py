"""The site builds with every link and anchor in place, its equations are drawn, and no page needs another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
MATH = re.compile(r"<math .*?</math>", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    done = subprocess.run([*words, "--site-dir", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_and_notebook_is_in_the_site(site: Path) -> None:
    sources = [
        path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".ipynb")
    ]
    assert len(sources) > 8
    assert not [path for path in sources if not (site / path.with_suffix(".html")).exists()]
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [path for path in sources if f" {path.with_suffix('.md').as_posix()}" not in menu]
    assert 'href="notebooks/teachers.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "notebooks" / "teachers.ipynb").exists() and (site / "capture.html").exists()
    assert not list(site.rglob("*.py"))


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        ("[a](b.md)", "a link 'b.md', but the target is not found"),
        ("[a](#b)", "a link '#b', but there is no such anchor"),
        ("![a](b.svg)", "a link 'b.svg', but the target is not found"),
        ("[a](#one)", ""),
    ],
)
def test_a_broken_link_or_anchor_stops_the_build(tmp_path: Path, words: str, warning: str) -> None:
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    bare = re.sub(r"^(nav|hooks|extra_css):\n(?:[ ]+.*\n)+", "", config, flags=re.MULTILINE)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# One\n\n{words}\n")
    (tmp_path / "mkdocs.yml").write_text(bare)
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == bool(warning) and warning in done.stderr, done.stderr


def test_equations_are_drawn_by_the_browser_alone(site: Path) -> None:
    drawn = 0
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "arithmatex" not in text, page
        for found in MATH.findall(text):
            told = "".join(ElementTree.fromstring(found).itertext())
            assert not re.search(r"[\\&{}$]", told), (page.name, told)
            drawn += 1
    source = (ROOT / "docs" / "plugins" / "concepts.md").read_text(encoding="utf-8")
    assert drawn > len(re.findall(r"^\$\$$", source, re.MULTILINE)) // 2 > 5


class Loads(HTMLParser):
    """Collects what a page makes the browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in LOADED and told.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(told.get(LOADED[tag]) or "")


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    seen = 0
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        seen += len(loads.found)
        assert not [address for address in loads.found if re.match(r"(https?:)?//", address)], page
    assert seen > 20
