"""The bundled tune books, split as `seqforge train --plugin abc` splits them."""

from seqforge import Piece
from seqforge.corpus import find_sources, prepare
from seqforge.plugin import Codec
from seqforge_abc import Abc, Options

BOOKS = ["cre", "oneills1850", "ryans"]


def tunes(codec: Codec | None = None) -> tuple[Codec, dict[str, list[Piece]]]:
    """Return the codec (fitted where none is given) and the pieces of each side, as the codec keeps them."""
    plugin = Abc()
    sources = find_sources(BOOKS, reads=plugin.reads, domain=plugin.name)
    prepared = prepare(plugin, Options(), sources, codec=codec)
    sides = {
        side: [prepared.codec.decode(data.example(number)) for number in range(len(data))]
        for side, data in prepared.datasets.items()
    }
    return prepared.codec, sides
