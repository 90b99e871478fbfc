from pathlib import Path

import pytest

from seqforge.corpus import find_sources
from seqforge.errors import CorpusError, UsageError


def write(path: Path, text: str = "1 2 3\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def sources(*named: object) -> list[tuple[str, str, dict[str, str]]]:
    found = find_sources([str(name) for name in named], reads=(".num",), domain="numbers")
    return [(file.path.name, file.side, dict(file.labels)) for file in found.files]


def test_a_folder_gives_its_files_sorted_whatever_their_depth(tmp_path: Path) -> None:
    for name in ("b.num", "a.num", "deep/er/c.num"):
        write(tmp_path / "mine" / name)
    assert sources(tmp_path / "mine") == [("a.num", "", {}), ("b.num", "", {}), ("c.num", "", {})]


def test_a_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    assert sources(write(tmp_path / "odd.dat")) == [("odd.dat", "", {})]


def test_several_names_are_taken_in_their_order(tmp_path: Path) -> None:
    first, second = write(tmp_path / "z.num"), write(tmp_path / "a" / "b.num")
    assert [name for name, _, _ in sources(first, second.parent)] == ["z.num", "b.num"]


def test_an_installed_name_gives_its_files_labels_and_the_corpus() -> None:
    found = find_sources(["names"], reads=(), domain="text")
    assert len(found.files) == 18 and found.corpora[0].name == "names" and found.names == ("names",)
    irish = next(file for file in found.files if file.path.stem == "Irish")
    assert irish.labels == {"language": "Irish"} and irish.side == "" and irish.fractions == ()


def test_an_installed_corpus_of_fractions_has_them() -> None:
    found = find_sources(["tinyshakespeare"], reads=(), domain="text")
    assert [file.fractions for file in found.files] == [(0.9, 0.1, 0.0)]


def test_a_path_goes_before_an_installed_name(tmp_path: Path) -> None:
    write(tmp_path / "names" / "a.num")
    assert sources("names") == [("a.num", "", {})]


def test_folders_train_valid_test_are_the_split(tmp_path: Path) -> None:
    for side in ("train", "valid", "test"):
        write(tmp_path / side / "x" / f"{side}.num")
    assert sources(tmp_path) == [("test.num", "test", {}), ("train.num", "train", {}), ("valid.num", "valid", {})]


def test_files_beside_a_train_folder_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "train" / "a.num")
    write(tmp_path / "stray.num")
    with pytest.raises(CorpusError, match=r"has a train/ of its own, and files outside .*\(stray\.num\)"):
        sources(tmp_path)


@pytest.mark.parametrize("side", ["valid", "test"])
def test_a_folder_to_test_on_without_one_to_train_on_is_refused(tmp_path: Path, side: str) -> None:
    write(tmp_path / side / "a.num")
    write(tmp_path / "b.num")
    with pytest.raises(CorpusError, match=f"has a {side}/ but no train/"):
        sources(tmp_path)


def test_labels_csv_beside_the_files_labels_them(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "sub" / "b.num")
    write(tmp_path / "c.num")
    write(tmp_path / "labels.csv", "\ufefffile,mood,key\na.num,sad,D\nsub/b.num,glad,\n")
    assert sources(tmp_path) == [
        ("a.num", "", {"mood": "sad", "key": "D"}),
        ("c.num", "", {}),
        ("b.num", "", {"mood": "glad"}),
    ]


def test_labels_csv_without_a_file_column_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", "name,mood\na.num,sad\n")
    with pytest.raises(CorpusError, match=r"labels\.csv lacks the column 'file'"):
        sources(tmp_path)


def test_labels_csv_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    (tmp_path / "labels.csv").write_bytes(b"file,mood\n\xff\xfe,x\n")
    with pytest.raises(CorpusError, match=r"labels\.csv cannot be read as a table"):
        sources(tmp_path)


@pytest.mark.parametrize("rows", ["file,mood\na.num,sad,D,extra\n", "file,mood\n\na.num\n"])
def test_ragged_rows_of_labels_csv_do_no_harm(tmp_path: Path, rows: str) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", rows)
    assert sources(tmp_path)[0][0] == "a.num"


def test_labels_csv_that_names_a_missing_file_is_refused_or_ignored(tmp_path: Path) -> None:
    write(tmp_path / "a.num")
    write(tmp_path / "labels.csv", "file,mood\nz.num,sad\n")
    assert sources(tmp_path) == [("a.num", "", {})]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("a.num", ".hidden.num", ".git/b.num", "sub/.c/d.num"):
        write(tmp_path / "mine" / name)
    assert [name for name, _, _ in sources(tmp_path / "mine")] == ["a.num"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    write(tmp_path / ".mine" / "a.num")
    assert sources(tmp_path / ".mine") == [("a.num", "", {})]


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(CorpusError, match=r"mine is empty; put \.num files into it"):
        sources(tmp_path / "mine")


def test_a_folder_of_hidden_files_counts_as_empty(tmp_path: Path) -> None:
    write(tmp_path / "mine" / ".DS_Store")
    with pytest.raises(CorpusError, match="is empty"):
        sources(tmp_path / "mine")


def test_a_folder_without_files_of_the_domain_tells_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "a.txt")
    write(tmp_path / "mine" / "README")
    with pytest.raises(CorpusError) as caught:
        sources(tmp_path / "mine")
    told = str(caught.value)
    assert "holds no file that the plugin 'numbers' reads (.num)" in told
    assert ".txt" in told and "no suffix" in told


def test_suffixes_are_compared_without_case(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "A.NUM")
    assert sources(tmp_path / "mine") == [("A.NUM", "", {})]


def test_an_unknown_name_is_guessed() -> None:
    with pytest.raises(UsageError) as caught:
        find_sources(["tinyshakespear"], reads=(), domain="text")
    told = str(caught.value)
    assert "neither a file or folder here nor an installed corpus" in told
    assert "names" in told and "Did you mean 'tinyshakespeare'?" in told


def test_a_corpus_of_another_domain_is_refused() -> None:
    with pytest.raises(CorpusError, match="the corpus 'names' is for the plugin 'text', not 'numbers'"):
        sources("names")


def test_a_dangling_link_is_no_file(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "a.num")
    (tmp_path / "mine" / "gone.num").symlink_to(tmp_path / "nowhere")
    assert [name for name, _, _ in sources(tmp_path / "mine")] == ["a.num"]


def test_files_that_the_plugin_does_not_read_are_counted_by_suffix(tmp_path: Path) -> None:
    for name in ("a.num", "b.pdf", "c.pdf", "README"):
        (tmp_path / name).write_text("1")
    found = find_sources([str(tmp_path)], reads=(".num",), domain="numbers")
    assert found.passed_over == {".pdf": 2, "no suffix": 1}
