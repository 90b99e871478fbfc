"""Average the weights of models of the same network, and write the result as a model file.

python -m tools.average_models first.safetensors second.safetensors third.safetensors -o averaged.safetensors

Models that continued from the same model, and that model itself, are usually connected by weights of low loss: their
average can be better than each of them (M. Wortsman et al., "Model soups", ICML 2022, and "Robust fine-tuning of
zero-shot models", CVPR 2022, section 3). The result has the header of the last model, and its provenance names the
others and the weights.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqforge import Model, load
from seqforge.errors import SeqforgeError
from seqforge.modelfile import write_model

__all__ = ["average_models"]


def average_models(models: Sequence[Model], path: Path, *, weights: Sequence[float] | None = None) -> None:
    """Write the average of models.

    Example:
        average_models([load("first.safetensors"), load("second.safetensors")], Path("averaged.safetensors"))

    Args:
        models: The models, each of which started from the first one or from another one of them.
        path: The file to write.
        weights: The weight of each model, which add up to 1; None for equal weights.

    Raises:
        ValueError: If the networks differ, or there is not one weight per model.
    """
    shares = [1 / len(models)] * len(models) if weights is None else list(weights)
    if len(shares) != len(models) or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"{len(models)} models need as many weights, which add up to 1; the weights are {shares}")
    last = models[-1]
    for model in models:
        if model.header.network != last.header.network or model.header.space != last.header.space:
            raise ValueError("the networks of the models differ; average a model with one that started from it")
        if model.arrays().keys() != last.arrays().keys():
            raise ValueError("one of the models has members; average models with as many members")
    arrays = {name: np.zeros(array.shape, np.float32) for name, array in last.arrays().items()}
    for model, share in zip(models, shares, strict=True):
        for name, array in model.arrays().items():
            arrays[name] += share * np.asarray(array, np.float32)
    others = [model.name for model in models[:-1]]
    provenance = {**last.header.provenance, "averaged_with": others, "weights": shares}
    provenance.pop("valid_nats_per_unit", None)
    write_model(path, dataclasses.replace(last.header, provenance=provenance), arrays)


def main() -> None:
    """Write the average, and evaluate it and all models on the valid split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run folders, model files or names of shipped models")
    parser.add_argument("--weights", nargs="+", type=float, help="the weight of each model; default: equal weights")
    parser.add_argument("--corpus", help="an installed corpus on which the models are evaluated; default: their own")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    try:
        models = [load(name) for name in arguments.models]
        average_models(models, arguments.output, weights=arguments.weights)
        for model in (*models, load(arguments.output)):
            loss = model.evaluate(arguments.corpus, split="valid").nats_per_unit
            sys.stdout.write(f"{model.name}: {loss:.4f} nats per {model.header.unit} on valid\n")
        header = dataclasses.replace(model.header, provenance={**model.header.provenance, "valid_nats_per_unit": loss})
        write_model(arguments.output, header, model.arrays())
    except (SeqforgeError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
