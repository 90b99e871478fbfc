"""Average the weights of two models of the same network, and write the result as a model file.

python -m tools.average_models first.safetensors second.safetensors --weight 0.5 -o averaged.safetensors

A model that continued from another one on other data, and the model from which it started, are usually connected by
weights of low loss: their average can be better than both on the data of both (M. Wortsman et al., "Robust fine-tuning
of zero-shot models", CVPR 2022, section 3). The result has the header of the second model, and its provenance names the
first one and the weight.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

from seqforge import Model, load
from seqforge.errors import SeqforgeError
from seqforge.modelfile import write_model

__all__ = ["average_models"]


def average_models(first: Model, second: Model, weight: float, path: Path) -> None:
    """Write the average of two models.

    Example:
        average_models(load("first.safetensors"), load("second.safetensors"), 0.5, Path("averaged.safetensors"))

    Args:
        first: The model from which the second one started.
        second: The second model.
        weight: The weight of the second model, from 0 to 1.
        path: The file to write.

    Raises:
        ValueError: If the networks differ.
    """
    if first.header.network != second.header.network or first.header.space != second.header.space:
        raise ValueError("the networks of the models differ; average a model with one that started from it")
    after = second.arrays()
    if first.arrays().keys() != after.keys():
        raise ValueError("one of the models has members; average models with as many members")
    arrays = {
        name: (1 - weight) * np.asarray(before, np.float32) + weight * np.asarray(after[name], np.float32)
        for name, before in first.arrays().items()
    }
    provenance = {**second.header.provenance, "averaged_with": first.name, "weight": weight}
    provenance.pop("valid_nats_per_unit", None)
    write_model(path, dataclasses.replace(second.header, provenance=provenance), arrays)


def main() -> None:
    """Write the average, and evaluate all three models on the valid split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="a run folder, a model file or the name of a shipped model")
    parser.add_argument("second", help="a run folder or a model file that started from the first model")
    parser.add_argument("--weight", type=float, default=0.5, help="the weight of the second model")
    parser.add_argument("--corpus", help="an installed corpus on which the models are evaluated; default: their own")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    try:
        first, second = load(arguments.first), load(arguments.second)
        average_models(first, second, arguments.weight, arguments.output)
        for model in (first, second, load(arguments.output)):
            loss = model.evaluate(arguments.corpus, split="valid").nats_per_unit
            sys.stdout.write(f"{model.name}: {loss:.4f} nats per {model.header.unit} on valid\n")
        header = dataclasses.replace(model.header, provenance={**model.header.provenance, "valid_nats_per_unit": loss})
        write_model(arguments.output, header, model.arrays())
    except (SeqforgeError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
