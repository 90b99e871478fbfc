import sys
from pathlib import Path

import pytest
from fakekit import install

from seqforge.corpus import default_corpora, find_corpus, find_sources, installed_corpora
from seqforge.errors import CorpusError, UsageError

TOML = """
name = "counting"
domain = "numbers"
licence = "CC0-1.0"
source = "here"
attribution = "nobody"
files = ["data/*.num"]
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution of somebody else's with one corpus, announced by entry point; importing it fails."""
    site = tmp_path / "site"
    package = site / "their_corpora"
    (package / "counting" / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "counting" / "corpus.toml").write_text(TOML)
    for name in ("up", "down"):
        (package / "counting" / "data" / f"{name}.num").write_text("1 2 3\n")
    install(site, "", name="theirs", target="their_corpora", distribution="their", group="seqforge.corpora")
    monkeypatch.syspath_prepend(site)
    return package / "counting"


def toml(folder: Path, extra: str) -> None:
    (folder / "corpus.toml").write_text(TOML + extra)


def test_a_third_party_corpus_is_found_without_running_its_package(third_party: Path) -> None:
    corpus = find_corpus("counting")
    assert (corpus.domain, corpus.licence, corpus.attribution) == ("numbers", "CC0-1.0", "nobody")
    assert corpus.folder == third_party.resolve() and not corpus.default
    assert [path.name for path in corpus.paths()] == ["down.num", "up.num"]
    assert "their_corpora" not in sys.modules
    assert "counting" in [each.name for each in installed_corpora()]


def test_a_split_by_content_is_the_default(third_party: Path) -> None:
    assert find_corpus("counting").split == {"kind": "hash"}
    assert [file.side for file in find_sources(["counting"], reads=(), domain="numbers").files] == ["", ""]


def test_labels_come_from_stem_folder_or_a_value(third_party: Path) -> None:
    toml(third_party, '[labels]\nway = "stem"\nbox = "folder"\nkind = "row"\n')
    found = find_sources(["counting"], reads=(), domain="numbers").files
    assert [dict(file.labels) for file in found] == [
        {"way": "down", "box": "data", "kind": "row"},
        {"way": "up", "box": "data", "kind": "row"},
    ]


def test_a_listed_split_is_read_from_its_table(third_party: Path) -> None:
    toml(third_party, '[split]\nkind = "listed"\nlist = "sides.csv"\n')
    (third_party / "sides.csv").write_text("file,side\ndata/up.num,valid\ndata/down.num,train\n")
    found = find_sources(["counting"], reads=(), domain="numbers").files
    assert [(file.path.stem, file.side) for file in found] == [("down", "train"), ("up", "valid")]


def test_a_split_by_folders_takes_their_names(third_party: Path) -> None:
    for side in ("train", "test"):
        (third_party / side).mkdir()
        (third_party / side / "a.num").write_text("1\n")
    (third_party / "corpus.toml").write_text(
        TOML.replace("data/*", "*/a") + '[split]\nkind = "folders"\n', encoding="utf-8"
    )
    found = find_sources(["counting"], reads=(), domain="numbers").files
    assert [file.side for file in found] == ["test", "train"]


def test_a_side_that_there_is_not_is_one_sentence(third_party: Path) -> None:
    toml(third_party, '[split]\nkind = "listed"\nlist = "sides.csv"\n')
    (third_party / "sides.csv").write_text("file,side\ndata/up.num,vaild\ndata/down.num,train\n")
    with pytest.raises(CorpusError, match="vaild"):
        find_sources(["counting"], reads=(), domain="numbers")


def test_the_default_of_a_domain_is_the_marked_one(third_party: Path) -> None:
    with pytest.raises(UsageError, match="no default corpus for 'numbers' is installed; name one with --corpus"):
        default_corpora("numbers")
    (third_party / "corpus.toml").write_text("default = true\n" + TOML)
    assert [corpus.name for corpus in default_corpora("numbers")] == ["counting"]
    assert [corpus.name for corpus in default_corpora("text")] == ["tinyshakespeare"]


@pytest.mark.parametrize("missing", ["name", "domain", "licence", "source", "attribution", "files"])
def test_a_corpus_toml_that_lacks_something_says_what(third_party: Path, missing: str) -> None:
    lines = [line for line in TOML.splitlines() if not line.startswith(missing)]
    (third_party / "corpus.toml").write_text("\n".join(lines))
    with pytest.raises(CorpusError, match=rf"corpus\.toml lacks {missing}"):
        installed_corpora()


@pytest.mark.parametrize("text", ["name = ", "\0", 'name = "a"\nname = "b"'])
def test_a_corpus_toml_that_does_not_parse_is_one_sentence(third_party: Path, text: str) -> None:
    (third_party / "corpus.toml").write_text(text)
    with pytest.raises(CorpusError, match=r"corpus\.toml cannot be read"):
        installed_corpora()


def test_a_damaged_corpus_of_another_package_does_not_keep_names_from_being_found(third_party: Path) -> None:
    (third_party / "corpus.toml").write_text("name = ")
    assert find_corpus("names").name == "names"


def test_an_unknown_kind_of_split_lists_the_kinds(third_party: Path) -> None:
    toml(third_party, '[split]\nkind = "random"\n')
    with pytest.raises(CorpusError, match="a split of kind 'random'; allowed are hash, fractions"):
        installed_corpora()


def test_two_corpora_of_one_name_are_both_named(third_party: Path) -> None:
    toml(third_party, "")
    (third_party / "corpus.toml").write_text(TOML.replace('"counting"', '"names"'))
    with pytest.raises(CorpusError, match=r"two installed corpora are called 'names': .* and .*; uninstall one"):
        installed_corpora()


def test_a_corpus_that_lost_its_files_is_one_sentence(third_party: Path) -> None:
    for path in (third_party / "data").iterdir():
        path.unlink()
    with pytest.raises(CorpusError, match="the corpus 'counting' has lost its files"):
        find_sources(["counting"], reads=(), domain="numbers")


def test_an_entry_point_to_a_package_that_is_not_there_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install(tmp_path / "s", "", name="gone", target="no_such_pack", distribution="gone",
                   group="seqforge.corpora")  # fmt: skip
    monkeypatch.syspath_prepend(site)
    assert {"names", "tinyshakespeare"} <= {corpus.name for corpus in installed_corpora()}
