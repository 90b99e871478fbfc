"""Helpers of the tests of the preparation: small corpora, and the content of a prepared corpus."""

from pathlib import Path
from typing import Any

from fakekit import number_rows

from seqforge.corpus import PreparedCorpus, find_sources, prepare
from seqforge.plugin import Piece, Plugin


def write_corpus(folder: Path, files: int = 6, rows: int = 40) -> Path:
    """Write a folder with files of rows of numbers."""
    folder.mkdir(exist_ok=True)
    for number in range(files):
        (folder / f"{number:02d}.num").write_text(number_rows(rows, seed=number))
    return folder


def prepare_corpus(plugin: Plugin, *names: Path | str, **options: Any) -> PreparedCorpus:
    """Prepare a corpus with the plugin's options, and `cache`, `workers` and `codec` of `prepare`."""
    arguments = {name: options.pop(name) for name in ("cache", "workers", "codec") if name in options}
    sources = find_sources([str(name) for name in names], reads=plugin.reads, domain=plugin.name)
    return prepare(plugin, plugin.Options(**options), sources, **{"workers": 1, **arguments})


def files_of(prepared: PreparedCorpus) -> dict[str, bytes]:
    """Return the content of every file of a prepared corpus."""
    return {path.name: path.read_bytes() for path in sorted(prepared.folder.iterdir())}


def shards_of(prepared: PreparedCorpus) -> dict[str, bytes]:
    """Return the content of the shards of a prepared corpus."""
    return {name: data for name, data in files_of(prepared).items() if name.startswith("0")}


def pieces_of(prepared: PreparedCorpus, split: str) -> list[Piece]:
    """Return the decoded pieces of a split."""
    dataset = prepared.datasets[split]
    return [prepared.codec.decode(dataset.example(number)) for number in range(len(dataset))]


def rows_of(folder: Path) -> list[tuple[int, ...]]:
    """Return the rows of numbers in the files of a folder."""
    lines = [line for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]
    return [tuple(map(int, line.split())) for line in lines]


def failing_encode(error: BaseException, after: int = 0, original: Any = None) -> Any:
    """Return an `encode` that raises an error after a number of calls of the original one."""
    calls = []

    def encode(self: Any, piece: Piece) -> Any:
        calls.append(piece)
        if len(calls) > after:
            raise error
        return original(self, piece)

    return encode
