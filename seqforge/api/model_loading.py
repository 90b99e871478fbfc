"""What a model file and today's plugin must agree on: the codec that both know."""

from pathlib import Path
from typing import Any

from seqforge.plugin.validation import validate_codec
from seqforge.errors import DamagedFileError
from seqforge.modelfile import ModelHeader
from seqforge.plugin import Codec, Plugin


def codec_from_header(header: ModelHeader, plugin: Plugin, options: Any, path: Path | None) -> Codec:
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
    older = f"version {version}, and that of the installed {plugin.distribution()} has {plugin.codec.version}"
    try:
        data = header.codec["data"]
        if version < plugin.codec.version:
            data = plugin.codec.upgraded(data, version)
        found = plugin.codec.from_json(data, header.arrays, options)
    except (KeyError, TypeError, ValueError, LookupError, AttributeError) as error:
        if version < plugin.codec.version:
            told = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
            raise DamagedFileError(
                f"{where}: its codec has {older}, which does not read it ({told}); install an earlier release of"
                f" {plugin.distribution()}, or train again"
            ) from error
        raise DamagedFileError(f"{where}: its codec is damaged ({type(error).__name__}: {error})") from error
    codec = validate_codec(plugin, found, "from_json")
    labels = {name: tuple(values) for name, values in codec.labels.items()}
    source = 0 if codec.source is None else codec.source.size + 1
    fits = codec.space == header.space and labels == header.labels and source == header.network.source_symbols
    if not fits or codec.features != header.network.features:
        raise DamagedFileError(f"{where}: its codec and its network do not fit each other")
    return codec
