"""Rules of data: corpora that others can install, and models that are small and can be loaded."""

import os
from collections.abc import Iterator
from pathlib import PurePosixPath

from seqforge.corpus.description import FILE, read_corpus
from seqforge.errors import CorpusError, DamagedFileError, listing
from seqforge.modelfile import read_header
from seqforge.publishing.wheel import Wheel

__all__ = ["corpora_are_valid", "files_are_small", "models_can_be_loaded"]

MAX_WHEEL = 100 << 20
"""Largest size of a wheel: PyPI accepts no larger file unless its staff raises the limit."""
MAX_MODEL = 50 << 20
"""Largest size of a model."""
MAX_OTHER = 1 << 20
"""Largest size of a file that is neither a model nor part of a corpus."""


def files_are_small(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The wheel has at most 100 MiB, which is the limit of PyPI, and a model at most 50 MiB.

    A file that is neither a model nor part of a corpus has at most 1 MiB.
    """
    size = wheel.path.stat().st_size
    if size > MAX_WHEEL:
        message = f"has {_mib(size)}, more than the {_mib(MAX_WHEEL)} that PyPI accepts; leave out data, or publish "
        yield wheel.path.name, message + "models with `seqforge push`"
    corpora = wheel.corpus_folders()
    for path in wheel.content():
        size = wheel.sizes[str(path)]
        if _is_model(path):
            if size > MAX_MODEL:
                message = f"has {_mib(size)}, and a model in a package has at most {_mib(MAX_MODEL)}; train a smaller "
                yield str(path), message + "network with `--size`, or publish the model with `seqforge push`"
        elif size > MAX_OTHER and not corpora.intersection(path.parents):
            message = f"has {_mib(size)} and is part of no corpus; leave it out, or describe its folder in a {FILE}"
            yield str(path), message


def models_can_be_loaded(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """Models are in the folder `models` of a plugin's package, can be read, and belong to that plugin.

    They were trained on corpora that others can install.
    """
    folders = {PurePosixPath(point.module.replace(".", "/")) / "models": point.name for point in wheel.plugins()}
    for path in (path for path in wheel.content() if _is_model(path)):
        plugin = folders.get(path.parent)
        if plugin is None:
            message = f"is in no folder in which seqforge looks for models; move it to {listing(map(str, folders))}"
            yield str(path), message
            continue
        try:
            header = read_header(wheel.folder / path)
        except DamagedFileError as error:
            yield str(path), f"{_reason(error, wheel, str(path))}; copy model.safetensors of a run there"
            continue
        if header.plugin != plugin:
            message = f"is a model of the plugin {header.plugin!r}, not of {plugin!r}; copy the model of another run"
            yield str(path), message
        paths = [name for name in header.provenance.get("corpus", []) if "/" in name or "\\" in name or "." in name]
        if paths:
            message = f"was trained on {listing(paths)}, which others do not have; train it on an installed corpus, or "
            yield str(path), message + "state the data by a corpus.toml"


def corpora_are_valid(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """A corpus.toml is valid, and its patterns match files of the wheel.

    An entry point in the group `seqforge.corpora` names the package that contains it.
    """
    announced = {point.value.replace(".", "/") for point in wheel.entry_points if point.group == "seqforge.corpora"}
    for folder in sorted(wheel.corpus_folders()):
        place = f"{folder}/{FILE}"
        if str(folder.parent) not in announced:
            message = f"is announced by no entry point; add the package {folder.parent.name} to the group "
            yield place, message + "`seqforge.corpora` in pyproject.toml"
        try:
            corpus = read_corpus(wheel.folder / folder)
            files = corpus.paths()
        except CorpusError as error:
            yield place, _reason(error, wheel, place)
            continue
        if not files:
            message = (
                f"names {listing(corpus.files)} in `files`, which match no file of the wheel; correct the patterns"
            )
            yield place, message


def _is_model(path: PurePosixPath) -> bool:
    return path.suffix == ".safetensors"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _reason(error: Exception, wheel: Wheel, place: str) -> str:
    """Return the message of an error about a file, without the temporary folder and the file at its beginning."""
    return str(error).replace(f"{wheel.folder}{os.sep}", "").removeprefix(f"{place} ")
