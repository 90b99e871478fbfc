"""The files that a model is measured on: those of a corpus, or of the corpus that the model was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge.api.runs import Run
from seqforge.corpus import Sources, SplitChoice, TableColumns, find_sources
from seqforge.errors import UsageError, listing
from seqforge.plugin import AnyPlugin

__all__ = ["sources_of_model"]


def sources_of_model(
    plugin: AnyPlugin,
    path: Path | None,
    provenance: Mapping[str, Any],
    corpus: Sequence[str] | str | None,
    columns: TableColumns | None,
) -> tuple[list[str], Sources]:
    """Return the names of a corpus, and its files.

    Args:
        plugin: The plugin of the model.
        path: The model file; None if the model is not in a file.
        provenance: The provenance in the header of the model. Its paths are relative, so the configuration of the run
            beside the model is used if there is one.
        corpus: Names of corpora, folders or files; None for the corpus that the model was trained on.
        columns: The columns of tables; None for those of the training.

    Raises:
        UsageError: If a name is not found.
    """
    stored = provenance.get("corpus", [])
    choice = None
    if corpus is None:
        run = Run(path.parent) if path else None
        recorded = run.corpus() if run else []
        names = recorded or list(stored)
        choice = SplitChoice.from_json(run.split() if run and recorded else dict(provenance.get("split", {})))
    else:
        names = [str(corpus)] if isinstance(corpus, str | Path) else [str(name) for name in corpus]
    columns = columns or TableColumns.from_json(provenance)
    try:
        sources = find_sources(
            names,
            reads=plugin.reads,
            imports=plugin.imports,
            folder_imports=plugin.folder_imports,
            domain=plugin.name,
            columns=columns,
            split=choice,
        )
        return names, sources
    except UsageError as error:
        if corpus is not None or error.field != "corpus":
            raise
        raise UsageError(
            f"the model was trained on {listing(stored)}, of which {error.value!r} is not found from this folder; set"
            " `corpus`",
            field="corpus",
            value=error.value,
        ) from error
