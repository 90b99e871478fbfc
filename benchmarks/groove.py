"""How well beats are modelled: ours against a plain LSTM on the same steps, in nats a stroke.

    python benchmarks/groove.py --minutes 5

Both learn the 152 training beats of the Groove MIDI Dataset's official split (those that are bundled) for the same
minutes, one after the other, from the same steps: bars, sixteenths, how far a stroke is off (in 48ths of a quarter),
drum and loudness. Ours reads style and tempo as labels too. Both are judged by the 34 test beats, ends included, and
never see them before. The peer is `_peer.py`: nn.LSTM, Adam, float32, as many parameters; it is given no labels.
"""

import argparse
import json
import tempfile
from pathlib import Path

from _peer import nats_of, peer_of, train_peer

import seqforge
from seqforge.corpus import find_sources, prepare


def main() -> None:
    """Train both and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"hidden": 256, "dropout": 0.4, "recurrent_dropout": 0.3}  # as the model that ships
        ours = seqforge.train("midi", corpus="groove", minutes=asked.minutes, run=Path(folder) / "run", **settings)
        found = {side: ours.evaluate("groove", split=side) for side in ("valid", "test")}
    sources = find_sources(["groove"], reads=ours.plugin.reads, domain="midi")
    prepared = prepare(ours.plugin, ours.options, sources, codec=ours.codec)
    steps = {
        side: [[1 + step for step in data.example(number).steps.tolist()] for number in range(len(data))]
        for side, data in prepared.datasets.items()
    }
    parameters = ours.network.parameter_count()
    network = peer_of(parameters, 1 + ours.codec.space.size)
    train_peer(network, steps["train"], asked.minutes)
    network.eval()
    theirs = {side: nats_of(network, steps[side]) / found[side].units for side in found}
    told = {
        "minutes": asked.minutes,
        "strokes": {side: found[side].units for side in found},
        "seqforge": {"parameters": parameters} | {side: round(found[side].nats_per_unit, 4) for side in found},
        "plain_lstm": {"parameters": sum(p.numel() for p in network.parameters())}
        | {side: round(theirs[side], 4) for side in found},
    }
    print(json.dumps(told, indent=2))
    print(f"nats per stroke on test: {found['test'].nats_per_unit / theirs['test']:.3f} of the plain model's")


if __name__ == "__main__":
    main()
