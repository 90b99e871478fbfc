import os
from pathlib import Path

import pytest

from seqforge.corpus import SplitChoice, find_sources, visible_files
from seqforge.errors import CorpusError, UsageError


def write(path: Path, text: str = "1 2 3\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def sources(*names: object) -> list[tuple[str, str, dict[str, str]]]:
    result = find_sources([str(name) for name in names], reads=(".num",), domain="numbers")
    return [(file.path.name, file.split, dict(file.labels)) for file in result.files]


def test_folder_yields_sorted_files_of_all_depths(tmp_path: Path) -> None:
    for name in ("b.num", "a.num", "deep/er/c.num"):
        write(tmp_path / "corpus" / name)
    assert sources(tmp_path / "corpus") == [("a.num", "", {}), ("b.num", "", {}), ("c.num", "", {})]


def test_named_file_may_have_any_suffix(tmp_path: Path) -> None:
    assert sources(write(tmp_path / "odd.dat")) == [("odd.dat", "", {})]


def test_names_keep_their_order(tmp_path: Path) -> None:
    first, second = write(tmp_path / "z.num"), write(tmp_path / "a" / "b.num")
    assert [name for name, _, _ in sources(first, second.parent)] == ["z.num", "b.num"]


def test_installed_corpus_has_files_and_labels() -> None:
    result = find_sources(["names"], reads=(), domain="text")
    assert len(result.files) == 18 and result.corpora[0].name == "names" and result.names == ("names",)
    irish = next(file for file in result.files if file.path.stem == "Irish")
    assert irish.labels == {"language": "Irish"} and irish.split == "" and irish.fractions == ()


def test_installed_corpus_with_fractions() -> None:
    result = find_sources(["tinyshakespeare"], reads=(), domain="text")
    assert [file.fractions for file in result.files] == [(0.9, 0.1, 0.0)]


def test_path_takes_precedence_over_installed_corpus(tmp_path: Path) -> None:
    write(tmp_path / "names" / "a.num")
    assert sources("names") == [("a.num", "", {})]


def test_split_folders(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write(tmp_path / split / "x" / f"{split}.num")
    assert sources(tmp_path) == [("test.num", "test", {}), ("train.num", "train", {}), ("valid.num", "valid", {})]


def test_files_beside_train_folder_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a.num")
    write(tmp_path / "stray.num")
    with pytest.raises(CorpusError, match=r"has a train/ and also files outside .*\(stray\.num\)"):
        sources(tmp_path)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_split_folder_without_train_is_an_error(tmp_path: Path, split: str) -> None:
    write(tmp_path / split / "a.num")
    write(tmp_path / "b.num")
    with pytest.raises(CorpusError, match=f"has a {split}/ but no train/"):
        sources(tmp_path)


def test_labels_csv(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "sub" / "b.num")
    write(tmp_path / "c.num")
    write(tmp_path / "labels.csv", "\ufefffile,mood,key\na.num,sad,D\nsub/b.num,glad,\n")
    assert sources(tmp_path) == [
        ("a.num", "", {"mood": "sad", "key": "D"}),
        ("c.num", "", {}),
        ("b.num", "", {"mood": "glad"}),
    ]


def test_labels_csv_without_file_column_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", "name,mood\na.num,sad\n")
    with pytest.raises(CorpusError, match=r"labels\.csv lacks the column 'file'"):
        sources(tmp_path)


def test_labels_csv_with_invalid_utf8_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    (tmp_path / "labels.csv").write_bytes(b"file,mood\n\xff\xfe,x\n")
    with pytest.raises(CorpusError, match=r"labels\.csv cannot be read as comma-separated values"):
        sources(tmp_path)


@pytest.mark.parametrize("rows", ["file,mood\na.num,sad,D,extra\n", "file,mood\n\na.num\n"])
def test_labels_csv_with_ragged_rows(tmp_path: Path, rows: str) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", rows)
    assert sources(tmp_path)[0][0] == "a.num"


def test_labels_csv_with_missing_file_is_ignored(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", "file,mood\nz.num,sad\n")
    assert sources(tmp_path) == [("a.num", "", {})]


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    for name in ("a.num", ".hidden.num", ".git/b.num", "sub/.c/d.num"):
        write(tmp_path / "corpus" / name)
    assert [name for name, _, _ in sources(tmp_path / "corpus")] == ["a.num"]


def test_hidden_folder_is_read_if_named(tmp_path: Path) -> None:
    write(tmp_path / ".mine" / "a.num")
    assert sources(tmp_path / ".mine") == [("a.num", "", {})]


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    with pytest.raises(CorpusError, match=r"corpus is empty; put \.num files into it"):
        sources(tmp_path / "corpus")


def test_folder_of_hidden_files_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / ".DS_Store")
    with pytest.raises(CorpusError, match="is empty"):
        sources(tmp_path / "corpus")


def test_folder_without_readable_files_lists_its_suffixes(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "a.txt")
    write(tmp_path / "corpus" / "README")
    with pytest.raises(CorpusError) as caught:
        sources(tmp_path / "corpus")
    message = str(caught.value)
    assert "contains no file that the plugin 'numbers' reads (.num)" in message
    assert ".txt" in message and "no suffix" in message


def test_suffixes_are_case_insensitive(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "A.NUM")
    assert sources(tmp_path / "corpus") == [("A.NUM", "", {})]


def test_unknown_name_has_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        find_sources(["tinyshakespear"], reads=(), domain="text")
    message = str(caught.value)
    assert "neither a file or folder nor an installed corpus" in message
    assert "names" in message and "Did you mean 'tinyshakespeare'?" in message


def test_corpus_of_another_domain_is_an_error() -> None:
    with pytest.raises(CorpusError, match="the corpus 'names' is for the plugin 'text', not 'numbers'"):
        sources("names")


def test_dangling_link_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "corpus" / "a.num")
    (tmp_path / "corpus" / "gone.num").symlink_to(tmp_path / "nowhere")
    assert [name for name, _, _ in sources(tmp_path / "corpus")] == ["a.num"]


def test_unsupported_files_are_counted_by_suffix(tmp_path: Path) -> None:
    for name in ("a.num", "b.pdf", "c.pdf", "README"):
        (tmp_path / name).write_text("1")
    result = find_sources([str(tmp_path)], reads=(".num",), domain="numbers")
    assert result.unsupported == {".pdf": 2, "no suffix": 1}


def test_imported_files_of_a_folder_are_read_unless_their_piece_is_there(tmp_path: Path) -> None:
    for name in ("a.num", "a.one", "b.ONE", "c.two", "sub/a.one"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    imports = {"imports": (".one", ".two"), "folder_imports": (".one",)}
    result = find_sources([str(tmp_path)], reads=(".num",), domain="numbers", **imports)
    assert [file.name for file in result.files] == ["a.num", "b.ONE", "sub/a.one"]
    assert result.unsupported == {".one beside a file of the same name": 1, ".two": 1}
    held_out = SplitChoice(valid=(str(tmp_path / "sub"),))
    result = find_sources([str(tmp_path)], reads=(".num",), domain="numbers", split=held_out, **imports)
    assert [(file.path.name, file.split) for file in result.files] == [
        ("a.num", "train"), ("b.ONE", "train"), ("a.one", "valid")
    ]  # fmt: skip


def test_listed_folders_are_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.num")
    listings = {tmp_path: visible_files(tmp_path)}
    monkeypatch.setattr("seqforge.corpus.sources.walk_files", None)
    result = find_sources([str(tmp_path)], reads=(".num",), domain="numbers", listings=listings)
    assert [file.name for file in result.files] == ["a.num"]


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX systems")
def test_pipes_and_devices_are_refused_or_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.num").write_text("1 2\n")
    os.mkfifo(folder / "b.num")
    (folder / "c.num").symlink_to("/dev/zero")
    sources = find_sources([str(folder)], reads=(".num",), domain="numbers")
    assert [file.path.name for file in sources.files] == ["a.num"]
    assert sources.unsupported == {"pipe or device": 2}
    for name in ("b.num", "c.num"):
        with pytest.raises(UsageError, match="is a pipe or a device"):
            find_sources([str(folder / name)], reads=(".num",), domain="numbers")


def test_root_of_the_file_system_is_refused() -> None:
    with pytest.raises(CorpusError, match="root of a file system"):
        find_sources([Path.cwd().anchor], reads=(".num",), domain="numbers")


def test_folder_with_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.corpus.file_walk.MAX_FILES", 3)
    for number in range(3):
        write(tmp_path / f"{number}.num")
    assert len(sources(tmp_path)) == 3
    write(tmp_path / "deep" / "3.num")
    with pytest.raises(CorpusError, match="more than 3 files"):
        sources(tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_name_that_the_file_system_does_not_allow_is_unknown(name: str) -> None:
    with pytest.raises(UsageError):
        sources(name)
