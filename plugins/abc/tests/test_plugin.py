import wave
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import mido
import pytest

import seqforge
from seqforge import Piece, ReadError
from seqforge.cli.main import main
from seqforge.plugin import registry
from seqforge_abc import Abc, AbcOptions, Tune
from seqforge_abc.reader import read_book

BOOK = """X:1
T:First
R:jig
M:6/8
L:1/8
K:D
|:A|ABA AFD|FGA Bcd|ABA AFD|GFE D2:|
|:d|dcd fed|cBc edc|dcd fed|cde d2:|

X:2
T:Broken
M:6/8
K:D
A9999999999999|

X:3
T:Second
R:reel
M:C
L:1/8
K:Edor
E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD|]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> seqforge.Model:
    folder = tmp_path_factory.mktemp("abc")
    (folder / "book.abc").write_text(BOOK)
    return seqforge.train(
        "abc", corpus=str(folder / "book.abc"), steps=3, hidden=16, layers=1, embedding=8, batch_size=2, bptt=16,
        dropout=0.0, recurrent_dropout=0.0, run=folder / "run", workers=1,
    )  # fmt: skip


def test_an_unreadable_tune_is_an_error_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "book.abc").write_text(BOOK)
    items = list(Abc().read(tmp_path / "book.abc", AbcOptions()))
    assert [type(item) for item in items] == [Piece, ReadError, Piece]
    assert "book.abc:" in str(items[1]) and "\n" not in str(items[1])


def test_generated_tunes_are_written_in_every_format(model: seqforge.Model, tmp_path: Path) -> None:
    pieces = model.generate(2, seed=3, key="Edor", meter="6/8", rhythm="jig", bars=8)
    for suffix in Abc.writes:
        Abc().write(pieces[: 2 if suffix in Abc.multi_piece else 1], tmp_path / f"t{suffix}")
    tunes = [item[0] for item in read_book(tmp_path / "t.abc") if not isinstance(item, ReadError)]
    assert tunes == [tune_with(piece.content, tune.title) for piece, tune in zip(pieces, tunes, strict=True)]
    text = (tmp_path / "t.abc").read_text()
    assert "K:Edor" in text and "M:6/8" in text and "R:jig" in text and "seed 3, number 2" in text
    assert mido.MidiFile(tmp_path / "t.mid").length > 1
    for suffix in (".svg", ".musicxml"):
        ElementTree.parse(tmp_path / f"t{suffix}")
    with wave.open(str(tmp_path / "t.wav")) as sound:
        assert sound.getnframes() > sound.getframerate()


def tune_with(tune: Tune, title: str) -> Tune:
    return Tune(tune.elements, tune.key, tune.meter, tune.rhythm, title)


def test_a_generated_tune_does_not_depend_on_the_number_of_tunes(model: seqforge.Model) -> None:
    pieces = model.generate(5, seed=1)
    assert [piece.content for piece in model.generate(2, seed=1)] == [piece.content for piece in pieces[:2]]


def test_generate_continues_a_prompt(model: seqforge.Model) -> None:
    [piece] = model.generate(prompt="|:DED F2A|", key="D", meter="6/8", bars=4)
    pitches = [str(note.pitches[0]) for note in piece.content.notes()[:5]]
    assert pitches == ["=D", "=E", "=D", "^F", "=A"]


def test_tunes_with_common_intervals_have_common_fingerprints() -> None:
    plugin = Abc()
    [first, second] = pieces_of(BOOK)
    reread = pieces_of(BOOK.split("X:2")[0].replace("K:D", "K:D\n"))[0]
    assert set(plugin.fingerprints(first)) == set(plugin.fingerprints(reread))
    assert not set(plugin.fingerprints(first)) & set(plugin.fingerprints(second))


def pieces_of(text: str) -> list[Piece[Tune]]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.abc"
        path.write_text(text)
        return [item for item in Abc().read(path, AbcOptions()) if isinstance(item, Piece)]


def test_a_book_of_unreadable_tunes_ends_with_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQFORGE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "b.abc").write_text("X:1\nT:a\nM:4/4\nK:D\nA999999999|\n\nX:2\nT:b\nM:4/4\nK:D\n%%%\n")
    with pytest.raises(SystemExit) as exit_info:
        main(["train", "--plugin", "abc", "--corpus", "b.abc", "--steps", "1"])
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert exit_info.value.code == 1 and "b.abc:" in message


def test_every_shipped_model_generates_tunes() -> None:
    paths = registry.shipped_models(registry.load("abc"))
    assert paths
    for path in paths:
        assert path.stat().st_size <= 16e6
        pieces = seqforge.load(path).generate(3, seed=1, bars=8, key="G", meter="6/8", rhythm="jig")
        assert all(len(piece.content.notes()) > 20 for piece in pieces)


@pytest.mark.parametrize(
    ("meter", "usual", "impossible"),
    [("3/4", {"", "air", "waltz"}, {"reel", "jig"}), ("9/8", {"slip jig", "jig"}, {"reel", "polka"})],
)
def test_the_rhythm_fits_a_requested_meter(meter: str, usual: set[str], impossible: set[str]) -> None:
    model = seqforge.load("abc:default")
    rhythms = [piece.content.rhythm for piece in model.generate(24, seed=0, meter=meter, bars=1, candidates=1)]
    assert sum(rhythm in usual for rhythm in rhythms) >= 22
    assert not impossible.intersection(rhythms)


@pytest.mark.parametrize(
    ("meter", "prompt", "usual"),
    [("6/8", "|:DED F2A|", {"jig", ""}), ("4/4", "|:D2FA dAFA|", {"reel"}), ("9/8", "|:DFA dfe dBA|", {"slip jig"})],
)
def test_the_rhythm_fits_a_prompt(meter: str, prompt: str, usual: set[str]) -> None:
    model = seqforge.load("abc:default")
    pieces = model.generate(6, seed=0, meter=meter, key="D", prompt=prompt, bars=2, candidates=1)
    assert sum(piece.content.rhythm in usual for piece in pieces) >= 5
