"""The model of a request: its files are loaded, adapted to the pieces of a user, and averaged."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.api.generation_request import GenerationRequest
from seqforge.api.model import Model
from seqforge.api.model_loading import load
from seqforge.api.provenance import digest, files_below
from seqforge.corpus import find_sources, pieces_with_features, read_files
from seqforge.errors import ReadError, RequestError, listing
from seqforge.plugin import AnyPlugin, Piece

__all__ = ["pieces_of_files", "requested_model"]


def requested_model(request: GenerationRequest) -> Model:
    """Return the model of a request, ready to generate.

    Example:
        request = GenerationRequest(models=("abc.safetensors",), adapt=("my_tunes.abc",))
        generation = Generation(requested_model(request), request)

    Args:
        request: The request; it names one model file at least.

    Raises:
        RequestError: If a model or a file to adapt to cannot be read, or the models do not fit each other.
    """
    models = [load(path, precision=request.precision, device=request.device) for path in request.models]
    first, *others = (adapted_model(model, request) for model in models)
    first.ensemble_with(others)
    return first


def adapted_model(model: Model, request: GenerationRequest) -> Model:
    """Return a model after the gradient steps of a request; the model itself if there are none."""
    if not request.adapt:
        return model
    pieces = pieces_of_files(model.plugin, model.options, [Path(file) for file in request.adapt])
    adapted = model.adapt(pieces, steps=request.adapt_steps, rate=request.adapt_rate, seed=request.seed)
    files = [{"name": file.name, "sha256": digest(file)} for file in files_below(request.adapt)]
    provenance = adapted.header.provenance
    adaptation = {**provenance["adaptation"], "files": files}
    adapted.header = dataclasses.replace(adapted.header, provenance={**provenance, "adaptation": adaptation})
    return adapted


def pieces_of_files(plugin: AnyPlugin, options: Any, files: Sequence[Path]) -> list[Piece[Any]]:
    """Return the pieces of files and folders; a warning is logged for what cannot be read.

    Args:
        plugin: The plugin that reads the files.
        options: The plugin's options.
        files: The files and folders.

    Raises:
        RequestError: If no piece can be read.
    """
    sources = find_sources(
        [str(file) for file in files],
        reads=plugin.reads,
        imports=plugin.imports,
        folder_imports=plugin.folder_imports,
        domain=plugin.name,
    )
    pieces: list[Piece[Any]] = []
    for _, items in pieces_with_features(read_files(plugin, options, sources.files)):
        for item in items:
            if isinstance(item, ReadError):
                logging.getLogger("seqforge").warning("skipped: %s", item)
            else:
                pieces.append(item)
    if not pieces:
        names = listing(map(str, files))
        raise RequestError(
            f"`adapt` is {names}, of which the plugin {plugin.name!r} reads no piece; name files that it reads"
            f" ({listing(plugin.reads)})",
            field="adapt", value=names,
        )  # fmt: skip
    return pieces
