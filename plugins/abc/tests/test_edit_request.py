import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import seqforge
from seqforge import ReadError, RequestError
from seqforge.api.generation import GenerationRequest
from seqforge.api.output import generate_files
from seqforge.api.provenance import read_provenance
from seqforge.api.replay import replay
from seqforge.cli.main import main
from seqforge_abc import AbcRequest
from seqforge_abc.reader import read_book
from seqforge_abc.regions import find_regions
from seqforge_abc.tune import Tempo
from seqforge_abc.tune_choice import TuneChoice

BOOK = """X:1
T:First
R:jig
M:6/8
L:1/8
K:D
|:A|ABA AFD|FGA Bcd|ABA AFD|GFE D2:|
|:d|dcd fed|cBc edc|dcd fed|cde d2:|

X:3
T:Second
R:reel
M:C
L:1/8
K:Edor
E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD|]

X:4
M:6/8
K:D
A9999999999999|
"""
TUNE = "GAG GAB|ABA ABd|edd gdd|edB dBA|]"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.abc"
    path.write_text(BOOK)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two tunes of The Session as JSON."""
    path = tmp_path / "tunes.json"
    rows = [{"name": name, "type": "jig", "meter": "6/8", "mode": "Gmajor", "abc": TUNE} for name in ("One", "Two")]
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, seqforge.Model]:
    """A model of each encoding."""
    folder = tmp_path_factory.mktemp("abc")
    (folder / "book.abc").write_text(BOOK)
    settings: dict[str, Any] = {
        "steps": 3, "hidden": 16, "layers": 1, "embedding": 8, "batch_size": 2, "bptt": 16, "dropout": 0.0,
        "recurrent_dropout": 0.0, "workers": 1,
    }  # fmt: skip
    return {
        encoding: seqforge.train(
            "abc", corpus=str(folder / "book.abc"), run=folder / encoding, encoding=encoding, **settings
        )
        for encoding in ("tokens", "char")
    }


# -- the choice of a tune --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "number", "bars"),
    [
        ("tune.abc", "tune.abc", None, ()),
        ("book.abc#3", "book.abc", 3, ()),
        ("a b/book.abc:5", "a b/book.abc", None, (5,)),
        ("book.abc#12:5-8,13", "book.abc", 12, (5, 6, 7, 8, 13)),
        ("C:\\tunes\\book.abc:7, 5-6", "C:\\tunes\\book.abc", None, (5, 6, 7)),
        ("-:1-2", "-", None, (1, 2)),
    ],
)
def test_text_names_a_file_a_tune_and_bars(text: str, path: str, number: int | None, bars: tuple[int, ...]) -> None:
    choice = TuneChoice.parse(text, field="infill")
    assert (str(choice.path), choice.number, choice.bars) == (path, number, bars)


def test_name_of_an_existing_file_is_taken_literally(tmp_path: Path) -> None:
    path = tmp_path / "set#2:1-3"
    path.write_text(BOOK.partition("\n\n")[0])
    assert TuneChoice.parse(str(path), field="vary").path == path
    assert TuneChoice.parse(f"{path}:2", field="infill").bars == (2,)
    assert TuneChoice.parse(f"{path}:2", field="infill").read().title == "First"


def test_tune_is_chosen_by_its_number(book: Path, table: Path) -> None:
    assert TuneChoice.parse(f"{book}#3", field="vary").read().title == "Second"
    assert TuneChoice.parse(f"{table}#2", field="vary").read().title == "Two"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("BOOK", "3 tunes; choose one"),
        ("BOOK#2", "no tune X:2"),
        ("BOOK#4", "in line 18"),
        ("TABLE", "2 tunes"),
        ("TABLE#3", "no tune X:3"),
        ("gone.abc", "no such file"),
        (".", "no such file"),
    ],
)
def test_a_tune_that_cannot_be_chosen_is_a_request_error(book: Path, table: Path, text: str, part: str) -> None:
    with pytest.raises(RequestError, match=part) as caught:
        TuneChoice.parse(text.replace("BOOK", str(book)).replace("TABLE", str(table)), field="vary").read()
    assert caught.value.field == "vary"


# -- the request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"keep": 0.5}, "keep"),
        ({"vary": "BOOK#1", "keep": 1.0}, "keep"),
        ({"vary": "BOOK#1", "keep": -0.1}, "keep"),
        ({"vary": "BOOK#1", "answer": "BOOK#1"}, "answer"),
        ({"vary": "BOOK#1", "key": "D"}, "key"),
        ({"infill": "BOOK#1:2", "bars": 8}, "bars"),
        ({"answer": "BOOK#1", "prompt": "d3"}, "prompt"),
        ({"infill": "BOOK#1"}, "infill"),
        ({"infill": "BOOK#1:8-5"}, "infill"),
        ({"infill": "BOOK#1:5,"}, "infill"),
        ({"infill": "BOOK#1:9"}, "infill"),
        ({"vary": "BOOK#1:5-8"}, "vary"),
        ({"answer": "BOOK"}, "answer"),
        ({"vary": "BOOK#1", "tempo": "fast"}, "tempo"),
    ],
)
def test_an_impossible_edit_is_a_request_error(book: Path, fields: dict[str, Any], field: str) -> None:
    values = {name: v.replace("BOOK", str(book)) if isinstance(v, str) else v for name, v in fields.items()}
    with pytest.raises(RequestError) as caught:
        AbcRequest(**values)
    assert caught.value.field == field


@pytest.mark.parametrize("flags", [["--infill", "book.abc#1:99"], ["--vary", "gone.abc"], ["--answer", "book.abc"]])
def test_an_error_of_the_file_comes_before_torch_is_imported(
    book: Path, flags: list[str], models: dict[str, seqforge.Model]
) -> None:
    script = (
        "import atexit, sys; atexit.register(lambda: sys.stdout.write(str('torch' in sys.modules)))\n"
        "from seqforge.cli.main import main; main(sys.argv[1:])"
    )
    words = ["generate", "--model", str(models["tokens"].path), *flags]
    child = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, cwd=book.parent
    )
    assert (child.returncode, child.stdout) == (2, "False")
    assert child.stderr.startswith("seqforge: ") and len(child.stderr.splitlines()) == 1


def test_a_model_of_characters_cannot_edit(book: Path, models: dict[str, seqforge.Model]) -> None:
    with pytest.raises(RequestError) as caught:
        models["char"].generate(vary=f"{book}#1")
    assert caught.value.field == "vary"


def test_edited_tunes_differ_by_seed_and_number_and_keep_title_and_rhythm(
    book: Path, models: dict[str, seqforge.Model]
) -> None:
    pieces = models["tokens"].generate(3, seed=1, vary=f"{book}#1", keep=0.5)
    assert len({piece.content.elements for piece in pieces}) == 3
    assert {(piece.content.title, piece.content.rhythm) for piece in pieces} == {("First", "jig")}
    assert models["tokens"].generate(3, seed=2, vary=f"{book}#1", keep=0.5)[0].content != pieces[0].content
    assert models["tokens"].generate(1, answer=f"{book}#3", title="New")[0].content.title == "New"


@pytest.mark.parametrize(
    ("text", "tempo"), [("90", Tempo(Fraction(3, 8), 90)), ("1/4=100", Tempo(Fraction(1, 4), 100)), ("", None)]
)
@pytest.mark.parametrize("fields", [{"vary": "BOOK#1"}, {"infill": "BOOK#1:2-3"}, {"answer": "BOOK#1"}])
def test_an_edited_tune_gets_the_requested_tempo(
    book: Path, models: dict[str, seqforge.Model], fields: dict[str, str], text: str, tempo: Tempo | None
) -> None:
    values = {name: value.replace("BOOK", str(book)) for name, value in fields.items()}
    assert models["tokens"].generate(1, tempo=text, **values)[0].content.tempo == tempo


def test_file_says_which_bars_are_new_and_has_the_others_unchanged(
    book: Path, tmp_path: Path, models: dict[str, seqforge.Model]
) -> None:
    request = GenerationRequest(request={"infill": f"{book}#1:1-2,8"})
    generate_files(models["tokens"], request, tmp_path / "a.abc")
    text = (tmp_path / "a.abc").read_text()
    assert "% bars 1-2, 8 are new; the others are those of book.abc#1\n" in text
    (item,) = read_book(tmp_path / "a.abc")
    (original, *_) = read_book(book)
    assert not isinstance(item, ReadError) and not isinstance(original, ReadError)
    before, after = find_regions(original[0]), find_regions(item[0])
    for old, new in zip(before, after, strict=True):
        same = original[0].elements[old.begin : old.end] == item[0].elements[new.begin : new.end]
        assert same == (old.bar not in (1, 2, 8))


def test_record_has_the_file_and_its_digest_and_is_replayed(
    book: Path, tmp_path: Path, models: dict[str, seqforge.Model]
) -> None:
    path = models["tokens"].path
    assert path is not None
    request = GenerationRequest(models=(str(path),), n=2, request={"vary": f"{book}#1", "keep": 0.5})
    generate_files(models["tokens"], request, tmp_path / "a.abc")
    (record, _), *_ = read_provenance(tmp_path / "a.abc").entries
    assert [item.path for item in record.inputs] == [str(book)]
    assert replay(tmp_path / "a.abc").names == ("a.abc",)
    book.write_text(BOOK.replace("ABA AFD", "ABA AFE"))
    with pytest.raises(RequestError, match="has changed"):
        replay(tmp_path / "a.abc")
    book.unlink()
    with pytest.raises(RequestError, match="is missing; restore it"):
        replay(tmp_path / "a.abc")


def test_a_file_that_was_named_relatively_is_replayed_in_another_folder(
    book: Path, tmp_path: Path, models: dict[str, seqforge.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(book.parent)
    words = ["generate", "--model", str(models["tokens"].path), "--infill", "book.abc#1:2", "-o", "a.abc", "--quiet"]
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert replay(tmp_path / "a.abc").names == ("a.abc",)


def test_output_never_replaces_the_edited_file(book: Path, models: dict[str, seqforge.Model]) -> None:
    for name, text in (("infill", f"{book}#1:2"), ("vary", f"{book}#1")):
        with pytest.raises(seqforge.SeqforgeError):
            generate_files(models["tokens"], GenerationRequest(request={name: text}), book, replace=True)
        assert book.read_text() == BOOK


def test_a_tune_from_standard_input_cannot_be_replayed(tmp_path: Path, models: dict[str, seqforge.Model]) -> None:
    words = ["generate", "--model", str(models["tokens"].path), "--answer", "-", "-o", str(tmp_path / "a.abc")]
    command = [sys.executable, "-m", "seqforge", *words]
    tune = BOOK.partition("\n\n")[0]
    subprocess.run(command, input=tune, text=True, check=True, capture_output=True)
    assert "% bars 5-8 are new; the others are those of standard input\n" in (tmp_path / "a.abc").read_text()
    with pytest.raises(RequestError, match="standard input or a pipe"):
        replay(tmp_path / "a.abc")
