import os
from pathlib import Path
from typing import Any

import pytest
from fakekit import install

from seqforge.api.convert import convert
from seqforge.api.piece_summary import summarise
from seqforge.api.plugin_search import plugin_of_file
from seqforge.errors import CorpusError, OptionsError, RequestError, UsageError, WriteError
from seqforge.plugin import Piece, registry

ROWS = "1 2 3\n4 5\n6\n"


@pytest.fixture(autouse=True)
def working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    from fakekit import isolate

    isolate(monkeypatch, tmp_path)
    (tmp_path / "a.num").write_text(ROWS)
    return tmp_path


def test_several_pieces_go_to_one_file_of_a_format_that_holds_several(tmp_path: Path) -> None:
    result = convert(["a.num", "a.num"], "b.num")
    assert (tmp_path / "b.num").read_text() == ROWS * 2
    assert (result.files, result.pieces, result.skipped) == ((Path("b.num"),), 6, ())


def test_folder_receives_one_file_per_piece(tmp_path: Path) -> None:
    (tmp_path / "single.num").write_text("7 8\n")
    result = convert([tmp_path / "a.num", "single.num"], "out/", to="one")
    names = ["a-0001.one", "a-0002.one", "a-0003.one", "single.one"]
    assert [path.name for path in result.files] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert (tmp_path / "out" / "a-0002.one").read_text().split() == ["4", "5"]


def test_folders_are_inputs(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("x", "y"):
        (tmp_path / "in" / f"{name}.num").write_text("1\n")
    result = convert(["in"], "out", to=".one", plugin="numbers")
    assert [path.name for path in result.files] == ["x.one", "y.one"]


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.num").write_text("1\n")
    listed, scandir = [], os.scandir

    def counting_scandir(folder: Any) -> Any:
        listed.append(os.fspath(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counting_scandir)
    assert convert(["in"], "out", to="one").pieces == 1
    assert [folder for folder in listed if Path(folder).name == "in"] == ["in"]


def test_layout_is_for_plugins_that_have_one() -> None:
    with pytest.raises(OptionsError) as caught:
        convert(["a.num"], "b.num", layout={"title": "Rows"})
    assert caught.value.field == "title"


def test_unreadable_pieces_are_reported_and_the_rest_is_converted(tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("1\nx\n2\n")
    result = convert(["b.num"], "c.num")
    assert (tmp_path / "c.num").read_text() == "1\n2\n"
    (reason,) = result.skipped
    assert "b.num:2" in reason


def test_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text("mine")
    with pytest.raises(UsageError, match=r"b\.num exists.*`replace`") as caught:
        convert(["a.num"], "b.num")
    assert caught.value.field == "output" and (tmp_path / "b.num").read_text() == "mine"
    convert(["a.num"], "b.num", replace=True)
    assert (tmp_path / "b.num").read_text() == ROWS


def test_nothing_is_written_to_a_folder_if_one_file_exists(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a-0002.one").write_text("mine")
    with pytest.raises(UsageError, match=r"a-0002\.one exists"):
        convert(["a.num"], "out", to="one")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a-0002.one"]


@pytest.mark.parametrize("inputs", [["a.num"], ["./a.num"], ["."]])
def test_input_is_never_replaced(inputs: list[str], tmp_path: Path) -> None:
    (tmp_path / "link.num").symlink_to(tmp_path / "a.num")
    for output in ("a.num", "link.num"):
        with pytest.raises(UsageError, match="is an input, which is never replaced"):
            convert(inputs, output, plugin="numbers", replace=True)
    assert (tmp_path / "a.num").read_text() == ROWS


def test_files_of_an_input_folder_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.num").write_text("1\n")
    with pytest.raises(UsageError, match="is an input"):
        convert(["in"], "in", to="num", plugin="numbers", replace=True)


def test_two_inputs_with_one_name_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.num").write_text(ROWS)
    with pytest.raises(UsageError, match="would both be written"):
        convert(["a.num", "in/a.num"], "out/", to="one")
    assert not (tmp_path / "out").exists()


def test_impossible_outputs_are_errors_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("FAIL\n")
    with pytest.raises(RequestError, match=r"does not write \.mid") as caught:
        convert(["a.num"], "b.mid")
    assert caught.value.allowed == ".num, .one"
    with pytest.raises(UsageError, match="`to`"):
        convert(["a.num"], "out/")
    with pytest.raises(UsageError, match=r"`to` is \.one"):
        convert(["a.num"], "b.num", to="one")
    with pytest.raises(WriteError, match="no folder"):
        convert(["a.num"], "missing/b.num")
    with pytest.raises(UsageError, match=r"there is no file none\.num"):
        convert(["none.num"], "b.num")
    with pytest.raises(RequestError, match=r"`loop` is for \.wav"):
        convert(["a.num"], "b.num", loop=True)
    with pytest.raises(CorpusError, match=r"no piece that can be read: .*a\.num"):
        convert(["a.num"], "b.num")


def test_format_that_holds_one_piece_names_the_folder_to_use() -> None:
    with pytest.raises(RequestError, match=r"there are 3; .*-o DIR/ --to one.*\.num"):
        convert(["a.num"], "b.one")


def test_plugin_is_found_by_the_suffix() -> None:
    assert plugin_of_file(Path("x.NUM")).name == "numbers"
    assert plugin_of_file(Path("x.abc")).name == "abc"
    assert plugin_of_file(Path("x.txt"), writes=[".mid"]).name == "abc"
    with pytest.raises(UsageError, match="abc, text; set `plugin`") as caught:
        plugin_of_file(Path("x.txt"))
    assert caught.value.field == "plugin" and caught.value.allowed == "abc, text"
    with pytest.raises(UsageError, match=r"known to read \.xyz files"):
        plugin_of_file(Path("x.xyz"))


def test_broken_plugin_does_not_prevent_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install(tmp_path / "site", "raise ValueError('broken')"))
    assert plugin_of_file(Path("x.num")).name == "numbers"


def test_converted_tune_is_not_marked_as_generated(tmp_path: Path) -> None:
    (tmp_path / "t.abc").write_text("X:1\nT:Mine\nM:4/4\nL:1/8\nK:D\nDEFG ABcd|d8|]\n")
    convert(["t.abc"], "u.abc")
    text = (tmp_path / "u.abc").read_text()
    assert "T:Mine" in text and "seqforge" not in text and "t.abc" not in text


def test_tune_that_cannot_be_written_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = registry.load("numbers")

    def write(self: object, pieces: list[Piece[tuple[int, ...]]], path: Path) -> None:
        if pieces[0].content == (4, 5):
            raise WriteError("4 and 5 cannot be engraved")
        path.write_text("content")

    monkeypatch.setattr(type(plugin), "write", write)
    result = convert(["a.num"], "out/", to="one")
    assert [path.name for path in result.files] == ["a-0001.one", "a-0003.one"]
    assert len(result.skipped) == 1 and "4 and 5 cannot be engraved" in result.skipped[0]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_summary_counts_units_and_survives_pieces_that_cannot_be_encoded() -> None:
    numbers = registry.load("numbers")
    (summary,) = summarise(numbers, [Piece((1, 2, 3), {"parity": "odd"})])
    assert (summary.units, summary.labels, summary.place) == (3, {"parity": "odd"}, "")
    assert summarise(numbers, [Piece(object())])[0].units is None


def test_plugin_of_a_folder_is_found_by_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.num", "b.num", "c.mid", ".hidden.mid", "notes.md"):
        (folder / name).write_text("1 2\n")
    convert([folder], tmp_path / "all.num")
    assert (tmp_path / "all.num").read_text() == "1 2\n1 2\n"
