"""The bundled tune books, split in the same way as by `seqforge train --plugin abc`."""

from typing import Any

from seqforge import Codec, Piece
from seqforge.corpus import find_sources, prepare
from seqforge_abc import Abc, AbcOptions, Tune

BOOKS = ["cre", "oneills1850", "ryans"]


def tunes(codec: Codec[Any, Any, Any] | None = None) -> tuple[Codec[Any, Any, Any], dict[str, list[Piece[Tune]]]]:
    """Return a codec and the canonical pieces of each split.

    Args:
        codec: The codec; None fits one on the training split.
    """
    plugin = Abc()
    sources = find_sources(BOOKS, reads=plugin.reads, domain=plugin.name)
    prepared = prepare(plugin, AbcOptions(), sources, codec=codec)
    splits = {
        split: [prepared.codec.decode(dataset.example(number)) for number in range(len(dataset))]
        for split, dataset in prepared.datasets.items()
    }
    return prepared.codec, splits
