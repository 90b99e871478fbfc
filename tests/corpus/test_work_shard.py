"""One corpus that several processes prepare in shards."""

import random
from pathlib import Path

import pytest
from corpus_kit import failing_encode, files_of, prepare_corpus, write_corpus
from fakekit import prose
from hypothesis import given
from hypothesis import strategies as st

import seqforge
from seqforge.corpus.work_shard import WorkShard
from seqforge.errors import CorpusError, OptionsError
from seqforge.plugin import Plugin, registry

COUNT = 3


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run_shards(corpus: Path, numbers: range | list[int] = range(1, COUNT + 1), **options: object) -> set[str]:
    """Run shards in any order, some of them twice, and return their stages."""
    order = [*numbers, *numbers]
    random.Random(0).shuffle(order)
    return {
        seqforge.prepare("numbers", corpus=str(corpus), shard=f"{n}/{COUNT}", workers=1, **options).stage for n in order
    }


@given(st.integers(1, 40), st.integers(0, 200))
def test_shards_divide_the_chunks(count: int, total: int) -> None:
    parts = [WorkShard(number, count).chunks(total) for number in range(1, count + 1)]
    assert sorted(chunk for part in parts for chunk in part) == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/4", "1/0", "-1/4", "1/2/3", "²/4", "1/9999999"])
def test_shard_of_a_wrong_form_is_an_error(text: str) -> None:
    with pytest.raises(OptionsError) as caught:
        WorkShard.parse(text)
    assert caught.value.field == "shard"


@pytest.mark.usefixtures("small_chunks")
def test_shards_and_merges_give_the_same_files_as_one_process(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    clean = files_of(prepare_corpus(numbers, corpus, cache=tmp_path / "clean"))
    monkeypatch.setenv("SEQFORGE_CACHE", str(tmp_path / "shared"))
    assert run_shards(corpus) == {"read"}
    assert seqforge.prepare("numbers", corpus=str(corpus), merge=True).stage == "fitted"
    assert run_shards(corpus) == {"encoded"}
    merged = seqforge.prepare("numbers", corpus=str(corpus), merge=True)
    assert merged.is_complete and contents(merged.folder) == clean
    again = seqforge.prepare("numbers", corpus=str(corpus), merge=True)
    assert again == merged and contents(merged.folder) == clean
    assert seqforge.prepare("numbers", corpus=str(corpus), shard="1/3").stage == "encoded"
    assert seqforge.prepare("numbers", corpus=str(corpus)).report == merged.report


@pytest.mark.usefixtures("small_chunks")
def test_missing_shards_are_named(numbers: Plugin, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    with pytest.raises(CorpusError, match=r"no shard .* has been read"):
        seqforge.prepare("numbers", corpus=str(corpus), merge=True)
    run_shards(corpus, [1, 3])
    with pytest.raises(CorpusError, match=r"shard 2/3 are not all read"):
        seqforge.prepare("numbers", corpus=str(corpus), merge=True)
    run_shards(corpus, [2])
    assert seqforge.prepare("numbers", corpus=str(corpus), merge=True).stage == "fitted"
    run_shards(corpus, [2])
    with pytest.raises(CorpusError, match=r"shards 1/3, 3/3 are not all encoded"):
        seqforge.prepare("numbers", corpus=str(corpus), merge=True)


@pytest.mark.usefixtures("small_chunks")
def test_interrupted_shard_is_continued(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    clean = files_of(prepare_corpus(numbers, corpus, cache=tmp_path / "clean"))
    run_shards(corpus)
    folder = seqforge.prepare("numbers", corpus=str(corpus), merge=True).folder
    original = numbers.codec.encode
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(numbers.codec, "encode", failing_encode(KeyboardInterrupt(), 130, original))
        seqforge.prepare("numbers", corpus=str(corpus), shard="1/1", workers=1)
    finished = len(list(folder.glob("encoded-*")))
    assert 0 < finished < len(list(folder.glob("scan-*")))
    run_shards(corpus)
    assert contents(seqforge.prepare("numbers", corpus=str(corpus), merge=True).folder) == clean


@pytest.mark.usefixtures("small_chunks")
def test_preparation_without_shards_continues_what_shards_began(numbers: Plugin, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    clean = files_of(prepare_corpus(numbers, corpus, cache=tmp_path / "clean"))
    run_shards(corpus, [2])
    assert contents(seqforge.prepare("numbers", corpus=str(corpus)).folder) == clean


def test_few_pieces_are_divided_by_the_merge(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(prose(4000))
    clean = files_of(prepare_corpus(registry.load("text"), tmp_path / "one.txt", cache=tmp_path / "clean"))
    for _ in range(2):
        seqforge.prepare("text", corpus=str(tmp_path / "one.txt"), shard="1/1")
        folder = seqforge.prepare("text", corpus=str(tmp_path / "one.txt"), merge=True).folder
    assert contents(folder) == clean


def test_options_of_the_plugin_are_those_of_the_training(numbers: Plugin, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    folders = [seqforge.prepare("numbers", corpus=str(corpus), order=order).folder for order in ("up", "kept", "up")]
    assert folders[0] == folders[2] != folders[1]
    with pytest.raises(OptionsError) as caught:
        seqforge.prepare("numbers", corpus=str(corpus), hidden=3)
    assert caught.value.field == "hidden"
    with pytest.raises(OptionsError) as caught:
        seqforge.prepare("numbers", corpus=str(corpus), shard="1/2", merge=True)
    assert caught.value.field == "shard"
