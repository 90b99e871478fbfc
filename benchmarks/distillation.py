"""A small model that also learns from the predictions of a larger one, beside the same model without it, in one run.

    python benchmarks/distillation.py --teacher text --steps 600

Both are trained by `seqforge.train` for the same number of steps on the corpus of the teacher, with the same seed, and
measured on its held-out split. The processor time of the distilled one contains the predictions of the teacher, which
are computed in every step (G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", arXiv
1503.02531). A third model is trained alone for as many steps as take the same processor time.
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

import seqforge


def main() -> None:
    """Train the three, and print their losses and processor times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="text", help="the larger model")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps of each small model")
    parser.add_argument("--hidden", type=int, default=256, help="units per layer of the small models")
    parser.add_argument("--layers", type=int, default=1, help="layers of the small models")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    teacher = seqforge.load(arguments.teacher)
    print("model\tparameters\tsteps\tseconds of processor time\tnats per unit")
    evaluation = teacher.evaluate()
    print(f"teacher\t{teacher.network.parameter_count()}\t-\t-\t{evaluation.nats_per_unit:.4f}", flush=True)
    steps, seconds = arguments.steps, dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("alone", "distilled", "alone, same time"):
            if name == "alone, same time":
                steps = round(arguments.steps * seconds["distilled"] / seconds["alone"])
            start = time.process_time()
            model = seqforge.train(
                teacher.plugin.name, run=Path(folder) / name, steps=steps, hidden=arguments.hidden,
                layers=arguments.layers, threads=1, seed=0,
                distil=arguments.teacher if name == "distilled" else None,
            )  # fmt: skip
            seconds[name], nats = time.process_time() - start, model.evaluate().nats_per_unit
            size = model.network.parameter_count()
            print(f"{name}\t{size}\t{steps}\t{seconds[name]:.0f}\t{nats:.4f}", flush=True)


if __name__ == "__main__":
    main()
