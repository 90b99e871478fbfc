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
    """A third-party distribution that announces one corpus; importing it fails."""
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


def append_toml(folder: Path, extra: str) -> None:
    (folder / "corpus.toml").write_text(TOML + extra)


def test_third_party_corpus_is_found_without_import(third_party: Path) -> None:
    corpus = find_corpus("counting")
    assert (corpus.domain, corpus.licence, corpus.attribution) == ("numbers", "CC0-1.0", "nobody")
    assert corpus.folder == third_party.resolve() and not corpus.default
    assert [path.name for path in corpus.paths()] == ["down.num", "up.num"]
    assert "their_corpora" not in sys.modules
    assert "counting" in [corpus.name for corpus in installed_corpora()]


def test_default_split_is_by_content(third_party: Path) -> None:
    assert find_corpus("counting").split == {"kind": "hash"}
    assert [file.split for file in find_sources(["counting"], reads=(), domain="numbers").files] == ["", ""]


def test_labels_from_stem_folder_or_value(third_party: Path) -> None:
    append_toml(third_party, '[labels]\nway = "stem"\nbox = "folder"\nkind = "row"\n')
    files = find_sources(["counting"], reads=(), domain="numbers").files
    assert [dict(file.labels) for file in files] == [
        {"way": "down", "box": "data", "kind": "row"},
        {"way": "up", "box": "data", "kind": "row"},
    ]


def test_listed_split(third_party: Path) -> None:
    append_toml(third_party, '[split]\nkind = "listed"\nlist = "splits.csv"\n')
    (third_party / "splits.csv").write_text("file,split\ndata/up.num,valid\ndata/down.num,train\n")
    files = find_sources(["counting"], reads=(), domain="numbers").files
    assert [(file.path.stem, file.split) for file in files] == [("down", "train"), ("up", "valid")]


def test_split_by_folders(third_party: Path) -> None:
    for split in ("train", "test"):
        (third_party / split).mkdir()
        (third_party / split / "a.num").write_text("1\n")
    (third_party / "corpus.toml").write_text(
        TOML.replace("data/*", "*/a") + '[split]\nkind = "folders"\n', encoding="utf-8"
    )
    files = find_sources(["counting"], reads=(), domain="numbers").files
    assert [file.split for file in files] == ["test", "train"]


def test_unknown_split_is_an_error(third_party: Path) -> None:
    append_toml(third_party, '[split]\nkind = "listed"\nlist = "splits.csv"\n')
    (third_party / "splits.csv").write_text("file,split\ndata/up.num,vaild\ndata/down.num,train\n")
    with pytest.raises(CorpusError, match="vaild"):
        find_sources(["counting"], reads=(), domain="numbers")


def test_default_corpora(third_party: Path) -> None:
    with pytest.raises(UsageError, match="no default corpus for 'numbers' is installed"):
        default_corpora("numbers")
    (third_party / "corpus.toml").write_text("default = true\n" + TOML)
    assert [corpus.name for corpus in default_corpora("numbers")] == ["counting"]
    assert [corpus.name for corpus in default_corpora("text")] == ["tinyshakespeare"]


@pytest.mark.parametrize("missing", ["name", "domain", "licence", "source", "attribution", "files"])
def test_corpus_toml_with_missing_key_is_an_error(third_party: Path, missing: str) -> None:
    lines = [line for line in TOML.splitlines() if not line.startswith(missing)]
    (third_party / "corpus.toml").write_text("\n".join(lines))
    with pytest.raises(CorpusError, match=rf"corpus\.toml lacks {missing}"):
        installed_corpora()


@pytest.mark.parametrize("text", ["name = ", "\0", 'name = "a"\nname = "b"'])
def test_corpus_toml_that_does_not_parse_is_an_error(third_party: Path, text: str) -> None:
    (third_party / "corpus.toml").write_text(text)
    with pytest.raises(CorpusError, match=r"corpus\.toml cannot be read"):
        installed_corpora()


def test_damaged_corpus_does_not_hide_others(third_party: Path) -> None:
    (third_party / "corpus.toml").write_text("name = ")
    assert find_corpus("names").name == "names"


def test_unknown_split_kind_is_an_error(third_party: Path) -> None:
    append_toml(third_party, '[split]\nkind = "random"\n')
    with pytest.raises(CorpusError, match="a split of kind 'random'; allowed are hash, fractions"):
        installed_corpora()


def test_two_corpora_of_one_name_are_an_error(third_party: Path) -> None:
    append_toml(third_party, "")
    (third_party / "corpus.toml").write_text(TOML.replace('"counting"', '"names"'))
    with pytest.raises(CorpusError, match=r"two installed corpora have the name 'names': .* and .*; uninstall one"):
        installed_corpora()


def test_corpus_without_files_is_an_error(third_party: Path) -> None:
    for path in (third_party / "data").iterdir():
        path.unlink()
    with pytest.raises(CorpusError, match="the files of the corpus 'counting' are missing"):
        find_sources(["counting"], reads=(), domain="numbers")


def test_entry_point_to_missing_package_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path / "s", "", name="gone", target="no_such_pack", distribution="gone",
                   group="seqforge.corpora")  # fmt: skip
    monkeypatch.syspath_prepend(site)
    assert {"names", "tinyshakespeare"} <= {corpus.name for corpus in installed_corpora()}
