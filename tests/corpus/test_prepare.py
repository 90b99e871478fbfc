import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_kit import failing_encode, files_of, pieces_of, prepare_corpus, rows_of, write_corpus
from fakekit import prose

from seqforge.core.sequences import Example
from seqforge.corpus import find_sources, prepare
from seqforge.errors import ContractError, WriteError
from seqforge.plugin import Piece, Plugin, registry


def test_every_piece_is_in_one_split_and_decodes(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    prepared = prepare_corpus(numbers, folder)
    decoded = [piece.content for split in prepared.datasets for piece in pieces_of(prepared, split)]
    train = {n for piece in pieces_of(prepared, "train") for n in piece.content}
    expected = [tuple(n if n in train else -1 for n in row) for row in rows_of(folder)]
    assert sorted(decoded) == sorted(expected)
    assert prepared.report["pieces"] == {split: len(data) for split, data in prepared.datasets.items()}
    assert all(prepared.report["pieces"].values())


def test_labels_of_plugin_are_kept(numbers: Plugin, tmp_path: Path) -> None:
    prepared = prepare_corpus(numbers, write_corpus(tmp_path / "corpus"))
    assert prepared.codec.labels == {"parity": ("even", "odd")}
    for piece in pieces_of(prepared, "train"):
        assert piece.labels == {"parity": "odd" if sum(piece.content) % 2 else "even"}


def test_label_of_piece_takes_precedence_over_labels_csv(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus", files=2)
    (folder / "labels.csv").write_text("file,mood,parity\n00.num,sad,wrong\n01.num,glad,wrong\n")
    prepared = prepare_corpus(numbers, folder)
    assert prepared.codec.labels == {"mood": ("glad", "sad"), "parity": ("even", "odd")}


def test_codec_is_fitted_on_train_and_dropped_tokens_are_counted(numbers: Plugin, tmp_path: Path) -> None:
    for split, text in (("train", "1 2 3\n2 3 1\n"), ("valid", "1 7 7\n"), ("test", "8 2\n")):
        (tmp_path / "corpus" / split).mkdir(parents=True)
        (tmp_path / "corpus" / split / "a.num").write_text(text)
    prepared = prepare_corpus(numbers, tmp_path / "corpus")
    assert prepared.codec.vocabulary[1:] == ("1", "2", "3")
    assert pieces_of(prepared, "valid")[0].content == (1, -1, -1)
    assert prepared.report["dropped"] == {"7": 2, "8": 1} and prepared.report["dropped_total"] == 3
    assert prepared.report["pieces"] == {"train": 2, "valid": 1, "test": 1}


def test_units_are_those_of_codec(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    prepared = prepare_corpus(numbers, folder)
    assert sum(data.units.sum() for data in prepared.datasets.values()) == sum(map(len, rows_of(folder)))


def test_equal_pieces_are_in_one_split(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    for name in ("90.num", "91.num"):
        (folder / name).write_text((folder / "00.num").read_text())
    prepared = prepare_corpus(numbers, folder)
    splits = [
        {piece.content for piece in pieces_of(prepared, split) if -1 not in piece.content}
        for split in prepared.datasets
    ]
    assert not splits[0] & splits[1] and not splits[0] & splits[2] and not splits[1] & splits[2]


def test_near_duplicates_are_in_one_split(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(5000)]
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(words, 60)) for _ in range(60)]
    copies = [text.upper().replace(" ", ", ") + "!" for text in texts]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    (tmp_path / "b.txt").write_text("\n\n".join(copies))
    text = registry.load("text")
    prepared = prepare_corpus(text, tmp_path / "a.txt", tmp_path / "b.txt", piece="paragraph", level="byte")
    splits: dict[str, set[str]] = {}
    for split in prepared.datasets:
        for piece in pieces_of(prepared, split):
            splits.setdefault(piece.content.casefold().replace(",", "").rstrip("!"), set()).add(split)
    assert len(splits) == 60 and all(len(in_splits) == 1 for in_splits in splits.values())
    assert prepared.report["pieces"]["valid"] > 0


def test_labels_of_names_are_languages() -> None:
    prepared = prepare_corpus(registry.load("text"), "names", piece="line")
    languages = prepared.codec.labels["language"]
    assert len(languages) == 18 and {"Irish", "Vietnamese"} <= set(languages)
    train = prepared.datasets["train"]
    counts = np.bincount(train.labels[:, 0], minlength=19)
    assert counts[0] == 0 and (counts[1:] > 0).all()
    assert sum(prepared.report["pieces"].values()) == 20_050
    assert train.example(0).labels["language"] in languages


def test_single_text_is_divided_with_remark(tmp_path: Path) -> None:
    text = prose(4000)
    (tmp_path / "one.txt").write_text(text)
    prepared = prepare_corpus(registry.load("text"), tmp_path / "one.txt")
    parts = [pieces_of(prepared, split)[0].content for split in ("train", "valid", "test")]
    assert "".join(parts) == text
    assert [len(part) for part in parts[:2]] == [int(0.9 * len(text)), int(0.95 * len(text)) - int(0.9 * len(text))]
    assert prepared.report["remarks"] == ["fewer than 20 pieces: each is divided, 90 % train, 5 % valid, 5 % test"]


def test_few_pieces_are_distributed_with_remark(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n3 4\n5 6\n7 8\n")
    prepared = prepare_corpus(numbers, tmp_path / "a.num")
    assert prepared.report["pieces"] == {"train": 2, "valid": 1, "test": 1}
    assert "only 4 distinct pieces" in prepared.report["remarks"][0]


def test_one_indivisible_piece_goes_to_train_with_remark(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n1 2\n")
    prepared = prepare_corpus(numbers, tmp_path / "a.num")
    assert prepared.report["pieces"] == {"train": 2, "valid": 0, "test": 0}
    assert "no valid and no test" in prepared.report["remarks"][0]


def test_interrupted_division_gives_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.txt").write_text(prose(4000))
    text = registry.load("text")
    clean = files_of(prepare_corpus(text, tmp_path / "one.txt", cache=tmp_path / "clean"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(text.codec, "encode", failing_encode(KeyboardInterrupt()))
        prepare_corpus(text, tmp_path / "one.txt", cache=tmp_path / "broken")
    assert files_of(prepare_corpus(text, tmp_path / "one.txt", cache=tmp_path / "broken")) == clean


# -- the cache


def forbid_reading(monkeypatch: pytest.MonkeyPatch, plugin: Plugin) -> None:
    def read(self: Plugin, path: Path, options: Any) -> Iterator[Any]:
        raise AssertionError("a file is read again")

    monkeypatch.setattr(type(plugin), "read", read)


def test_prepared_corpus_is_taken_from_cache(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_corpus(tmp_path / "corpus")
    first = prepare_corpus(numbers, folder)
    forbid_reading(monkeypatch, numbers)
    second = prepare_corpus(numbers, folder)
    assert second.folder == first.folder and second.report == first.report
    assert second.codec.state()[0] == first.codec.state()[0]
    assert first.folder.is_relative_to(tmp_path / "cache")


def test_cache_key_depends_on_options_files_labels_and_codec(numbers: Plugin, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "corpus")
    first = prepare_corpus(numbers, folder)
    folders = {first.folder, prepare_corpus(numbers, folder, order="up").folder}
    narrow = numbers.codec.fit([Piece((1, 2), {})], numbers.Options())
    folders.add(prepare_corpus(numbers, folder, codec=narrow).folder)
    (folder / "labels.csv").write_text("file,mood\n00.num,sad\n")
    folders.add(prepare_corpus(numbers, folder).folder)
    (folder / "00.num").write_text("1 2 3\n")
    folders.add(prepare_corpus(numbers, folder).folder)
    (folder / "99.num").write_text("1 2 3\n")
    folders.add(prepare_corpus(numbers, folder).folder)
    assert len(folders) == 6


def test_given_codec_is_used(numbers: Plugin, tmp_path: Path) -> None:
    narrow = numbers.codec.fit([Piece((1, 2), {})], numbers.Options())
    prepared = prepare_corpus(numbers, write_corpus(tmp_path / "corpus"), codec=narrow)
    assert prepared.codec is narrow and prepared.report["dropped_total"] > 100


def test_cache_that_cannot_be_written_is_an_error(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"a part of its path is a file, not a folder"):
        prepare_corpus(numbers, write_corpus(tmp_path / "corpus"), cache=tmp_path / "file" / "cache")


# -- plugins that break the contract


def test_steps_outside_the_space_are_an_error(numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encode(self: Any, piece: Piece) -> Example:
        return Example(np.array([3, 4000], np.int64))

    monkeypatch.setattr(numbers.codec, "encode", encode)
    with pytest.raises(ContractError, match=r"'numbers' \(fake-numbers\).*outside its space: step 1 is 4000"):
        prepare_corpus(numbers, write_corpus(tmp_path / "corpus"))


def test_fit_that_returns_another_codec_is_an_error(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = registry.load("text")
    fit = classmethod(lambda kind, pieces, options: text.codec.fit([], text.Options()))
    monkeypatch.setattr(numbers.codec, "fit", fit)
    with pytest.raises(ContractError, match=r"fit returns a TextCodec.*NumbersCodec"):
        prepare_corpus(numbers, write_corpus(tmp_path / "corpus"))


def test_options_that_are_not_json_are_an_error(numbers: Plugin, tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Options:
        order: str = "kept"
        largest: Any = dataclasses.field(default_factory=set)

    sources = find_sources([str(write_corpus(tmp_path / "corpus"))], reads=(".num",), domain="numbers")
    with pytest.raises(ContractError, match="options are not plain JSON"):
        prepare(numbers, Options(), sources)


def test_options_with_a_path_can_be_prepared(numbers: Plugin, tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Options:
        order: str = "kept"
        largest: int = 9999
        table: Path | None = Path("here")

    sources = find_sources([str(write_corpus(tmp_path / "corpus"))], reads=(".num",), domain="numbers")
    assert prepare(numbers, Options(), sources, workers=1).report["files"] == 6
