"""From files to datasets, and the cache of prepared corpora."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.core.cache import cache_folder
from seqforge.core.files import make_folder
from seqforge.core.spaces import Mixture, Space
from seqforge.corpus.cache_key import preparation_key, sources_key
from seqforge.corpus.preparation import Preparation, common_root
from seqforge.corpus.source_file import file_list
from seqforge.corpus.sources import Sources
from seqforge.corpus.split import SHARES
from seqforge.corpus.worker import are_counts, are_texts, read_codec
from seqforge.dataset import MANIFEST, SPLITS, Dataset, open_datasets, read_manifest
from seqforge.errors import DamagedFileError, DecodeError
from seqforge.plugin import AnyCodec, AnyPlugin, Codec, Piece

MAX_MEASURED = 2000
"""Largest number of pieces by which real numbers are standardised."""


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus that is ready for training.

    Attributes:
        codec: The codec: fitted on the train split, or the given one.
        datasets: The dataset of each split.
        folder: The folder in the cache.
        report: Plain JSON: numbers of files and pieces per split, skipped files with reasons, what the encoding
            dropped, and remarks.
        content: A digest of the codec and of the datasets; equal digests mean that a training reads equal data.
    """

    codec: AnyCodec
    datasets: Mapping[str, Dataset]
    folder: Path
    report: Mapping[str, Any]
    content: str

    @property
    def features(self) -> int:
        """The number of features of a piece; 0 without features."""
        return max(int(dataset.features.shape[1]) for dataset in self.datasets.values())

    def standardised_space(self) -> Space:
        """Return the space of the steps; that of real numbers with the standardisation of the training pieces.

        At most 2,000 pieces are measured, evenly spread.
        """
        space, train = self.codec.space, self.datasets["train"]
        if not isinstance(space, Mixture) or space.standardisation:
            return space
        numbers = np.unique(np.linspace(0, len(train) - 1, min(len(train), MAX_MEASURED)).astype(np.int64))
        return space.standardised(train.steps(number) for number in numbers.tolist())

    def pieces(self, split: str) -> Iterator[Piece[Any]]:
        """Yield the decoded pieces of a split.

        Raises:
            DecodeError: If steps do not decode; the message names the number of the piece, its split and the corpus.
        """
        dataset = self.datasets[split]
        for number in range(len(dataset)):
            try:
                yield self.codec.decode(dataset.example(number))
            except DecodeError as error:
                root = self.report.get("root") or self.folder
                place = f"piece {number + 1} of the split {split!r} of {root}"
                raise DecodeError(f"the steps of {place} do not decode: {error}") from error


def prepare(
    plugin: AnyPlugin,
    options: Any,
    sources: Sources,
    *,
    codec: AnyCodec | None = None,
    extend: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> PreparedCorpus:
    """Return the datasets of a corpus, prepared now or taken from the cache.

    Example:
        sources = find_sources(["ryans"], reads=plugin.reads, domain=plugin.name)
        datasets = prepare(plugin, plugin.Options(), sources).datasets

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        sources: The files.
        codec: The codec to encode with; None fits one on the train split.
        extend: Whether the given codec is extended for these pieces (`Codec.extended_for`).
        cache: The cache folder; None for `cache_folder()`.
        workers: The number of processes; None for one per core. The result does not depend on it.
        on_message: Called with a description of each stage.

    Raises:
        CorpusError: If nothing could be read.
        ContractError: If the plugin breaks the contract.
        WriteError: If the cache cannot be written.
    """
    preparation = new_preparation(
        plugin, options, sources, codec=codec, extend=extend, cache=cache, workers=workers, on_message=on_message
    )
    with preparation.pool:
        if not preparation.is_finished:
            preparation.run()
        try:
            return open_prepared(preparation)
        except DamagedFileError:
            preparation.clear()
            preparation.run()
            return open_prepared(preparation)


def new_preparation(
    plugin: AnyPlugin,
    options: Any,
    sources: Sources,
    *,
    codec: AnyCodec | None = None,
    extend: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> Preparation:
    """Return the preparation of a corpus, with the arguments of `prepare`; nothing is read yet.

    Raises:
        ContractError: If the options are not plain JSON.
        WriteError: If the folder in the cache cannot be created.
    """
    extend = extend and _can_extend(codec)
    name = prepared_name(plugin, options, sources, codec=codec, extend=extend)
    return Preparation(
        plugin,
        options,
        file_list(dataclasses.replace(file, path=file.path.absolute()) for file in sources.files),
        make_folder((cache or cache_folder()) / "datasets" / name),
        shares=sources.shares or SHARES,
        codec=codec,
        extend=extend,
        workers=workers or os.cpu_count() or 1,
        on_message=on_message,
    )


def open_prepared(preparation: Preparation) -> PreparedCorpus:
    """Return the corpus of a finished preparation.

    Raises:
        DamagedFileError: If a file is missing or damaged.
    """
    report, content = read_report(preparation)
    folder, codec = preparation.folder, preparation.codec
    if codec is None or preparation.extend:
        codec = read_codec(preparation.plugin, folder, preparation.options)
    datasets = open_datasets(folder, codec.space, codec.source, dict(codec.labels))
    return PreparedCorpus(codec, datasets, folder, report, content)


def read_report(preparation: Preparation) -> tuple[dict[str, Any], str]:
    """Return the report and the digest of the content of a finished preparation; its pieces are not opened.

    Raises:
        DamagedFileError: If the manifest is missing or damaged.
    """
    report = dict(_validated_report(preparation.folder, read_manifest(preparation.folder)["report"]))
    content = report.pop("content")
    before, now = report.pop("root", ""), common_root(preparation.files)
    if before and before != now:  # the corpus has moved
        report["reasons"] = [reason.replace(before, now) for reason in report["reasons"]]
    return report, content


def prepared_name(
    plugin: AnyPlugin, options: Any, sources: Sources, *, codec: AnyCodec | None = None, extend: bool = False
) -> str:
    """Return the name of the folder in which `prepare` stores its result.

    It depends on the contents of the files, their names within the corpus, labels and splits, and on the options, the
    codec and the plugin's code. It does not depend on where the corpus is.

    Args:
        plugin: The plugin that reads and encodes.
        options: The plugin's options.
        sources: The files.
        codec: The codec to encode with, as for `prepare`.
        extend: Whether the codec is extended, as for `prepare`.
    """
    extend = extend and _can_extend(codec)
    return f"{_sources_name(plugin, sources)}-{preparation_key(plugin, options, codec, extend=extend)}"


def has_sources(name: str, plugin: AnyPlugin, sources: Sources) -> bool:
    """Return whether a prepared corpus has these files, whatever plugin code and options encoded them.

    Args:
        name: The name of the prepared corpus (`prepared_name`).
        plugin: The plugin.
        sources: The files.
    """
    return name.startswith(f"{_sources_name(plugin, sources)}-")


def _sources_name(plugin: AnyPlugin, sources: Sources) -> str:
    return f"{plugin.name}-{sources_key(sources.files, sources.shares)}"


def _can_extend(codec: AnyCodec | None) -> bool:
    return codec is not None and type(codec).extended_for is not Codec.extended_for


def _validated_report(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
    """Return the report of a manifest.

    Raises:
        DamagedFileError: If a part is missing or has a wrong type.
    """
    pieces, dropped = report.get("pieces"), report.get("dropped")
    valid = (
        isinstance(pieces, dict)
        and isinstance(dropped, dict)
        and are_counts(*(pieces.get(split) for split in SPLITS), *dropped.values())
        and are_counts(*(report.get(name) for name in ("files", "skipped", "dropped_total")))
        and all(are_texts(report.get(name)) for name in ("reasons", "remarks"))
        and isinstance(report.get("content"), str)
    )
    if not valid:
        raise DamagedFileError(f"{folder / MANIFEST} cannot be used: its report has a missing or wrong value")
    return report
