"""Fit the codec of a model anew to a corpus, so that a training on this corpus can start from the model.

python -m tools.refit_codec out/models/pretrained --corpus jsb -o out/models/start.safetensors

A model that was trained on one corpus keeps the statistics of that corpus, such as the ranges of the instruments and
the frequencies of the keys, when it is trained further with `--init`. The result has the weights of the model and the
codec of the other corpus. The steps must have the same meaning in both.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

from seqforge import Model, load
from seqforge.api.model_sources import sources_of_model
from seqforge.corpus import prepare
from seqforge.dataset import Dataset
from seqforge.errors import SeqforgeError
from seqforge.modelfile import write_model
from seqforge.plugin.validation import validate_state

__all__ = ["refit_codec"]


def refit_codec(model: Model, corpus: str | None, path: Path) -> None:
    """Write a model with its weights and the codec of another corpus, or that of its own corpora fitted anew.

    Example:
        refit_codec(load("runs/midi/0001"), "jsb", Path("start.safetensors"))

    Args:
        model: The model. Its options, such as the encoding, are kept.
        corpus: The name of an installed corpus, a folder or a file; None for the corpora of the model.
        path: The file to write.

    Raises:
        ValueError: If the steps of a training piece, or the labels, differ between both codecs.
    """
    _, sources = sources_of_model(model.plugin, model.path, model.header.provenance, corpus, None)
    fitted, encoded = (prepare(model.plugin, model.options, sources, codec=codec) for codec in (None, model.codec))
    codec, pieces = fitted.codec, [prepared.datasets["train"] for prepared in (fitted, encoded)]
    if codec.space != model.codec.space or codec.labels != model.codec.labels or not _have_equal_steps(*pieces):
        name = corpus or "the corpora"
        raise ValueError(f"the steps or labels of {name} differ from those of {model.name}; name a similar corpus")
    data, arrays = validate_state(model.plugin, codec)
    header = dataclasses.replace(model.header, codec={"version": codec.version, "data": data}, arrays=arrays)
    write_model(path, header, model.arrays())


def _have_equal_steps(first: Dataset, second: Dataset) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(first.example(number).steps, second.example(number).steps) for number in range(len(first))
    )


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a run folder or a model file")
    parser.add_argument("--corpus", help="an installed corpus, a folder or a file; by default those of the model")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    try:
        refit_codec(load(arguments.model), arguments.corpus, arguments.output)
    except (SeqforgeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
