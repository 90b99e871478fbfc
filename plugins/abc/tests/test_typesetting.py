import io
import re
import sys
from pathlib import Path

import pytest
from abc_tunes import A, B, C, D, tune

from seqforge import Piece, WriteError
from seqforge_abc.plugin import Abc
from seqforge_abc.tune import BarLine

pytest.importorskip("typst", reason="the extra seqforge-abc[pdf] is not installed")

BAR_OF_QUARTERS = [A, B, C, D, BarLine("|")]


def test_pdf_has_the_titles_in_order_on_as_few_pages_as_needed(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    tunes = [tune(*BAR_OF_QUARTERS * 16, title=f"Tune number {number}") for number in range(1, 8)]
    path = tmp_path / "book.pdf"
    Abc().write([Piece(tune) for tune in tunes], path)
    reader = pypdf.PdfReader(path)
    assert 1 < len(reader.pages) < 7
    assert [round(float(side)) for side in reader.pages[0].mediabox[2:]] == [595, 842]
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    places = [text.index(f"Tune number {number}") for number in range(1, 8)]
    assert places == sorted(places)
    written = path.read_bytes()
    Abc().write([Piece(tune) for tune in tunes], path)
    assert path.read_bytes() == written


def test_only_a_tune_longer_than_a_page_is_divided(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    long, short = tune(*BAR_OF_QUARTERS * 100, title="Long"), tune(*BAR_OF_QUARTERS * 30, title="Short")
    Abc().write([Piece(short), Piece(long), Piece(short)], tmp_path / "a.pdf")
    texts = [page.extract_text() for page in pypdf.PdfReader(tmp_path / "a.pdf").pages]
    assert [("Short" in text, "Long" in text) for text in texts] == [
        (True, False),
        (False, True),
        (False, False),
        (True, False),
    ]
    numbers = [text.split()[-1] for text in texts]
    assert numbers == ["1", "2", "3", "4"]


def test_a_book_of_ten_tunes_has_an_index_sorted_without_articles(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    titles = ["The Zebra", "Été", "A Drink", "Andy", *(f"Bar {number}" for number in range(6))]
    Abc().write([Piece(tune(*BAR_OF_QUARTERS * 16, title=title)) for title in titles], tmp_path / "a.pdf")
    reader = pypdf.PdfReader(tmp_path / "a.pdf")
    index = reader.pages[-1].extract_text()
    entries = re.findall(r"(The Zebra|Été|A Drink|Andy|Bar \d)[ .]+(\d+)", index)
    pages = {
        title: number
        for number, page in enumerate(reader.pages[:-1], 1)
        for title in titles
        if title in page.extract_text()
    }
    assert [title for title, _ in entries] == ["Andy", *titles[4:], "A Drink", "Été", "The Zebra"]
    assert {title: int(page) for title, page in entries} == pages
    Abc().write([Piece(tune(A, title=title)) for title in titles[1:]], tmp_path / "b.pdf")
    assert "Index" not in pypdf.PdfReader(tmp_path / "b.pdf").pages[-1].extract_text()


def test_png_is_a_picture_of_one_tune(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name, bars in (("a.png", 4), ("b.png", 16)):
        Abc().write([Piece(tune(*BAR_OF_QUARTERS * bars, title='A <title> of "signs" # \\'))], tmp_path / name)
    short, long = (image.open(io.BytesIO((tmp_path / name).read_bytes())) for name in ("a.png", "b.png"))
    assert short.width == long.width == 2100
    assert short.height < long.height
    assert short.convert("L").getextrema() == (0, 255)
    written = (tmp_path / "a.png").read_bytes()
    record = Abc().embed(written, '{"seed": 1}', ".png")
    assert Abc().extract(record, ".png") == ('{"seed": 1}', written)
    assert image.open(io.BytesIO(record)).size == short.size


@pytest.mark.parametrize("suffix", [".pdf", ".png"])
def test_without_typst_is_a_write_error(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(WriteError, match=rf'writing {suffix} needs an extra: pip install "seqforge-abc\[pdf\]"'):
        Abc().write([Piece(tune(A))], tmp_path / f"a{suffix}")
    assert not (tmp_path / f"a{suffix}").exists()
