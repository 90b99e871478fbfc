import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakekit import number_rows, prose

from seqforge.core.sequences import Example
from seqforge.corpus import PreparedCorpus, find_sources, pool, prepare
from seqforge.corpus import prepare as prepare_function
from seqforge.dataset import MANIFEST
from seqforge.errors import CorpusError, PluginError, SeqforgeError, WriteError
from seqforge.plugin import Piece, Plugin, registry

prepare_module = __import__("sys").modules["seqforge.corpus.prepare"]
assert prepare_function is prepare


@pytest.fixture
def numbers() -> Plugin:
    return registry.load("numbers")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make chunks and the bound for worker processes so small that a tiny corpus has several of each."""
    monkeypatch.setattr(prepare_module, "CHUNK_BYTES", 1500)
    monkeypatch.setattr(pool, "SMALL", 0)


def folder_of(path: Path, files: int = 6, rows: int = 40) -> Path:
    path.mkdir(exist_ok=True)
    for number in range(files):
        (path / f"{number:02d}.num").write_text(number_rows(rows, seed=number))
    return path


def ready(plugin: Plugin, *named: Path | str, **options: Any) -> PreparedCorpus:
    own = {name: options.pop(name) for name in ("cache", "workers", "codec") if name in options}
    sources = find_sources([str(name) for name in named], reads=plugin.reads, domain=plugin.name)
    return prepare(plugin, plugin.Options(**options), sources, **{"workers": 1, **own})


def content(prepared: PreparedCorpus) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(prepared.folder.iterdir())}


def shards(prepared: PreparedCorpus) -> dict[str, bytes]:
    return {name: data for name, data in content(prepared).items() if name.startswith("0")}


def pieces(prepared: PreparedCorpus, side: str) -> list[Piece]:
    data = prepared.datasets[side]
    return [prepared.codec.decode(data.example(number)) for number in range(len(data))]


def rows_of(folder: Path) -> list[tuple[int, ...]]:
    lines = [line for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    return [tuple(map(int, line.split())) for line in lines]


# -- what is in it --------------------------------------------------------------------------------


def test_every_piece_is_on_one_side_and_comes_back(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    found = ready(numbers, folder)
    got = [piece.content for side in found.datasets for piece in pieces(found, side)]
    train = {n for piece in pieces(found, "train") for n in piece.content}
    wanted = [tuple(n if n in train else -1 for n in row) for row in rows_of(folder)]
    assert sorted(got) == sorted(wanted)
    assert found.report["pieces"] == {side: len(data) for side, data in found.datasets.items()}
    assert all(found.report["pieces"].values())


def test_labels_of_the_plugin_are_kept(numbers: Plugin, tmp_path: Path) -> None:
    found = ready(numbers, folder_of(tmp_path / "mine"))
    assert found.codec.labels == {"parity": ("even", "odd")}
    for piece in pieces(found, "train"):
        assert piece.labels == {"parity": "odd" if sum(piece.content) % 2 else "even"}


def test_a_piece_s_own_label_goes_before_labels_csv_and_that_adds_others(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine", files=2)
    (folder / "labels.csv").write_text("file,mood,parity\n00.num,sad,wrong\n01.num,glad,wrong\n")
    found = ready(numbers, folder)
    assert found.codec.labels == {"mood": ("glad", "sad"), "parity": ("even", "odd")}


def test_the_codec_is_fitted_on_train_alone_and_the_rest_is_counted(numbers: Plugin, tmp_path: Path) -> None:
    for side, text in (("train", "1 2 3\n2 3 1\n"), ("valid", "1 7 7\n"), ("test", "8 2\n")):
        (tmp_path / "mine" / side).mkdir(parents=True)
        (tmp_path / "mine" / side / "a.num").write_text(text)
    found = ready(numbers, tmp_path / "mine")
    assert found.codec.vocabulary[1:] == ("1", "2", "3")
    assert pieces(found, "valid")[0].content == (1, -1, -1)
    assert found.report["unseen"] == {"7": 2, "8": 1} and found.report["unseen_total"] == 3
    assert found.report["pieces"] == {"train": 2, "valid": 1, "test": 1}


def test_units_are_those_of_the_codec(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    found = ready(numbers, folder)
    assert sum(data.units.sum() for data in found.datasets.values()) == sum(map(len, rows_of(folder)))


def test_equal_pieces_are_on_one_side(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    for name in ("90.num", "91.num"):
        (folder / name).write_text((folder / "00.num").read_text())
    found = ready(numbers, folder)
    sides = [{piece.content for piece in pieces(found, side) if -1 not in piece.content} for side in found.datasets]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]


def test_near_duplicates_of_texts_are_on_one_side(tmp_path: Path) -> None:
    words = [f"w{number}" for number in range(5000)]
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(words, 60)) for _ in range(60)]
    copies = [text.upper().replace(" ", ", ") + "!" for text in texts]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    (tmp_path / "b.txt").write_text("\n\n".join(copies))
    text = registry.load("text")
    found = ready(text, tmp_path / "a.txt", tmp_path / "b.txt", piece="paragraph", level="byte")
    sides: dict[str, set[str]] = {}
    for side in found.datasets:
        for piece in pieces(found, side):
            sides.setdefault(piece.content.casefold().replace(",", "").rstrip("!"), set()).add(side)
    assert len(sides) == 60 and all(len(found_on) == 1 for found_on in sides.values())
    assert found.report["pieces"]["valid"] > 0


def test_the_labels_of_names_are_the_languages() -> None:
    found = ready(registry.load("text"), "names", piece="line")
    languages = found.codec.labels["language"]
    assert len(languages) == 18 and {"Irish", "Vietnamese"} <= set(languages)
    train = found.datasets["train"]
    counts = np.bincount(train.labels[:, 0], minlength=19)
    assert counts[0] == 0 and (counts[1:] > 0).all()
    assert sum(found.report["pieces"].values()) == 20_050
    assert train.example(0).labels["language"] in languages


# -- small corpora --------------------------------------------------------------------------------


def test_a_single_text_is_divided_and_that_is_told(tmp_path: Path) -> None:
    text = prose(4000)
    (tmp_path / "one.txt").write_text(text)
    found = ready(registry.load("text"), tmp_path / "one.txt")
    parts = [pieces(found, side)[0].content for side in ("train", "valid", "test")]
    assert "".join(parts) == text
    assert [len(part) for part in parts[:2]] == [int(0.9 * len(text)), int(0.95 * len(text)) - int(0.9 * len(text))]
    assert found.report["remarks"] == ["fewer than 20 pieces: each is divided, 90 % train, 5 % valid, 5 % test"]


def test_few_pieces_that_cannot_be_divided_are_dealt_out_and_that_is_told(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n3 4\n5 6\n7 8\n")
    found = ready(numbers, tmp_path / "a.num")
    assert found.report["pieces"] == {"train": 2, "valid": 1, "test": 1}
    assert "only 4 distinct pieces" in found.report["remarks"][0]


def test_one_piece_that_cannot_be_divided_is_trained_on_and_that_is_told(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("1 2\n1 2\n")
    found = ready(numbers, tmp_path / "a.num")
    assert found.report["pieces"] == {"train": 2, "valid": 0, "test": 0}
    assert "no valid and no test" in found.report["remarks"][0]


def test_a_division_that_was_interrupted_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.txt").write_text(prose(4000))
    text = registry.load("text")
    clean = content(ready(text, tmp_path / "one.txt", cache=tmp_path / "clean"))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(text.codec, "encode", raising(KeyboardInterrupt()))
        ready(text, tmp_path / "one.txt", cache=tmp_path / "broken")
    assert content(ready(text, tmp_path / "one.txt", cache=tmp_path / "broken")) == clean


# -- what could not be read -----------------------------------------------------------------------


def test_every_skipped_file_and_piece_has_its_reason(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine", files=2)
    (folder / "bad.num").write_text("1 2\nx y\n3 4\n")
    (folder / "binary.num").write_bytes(b"\xff\xfe\x00")
    (folder / "careless.num").write_text("1 2\nFAIL\n")
    (folder / "big.num").write_text("99999\n")
    found = ready(numbers, folder)
    assert found.report["skipped"] == 4
    reasons = {Path(reason.partition(": ")[0]).name: reason for reason in found.report["reasons"]}
    assert "'x y' is no row of numbers" in reasons["bad.num:2"]
    assert "UnicodeDecodeError" in reasons["binary.num"]
    assert "the plugin 'numbers' fails on it (ValueError: a careless parser)" in reasons["careless.num"]
    assert "a number is above 9999" in reasons["big.num:1"]
    assert sum(found.report["pieces"].values()) == 80 + 2 + 1


def test_a_file_that_vanishes_or_may_not_be_read_has_its_reason(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "mine", files=2)
    original = type(numbers).read

    def read(self: Plugin, path: Path, options: Any) -> Iterator[Any]:
        if path.name == "00.num":
            raise PermissionError(13, "Permission denied", str(path))
        yield from original(self, path, options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(numbers), "read", read)
    found = ready(numbers, folder)
    assert found.report["skipped"] == 1
    assert "00.num: cannot be read (Permission denied)" in found.report["reasons"][0]


def test_nothing_readable_is_one_sentence_with_the_reasons(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for number in range(5):
        (tmp_path / "mine" / f"{number}.num").write_text("nonsense\n")
    with pytest.raises(CorpusError) as caught:
        ready(numbers, tmp_path / "mine")
    told = str(caught.value)
    assert told.startswith("nothing could be read: ") and told.count("is no row of numbers") == 3
    assert told.endswith("and 2 more")


def test_files_without_a_piece_are_one_sentence(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "a.num").write_text("")
    with pytest.raises(CorpusError, match="nothing could be read: the files hold no piece"):
        ready(numbers, tmp_path / "a.num")


@pytest.mark.usefixtures("small_chunks")
def test_a_file_that_kills_its_worker_is_named(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    (folder / "03.num").write_text("1 2\nCRASH\n")
    with pytest.raises(CorpusError, match=r"03\.num.* died \(exit code 9\)"):
        ready(numbers, folder, workers=2)


@pytest.mark.usefixtures("small_chunks")
def test_a_file_that_kills_its_worker_is_named_among_many(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    for number in range(10, 22):
        (folder / f"{number}.num").write_text(f"{number}\n")
    (folder / "20.num").write_text("CRASH\n")
    with pytest.raises(CorpusError, match=r"20\.num"):
        ready(numbers, folder, workers=2)


@pytest.mark.usefixtures("small_chunks")
def test_after_the_deadly_file_is_gone_the_preparation_succeeds(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    (folder / "03.num").write_text("CRASH\n")
    with pytest.raises(CorpusError):
        ready(numbers, folder, workers=2)
    (folder / "03.num").unlink()
    assert sum(ready(numbers, folder, workers=2).report["pieces"].values()) == 200


# -- the same whoever does it, and whenever -------------------------------------------------------


@pytest.mark.usefixtures("small_chunks")
def test_one_worker_or_three_give_the_same_bytes(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    found = [content(ready(numbers, folder, workers=n, cache=tmp_path / str(n))) for n in (1, 3)]
    assert found[0] == found[1]
    assert len([name for name in found[0] if name.startswith("done-")]) >= 3


def test_a_corpus_of_real_size_gives_the_same_bytes_with_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    block = prose(100_000)
    for number in range(8):
        (folder / f"{number}.txt").write_text((prose(2000, seed=number + 1) + "\n" + block) * 8)
    text = registry.load("text")
    started: list[Any] = []
    original = pool._Worker.__init__

    def noted(self: Any, work: Mapping[str, Any]) -> None:
        started.append(self)
        original(self, work)

    monkeypatch.setattr(pool._Worker, "__init__", noted)
    alone = ready(text, folder, workers=1, cache=tmp_path / "one")
    assert not started
    shared = ready(text, folder, workers=3, cache=tmp_path / "three")
    assert started
    assert content(alone) == content(shared)
    assert len([name for name in content(alone) if name.startswith("done-")]) == 2


def raising(error: BaseException, after: int = 0, original: Any = None) -> Any:
    calls = []

    def raise_it(self: Any, piece: Piece) -> Example:
        calls.append(piece)
        if len(calls) > after:
            raise error
        found: Example = original(self, piece)
        return found

    return raise_it


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_preparation_goes_on_where_it_was_and_gives_the_same_bytes(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "mine")
    clean = ready(numbers, folder, cache=tmp_path / "clean")
    original = numbers.codec.encode
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(numbers.codec, "encode", raising(KeyboardInterrupt(), 130, original))
        ready(numbers, folder, cache=tmp_path / "again")
    kept = list((tmp_path / "again").rglob("done-*"))
    assert kept and len(kept) < len(list(clean.folder.glob("done-*")))
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(numbers.codec, "encode", lambda self, piece: calls.append(1) or original(self, piece))
        again = ready(numbers, folder, cache=tmp_path / "again")
    assert content(again) == content(clean)
    assert 0 < len(calls) < 240


@pytest.mark.parametrize("lost", ["manifest*", "done-000001*", "000001-*", "scan-000000*", "sides*", "codec*", "[!m]*"])
@pytest.mark.usefixtures("small_chunks")
def test_whatever_is_lost_before_the_manifest_is_made_again(numbers: Plugin, tmp_path: Path, lost: str) -> None:
    folder = folder_of(tmp_path / "mine")
    clean = ready(numbers, folder)
    before = content(clean)
    for path in [*clean.folder.glob(lost), *clean.folder.glob(MANIFEST)]:
        path.unlink(missing_ok=True)
    assert content(ready(numbers, folder)) == before


@pytest.mark.parametrize("lost", ["000001-*", "codec*"])
@pytest.mark.usefixtures("small_chunks")
def test_what_is_lost_after_the_manifest_is_made_again(numbers: Plugin, tmp_path: Path, lost: str) -> None:
    folder = folder_of(tmp_path / "mine")
    clean = ready(numbers, folder)
    before = content(clean)
    for path in clean.folder.glob(lost):
        path.unlink()
    assert content(ready(numbers, folder)) == before


@pytest.mark.parametrize("harm", ["cut", "empty", "garbage"])
@pytest.mark.parametrize("which", [MANIFEST, "000000-*", "codec*", "done-000000*", "scan-000000*", "sides*"])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.usefixtures("small_chunks")
def test_a_damaged_file_is_made_again_or_told_in_one_sentence(
    numbers: Plugin, tmp_path: Path, harm: str, which: str, complete: bool
) -> None:
    folder = folder_of(tmp_path / "mine", files=3)
    clean = ready(numbers, folder)
    before = content(clean)
    if not complete:
        (clean.folder / MANIFEST).unlink()
    for path in clean.folder.glob(which):
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "garbage": b"\x07" * len(data)}[harm])
    try:
        again = ready(numbers, folder)
    except SeqforgeError as error:
        assert "\n" not in str(error) and str(clean.folder) in str(error)
    else:
        assert shards(again) == {name: data for name, data in before.items() if name.startswith("0")}


def test_a_manifest_that_points_outside_its_folder_is_not_followed(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine", files=2)
    clean = ready(numbers, folder)
    before = content(clean)
    manifest = clean.folder / MANIFEST
    manifest.write_text(manifest.read_text().replace("000000-000000", "../../000000-000000"))
    assert content(ready(numbers, folder)) == before


# -- the cache ------------------------------------------------------------------------------------


def forbid_reading(monkeypatch: pytest.MonkeyPatch, plugin: Plugin) -> None:
    def read(self: Plugin, path: Path, options: Any) -> Iterator[Any]:
        raise AssertionError("read again")

    monkeypatch.setattr(type(plugin), "read", read)


def test_what_is_prepared_is_taken_from_the_cache(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "mine")
    first = ready(numbers, folder)
    forbid_reading(monkeypatch, numbers)
    second = ready(numbers, folder)
    assert second.folder == first.folder and second.report == first.report
    assert second.codec.to_json() == first.codec.to_json()
    assert first.folder.is_relative_to(tmp_path / "cache")


def test_another_option_file_label_or_codec_is_prepared_apart(numbers: Plugin, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "mine")
    first = ready(numbers, folder)
    places = {first.folder, ready(numbers, folder, order="up").folder}
    narrow = numbers.fit([Piece((1, 2), {})], numbers.Options())
    places.add(ready(numbers, folder, codec=narrow).folder)
    (folder / "labels.csv").write_text("file,mood\n00.num,sad\n")
    places.add(ready(numbers, folder).folder)
    (folder / "00.num").write_text("1 2 3\n")
    places.add(ready(numbers, folder).folder)
    (folder / "99.num").write_text("1 2 3\n")
    places.add(ready(numbers, folder).folder)
    assert len(places) == 6


def test_a_given_codec_is_used_and_not_fitted(numbers: Plugin, tmp_path: Path) -> None:
    narrow = numbers.fit([Piece((1, 2), {})], numbers.Options())
    found = ready(numbers, folder_of(tmp_path / "mine"), codec=narrow)
    assert found.codec is narrow and found.report["unseen_total"] > 100


def test_a_cache_that_cannot_be_written_is_one_sentence(numbers: Plugin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match=r"a part of its path is a file, not a folder"):
        ready(numbers, folder_of(tmp_path / "mine"), cache=tmp_path / "file" / "cache")


# -- plugins that break the contract --------------------------------------------------------------


def test_steps_outside_the_space_name_the_plugin(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(self: Any, piece: Piece) -> Example:
        return Example(np.array([3, 4000], np.int64))

    monkeypatch.setattr(numbers.codec, "encode", encode)
    with pytest.raises(PluginError, match=r"'numbers' \(fake-numbers\).*outside its space: step 1 is 4000"):
        ready(numbers, folder_of(tmp_path / "mine"))


def test_fit_that_returns_another_codec_names_the_plugin(
    numbers: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = registry.load("text")
    monkeypatch.setattr(type(numbers), "fit", lambda self, pieces, options: other.fit([], other.Options()))
    with pytest.raises(PluginError, match="fit returns a TextCodec, and `codec` promises NumbersCodec"):
        ready(numbers, folder_of(tmp_path / "mine"))


def test_options_that_are_no_json_name_the_plugin(numbers: Plugin, tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Options:
        order: str = "kept"
        largest: Any = dataclasses.field(default_factory=set)

    sources = find_sources([str(folder_of(tmp_path / "mine"))], reads=(".num",), domain="numbers")
    with pytest.raises(PluginError, match="no plain JSON"):
        prepare(numbers, Options(), sources)


def test_a_path_among_the_options_can_be_prepared(numbers: Plugin, tmp_path: Path) -> None:
    @dataclasses.dataclass(frozen=True)
    class Options:
        order: str = "kept"
        largest: int = 9999
        table: Path | None = Path("here")

    sources = find_sources([str(folder_of(tmp_path / "mine"))], reads=(".num",), domain="numbers")
    assert prepare(numbers, Options(), sources, workers=1).report["files"] == 6
