"""Descriptions of corpora that are wrong or hostile: one sentence each, and the other corpora are listed."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fakekit import in_process, install
from test_catalogue import TOML

from seqforge.cli.console import data_json, table
from seqforge.cli.corpora import _plain, _to_json
from seqforge.corpus import find_sources, readable_corpora
from seqforge.corpus.description import read_corpus
from seqforge.errors import CorpusError

RICH = (
    TOML
    + """
summary = "rows"
default = false

[split]
kind = "listed"
list = "splits.csv"
train = 0.9
valid = 0.1

[options]
order = "kept"
largest = 12

[labels]
way = "stem"

[counts]
rows = 3
"""
)
VALUES = (
    '""', '"a"', '".."', '"/etc/*"', '"../*.num"', '"**x"', '"a\\u0000"', '"C:\\\\x"', "1", "-1", "0.5", "1e400", "nan",
    "inf", "true", "[]", '["data/*.num", 3]', "[[]]", '["../../*"]', '["/dev/zero"]', "{}", "{a = 1}", '{a = ["x"]}',
    "{kind = 3}", '{kind = "listed", list = 3}', "1979-05-27T07:32:00Z", "07:32:00", "[" * 2000 + "]" * 2000,
)  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with a valid corpus."""
    folder = tmp_path / "corpus"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.num").write_text("1 2 3\n")
    (folder / "splits.csv").write_text("file,split\ndata/a.num,valid\n")
    (folder / "corpus.toml").write_text(RICH)
    return folder


def mutant(text: str, rng: random.Random) -> bytes:
    """Return a corpus.toml in which a value, a line or some bytes are changed."""
    lines = text.splitlines()
    number = rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind <= 2 and "=" in lines[number]:
        lines[number] = lines[number].partition("=")[0] + "= " + rng.choice(VALUES)
    elif kind == 3:
        lines.insert(rng.randrange(len(lines)), lines.pop(number))
    elif kind == 4:
        lines[number] = rng.choice(["", "[x]", "split = 1", "[[files]]", "labels.a.b = 1", lines[number][::-1]])
    content = bytearray("\n".join(lines).encode())
    if rng.random() < 0.3:
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def use(folder: Path) -> None:
    """Do everything that commands do with a corpus."""
    description = read_corpus(folder)
    values = _to_json(description)
    table([[key, _plain(value)] for key, value in values.items()])
    data_json(values)
    for path in description.paths():
        assert path.resolve().is_relative_to(folder.resolve())


def test_mutants_of_a_description_are_read_or_refused_with_one_sentence(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(corpus)
    rng, refused = random.Random(0), 0
    for _ in range(1000):
        (corpus / "corpus.toml").write_bytes(mutant(RICH, rng))
        try:
            use(corpus)
            find = lambda name, domain: read_corpus(corpus)  # noqa: E731
            monkeypatch.setattr("seqforge.corpus.sources.find_corpus", find)
            find_sources(["counting"], reads=(), domain="numbers")
        except CorpusError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    capsys.readouterr()
    assert 300 < refused < 950


@pytest.mark.parametrize("pattern", ["/etc/*", "../*.num", "data/../../*", "", ".", "C:/x", "a\\\\b"])
@pytest.mark.parametrize("line", ['files = ["{}"]', 'files = ["data/a.num"]\n[split]\nlist = "{}"'])
def test_path_out_of_the_folder_is_refused(corpus: Path, pattern: str, line: str) -> None:
    (corpus / "corpus.toml").write_text(TOML.replace('files = ["data/*.num"]', line.format(pattern)))
    with pytest.raises(CorpusError, match=r"corpus\.toml has a wrong value for `(files|split\.list)`"):
        read_corpus(corpus)


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX systems")
@pytest.mark.parametrize("name", ["data/b.num", "splits.csv", "labels.csv"])
def test_link_out_of_the_folder_is_refused(
    corpus: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("file,split\n")
    (corpus / name).unlink(missing_ok=True)
    (corpus / name).symlink_to(tmp_path / "secret")
    monkeypatch.setattr("seqforge.corpus.sources.find_corpus", lambda name, domain: read_corpus(corpus))
    with pytest.raises(CorpusError, match="a link out of its folder"):
        find_sources(["counting"], reads=(), domain="numbers")


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX systems")
def test_link_inside_the_folder_is_allowed(corpus: Path) -> None:
    (corpus / "data" / "b.num").symlink_to("a.num")
    assert [path.name for path in read_corpus(corpus).paths()] == ["a.num", "b.num"]


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX systems")
@pytest.mark.parametrize("damage", [make_pipe, lambda path: path.write_text("#" * (1 << 21))])
def test_description_that_is_a_pipe_or_too_large_is_refused(corpus: Path, damage: Callable[[Path], object]) -> None:
    damage(corpus / "corpus.toml")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_corpus(corpus)


def test_command_lists_the_other_corpora(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    bad = [TOML.replace('"counting"', "3"), TOML + "labels = 3\n", "[" * 5000, TOML + "split = 07:32:00\n"]
    for number, text in enumerate(bad):
        (site / "theirs" / str(number)).mkdir(parents=True)
        (site / "theirs" / str(number) / "corpus.toml").write_text(text)
    install(site, "", name="theirs", target="theirs", distribution="their", group="seqforge.corpora")
    monkeypatch.syspath_prepend(site)
    assert len(readable_corpora()[1]) == len(bad)
    result = in_process(capsys, "corpora")
    assert result.code == 0 and "tinyshakespeare" in result.out
    assert result.err.count("note: ") == len(bad)
