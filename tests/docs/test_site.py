"""The site builds without warnings, its equations are MathML, and no page loads anything from another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
SOURCE_ATTRIBUTES = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
NAVIGATION_LINKS = ("canonical", "next", "prev")
OTHER_HOST = re.compile(r"(https?:)?//")
CSS_URL = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""")
MATH = re.compile(r"<math .*?</math>", re.DOTALL)
PROJECT_PARTS = re.compile(
    r"^(?:(?:nav|hooks|extra_css|extra_javascript):\n(?:[ ]+.*\n)+| +custom_dir:.*\n)", re.MULTILINE
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(ROOT / "mkdocs.yml")]
    process = subprocess.run([*command, "--site-dir", str(folder)], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return folder


def test_every_page_and_notebook_is_in_the_site_and_in_its_menu(site: Path) -> None:
    docs = ROOT / "docs"
    sources = [path.relative_to(docs) for path in docs.rglob("*") if path.suffix in (".md", ".ipynb")]
    assert len(sources) > 8
    assert not [path for path in sources if not (site / path.with_suffix(".html")).exists()]
    assert not [path for path in sources if f" {path.with_suffix('.md').as_posix()}" not in CONFIG]
    assert 'href="notebooks/teachers.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "notebooks" / "teachers.ipynb").exists()
    assert not list(site.rglob("*.py")) and not (site / "style" / "theme").exists()


def test_the_search_index_covers_every_page(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    pages = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    unindexed = [page for page in pages if f'"location":"{page}' not in index]
    assert sorted(unindexed) == ["404.html"]


@pytest.mark.parametrize(
    ("markdown", "warning"),
    [
        ("[a](b.md)", "a link 'b.md', but the target is not found"),
        ("[a](#b)", "a link '#b', but there is no such anchor"),
        ("![a](b.svg)", "a link 'b.svg', but the target is not found"),
        ("[a](#one)", ""),
    ],
)
def test_a_broken_link_or_anchor_stops_the_build(tmp_path: Path, markdown: str, warning: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# One\n\n{markdown}\n")
    (tmp_path / "mkdocs.yml").write_text(PROJECT_PARTS.sub("", CONFIG))
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == bool(warning) and warning in process.stderr, process.stderr


def test_equations_are_mathml(site: Path) -> None:
    count = 0
    for page in site.rglob("*.html"):
        markup = page.read_text(encoding="utf-8")
        assert "arithmatex" not in markup, page
        for equation in MATH.findall(markup):
            text = "".join(ElementTree.fromstring(equation).itertext())
            assert not re.search(r"[\\&{}$]", text), (page.name, text)
            count += 1
    source = (ROOT / "docs" / "plugins" / "concepts.md").read_text(encoding="utf-8")
    assert count > len(re.findall(r"^\$\$$", source, re.MULTILINE)) // 2 > 5


def test_a_flag_in_inline_code_does_not_break_across_lines(site: Path) -> None:
    page = (site / "text.html").read_text(encoding="utf-8")
    assert re.search(r'<code>[^<]*<span class="flag">--[a-z]', page)
    assert not re.search(r"<code>--[a-z]", page)


class LoadedAddresses(HTMLParser):
    """Collects the addresses that a page makes the browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in SOURCE_ATTRIBUTES and attributes.get("rel") not in NAVIGATION_LINKS:
            self.addresses.append(attributes.get(SOURCE_ATTRIBUTES[tag]) or "")


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    count = 0
    for page in site.rglob("*.html"):
        parser = LoadedAddresses()
        parser.feed(page.read_text(encoding="utf-8"))
        count += len(parser.addresses)
        assert not [address for address in parser.addresses if OTHER_HOST.match(address)], page
    assert count > 20


def test_no_style_sheet_loads_anything_from_another_host(site: Path) -> None:
    style_sheets = list(site.rglob("*.css"))
    assert len(style_sheets) > 3
    for path in style_sheets:
        addresses = CSS_URL.findall(path.read_text(encoding="utf-8"))
        assert not [address for address in addresses if OTHER_HOST.match(address)], path


def test_dark_mode_finds_the_elements_that_the_theme_expects(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    script = (site / "js" / "darkmode.js").read_text(encoding="utf-8")
    names = re.findall(r"getElementById\('([\w-]+)'\)", script)
    assert "theme-menu" in names
    assert not [name for name in names if f'id="{name}"' not in page]


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "images").glob("*.svg")), ids=lambda path: path.name)
def test_provenance_of_a_picture_names_no_folder_of_the_machine_that_drew_it(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    for record in re.findall(r'<metadata id="seqforge-provenance">(.*?)</metadata>', text, re.DOTALL):
        paths = re.findall(r'"path": ?"([^"]*)"', record) + re.findall(r'"models": ?\["([^"]*)"', record)
        assert paths and not [path for path in paths if Path(path).is_absolute()]
