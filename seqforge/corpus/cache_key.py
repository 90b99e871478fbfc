"""The keys under which a prepared corpus is cached, and the digest of its content.

A prepared corpus depends on its files (`sources_key`) and on how they are read and encoded (`preparation_key`). If only
the second key of a run has changed, for instance because the plugin was upgraded, the run can be resumed provided that
the new preparation has the same content (`content_digest`).
"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from seqforge.core.options import options_to_json
from seqforge.core.tensorfile import canonical_json
from seqforge.corpus.source_file import SourceFile
from seqforge.errors import ContractError
from seqforge.plugin import AnyCodec, AnyPlugin
from seqforge.plugin.validation import validate_state

FORMAT = 5


def sources_key(files: Sequence[SourceFile], shares: Sequence[float] = ()) -> str:
    """Return a digest of the files: their contents, names within the corpus, labels, columns and splits.

    Args:
        files: The files.
        shares: Shares of train, valid and test; () for the default.
    """
    digest = hashlib.sha256()
    for text in _canonical_sources(files, shares):
        digest.update(text.encode())
    return digest.hexdigest()[:16]


def _canonical_sources(files: Sequence[SourceFile], shares: Sequence[float]) -> Iterator[str]:
    """Yield the parts of one canonical JSON text that describes the files, without the text in memory."""
    digest_of_features = lru_cache(16)(_digest)
    described: dict[str, Callable[[SourceFile], Any]] = {
        "columns": lambda file: file.columns.to_json() if file.columns else None,
        "features": lambda file: file.features and [digest_of_features(file.features), file.position],
        "files": lambda file: [
            file.name or file.path.name, _digest(file.path), dict(file.labels), file.split, list(file.fractions),
        ],
    }  # fmt: skip
    used = {"files"}
    for file in files:
        used |= {name for name in ("columns", "features") if getattr(file, name)}
    yield "{"
    for name in sorted(used):
        yield f'"{name}":['
        for number, file in enumerate(files):
            yield "," * (number > 0) + canonical_json(described[name](file))
        yield "]," if name != "files" or shares else "]"
    yield f'"shares":{canonical_json(list(shares))}}}' if shares else "}"


def preparation_key(plugin: AnyPlugin, options: Any, codec: AnyCodec | None, *, extend: bool) -> str:
    """Return a digest of the options, the codec and the code of the plugin.

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        codec: The codec to encode with; None if it is fitted.
        extend: Whether the codec is extended for these files.

    Raises:
        ContractError: If the options are not plain JSON.
    """
    content = {
        "format": FORMAT,
        "code": _code_digest(plugin),
        "options": options_to_json(options),
        "extend": extend,
        "codec": None if codec is None else _codec_digest(plugin, codec),
    }
    try:
        return _key(content)
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"the plugin {plugin.name!r} ({plugin.distribution()}): its options are not plain JSON: {error}"
        ) from error


def content_digest(plugin: AnyPlugin, codec: AnyCodec, shards: Sequence[Path]) -> str:
    """Return a digest of the state of the codec and of the encoded pieces; remarks and reasons are not part of it.

    Args:
        plugin: The plugin.
        codec: The codec with which the pieces are encoded.
        shards: The files of the encoded pieces, in order.
    """
    return _key({"codec": _codec_digest(plugin, codec), "shards": [_digest(path) for path in shards]})


def _key(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]


def _codec_digest(plugin: AnyPlugin, codec: AnyCodec) -> list[Any]:
    """Return version, data and digests of the arrays of a codec."""
    data, arrays = validate_state(plugin, codec)
    digests = [
        [name, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()] for name, array in sorted(arrays.items())
    ]
    return [codec.version, data, digests]


def _code_digest(plugin: AnyPlugin) -> str:
    """Return a digest of the plugin's package, so that an author who edits it gets fresh data."""
    module = sys.modules[type(plugin).__module__.partition(".")[0]]
    if hasattr(module, "__path__"):
        paths = sorted(path for folder in module.__path__ for path in Path(folder).rglob("*.py"))
    else:
        paths = [Path(module.__file__)] if module.__file__ else []
    return hashlib.sha256("".join(_digest(path) for path in paths).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"  # reported when the file is read
