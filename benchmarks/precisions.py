"""The loss of models at each precision of the engine, on their valid splits, in nats per unit.

    python benchmarks/precisions.py                        # the shipped models of text, tunes and chorales
    python benchmarks/precisions.py --model FILE --pieces 200

The pieces are read side by side, so that the kernels for matrix products of many rows are used, as in generation. The
kernels that the processor has are printed. The model must have been trained on installed corpora, without features.
"""

import argparse
import json
from typing import Any

import numpy as np

import seqforge
from seqforge.corpus import find_sources, prepare
from seqforge.inference import Engine, Precision, instruction_set
from seqforge.sampling import Conditions
from seqforge.sampling.scoring import step_log_probabilities

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
MODELS = ("text", "abc", "chorales")


def losses(path: str, *, pieces: int = 0, rows: int = 32) -> dict[str, float]:
    """Return the loss of a model on its valid split at each precision, in nats per unit.

    Args:
        path: The model.
        pieces: The largest number of pieces, the first of the split; 0 for all.
        rows: The number of pieces that are read side by side.
    """
    model = seqforge.load(path)
    sources = find_sources(list(model.header.provenance["corpus"]), reads=model.plugin.reads, domain=model.plugin.name)
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets["valid"]
    examples = [dataset.example(number) for number in range(min(len(dataset), pieces or len(dataset)))]
    no_features = np.zeros(0, np.float32)
    conditions = [Conditions(model.label_numbers(example.labels), no_features) for example in examples]
    units = sum(float(model.codec.units(example.steps).sum()) for example in examples)
    nats: dict[str, float] = {}
    for precision in PRECISIONS:
        logs = step_log_probabilities(Engine(model.weights, precision), examples, conditions, rows=rows)
        nats[precision] = round(-sum(float(of_piece.sum()) for of_piece in logs) / units, 5)
    return nats


def main() -> None:
    """Measure and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="Model whose loss is measured; repeatable.")
    parser.add_argument("--pieces", type=int, default=0, help="Largest number of pieces; 0 for all.")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"instruction set": instruction_set()}
    for path in arguments.model or MODELS:
        results[path] = losses(path, pieces=arguments.pieces)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
