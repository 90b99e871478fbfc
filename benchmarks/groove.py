"""The loss of seqforge on drum beats compared with a plain LSTM on the same steps, in nats per stroke.

    python benchmarks/groove.py --minutes 5

Both are trained on the 152 bundled training beats of the official split of the Groove MIDI Dataset for the same time,
one after the other, on the same steps: bars, sixteenths, time shifts (in 48ths of a quarter note), drums and
velocities. seqforge reads style and tempo as labels too. Both are evaluated on the 34 test beats, ends included. The
baseline is that of `_peer.py`: nn.LSTM and Adam in float32 with as many parameters, without labels.
"""

import argparse
import json
import tempfile
from pathlib import Path

from _peer import nats_of, peer_of, train_peer

import seqforge
from seqforge.corpus import find_sources, prepare

OPTIONS = {"hidden": 256, "dropout": 0.4, "recurrent_dropout": 0.3}
"""The options of the shipped model."""
SPLITS = ("valid", "test")


def main() -> None:
    """Train both and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        model = seqforge.train("midi", corpus="groove", minutes=minutes, run=Path(folder) / "run", **OPTIONS)
        evaluations = {split: model.evaluate("groove", split=split) for split in SPLITS}
    sources = find_sources(["groove"], reads=model.plugin.reads, domain="midi")
    prepared = prepare(model.plugin, model.options, sources, codec=model.codec)
    steps = {
        split: [[1 + step for step in dataset.example(number).steps.tolist()] for number in range(len(dataset))]
        for split, dataset in prepared.datasets.items()
    }
    parameters = model.network.parameter_count()
    baseline = peer_of(parameters, 1 + model.codec.space.size)  # type: ignore[attr-defined]
    train_peer(baseline, steps["train"], minutes)
    baseline.eval()
    losses = {split: evaluations[split].nats_per_unit for split in SPLITS}
    baseline_losses = {split: nats_of(baseline, steps[split]) / evaluations[split].units for split in SPLITS}
    results = {
        "minutes": minutes,
        "strokes": {split: evaluations[split].units for split in SPLITS},
        "seqforge": {"parameters": parameters} | {split: round(losses[split], 4) for split in SPLITS},
        "plain_lstm": {"parameters": sum(p.numel() for p in baseline.parameters())}
        | {split: round(baseline_losses[split], 4) for split in SPLITS},
    }
    print(json.dumps(results, indent=2))
    print(f"nats per stroke on test: {losses['test'] / baseline_losses['test']:.3f} of the plain model")


if __name__ == "__main__":
    main()
