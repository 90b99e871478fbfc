"""What a model file and today's plugin must agree on: the codec that both know."""

from pathlib import Path
from typing import Any

from seqforge.errors import DamagedFileError
from seqforge.modelfile import ModelHeader
from seqforge.plugin import Codec, Plugin


def codec_of(header: ModelHeader, plugin: Plugin, options: Any, path: Path | None) -> Codec:
    """Return the codec of a model file.

    Raises:
        DamagedFileError: it is damaged, from a later plugin, or does not fit the network.
    """
    where = f"{path} cannot be used" if path else "the model cannot be used"
    version = header.codec.get("version")
    if not isinstance(version, int) or version > plugin.codec.version:
        raise DamagedFileError(
            f"{where}: its codec has version {version!r}, and the installed plugin {plugin.name!r} reads up to"
            f" {plugin.codec.version}; update {plugin.distribution()}"
        )
    try:
        codec = plugin.codec.from_json(header.codec["data"], header.arrays, options)
    except (KeyError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise DamagedFileError(f"{where}: its codec is damaged ({type(error).__name__}: {error})") from error
    labels = {name: tuple(values) for name, values in codec.labels.items()}
    if codec.space != header.space or labels != header.labels or codec.features != header.network.features:
        raise DamagedFileError(f"{where}: its codec and its network do not fit each other")
    return codec
