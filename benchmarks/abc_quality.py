"""Loss on held-out tunes: the token model of seqforge and a plain LSTM on characters, in nats per note.

    python benchmarks/abc_quality.py --minutes 5

Both models are trained on the same tunes (cre, oneills1850, ryans) for the same number of minutes, one after the
other, and evaluated on the same test split, including the header and the end of each tune. The baseline (`_peer.py`:
nn.LSTM, Adam, float32, the same number of parameters) reads the canonical text: the fields R, M, L and K and the music
as seqforge writes them. The tokens and the canonical text of a tune contain the same information, so both losses are
comparable per note and per character of the text.
"""

import argparse
import json
import tempfile
from pathlib import Path

from _peer import nats_of, peer_of, train_peer
from _tunes import BOOKS, tunes

import seqforge
from seqforge_abc import Tune
from seqforge_abc.writer import tune_to_abc


def canonical_text(piece: seqforge.Piece[Tune]) -> str:
    """Return the canonical text of a tune: the header without X and T, and the music."""
    return "".join(f"{line}\n" for line in tune_to_abc(piece.content).splitlines() if line[:2] not in ("X:", "T:"))


def main() -> None:
    """Train both models and print their losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="training time of each model")
    args = parser.parse_args()
    codec, splits = tunes()
    texts = {split: [canonical_text(piece) for piece in pieces] for split, pieces in splits.items()}
    index = {character: number for number, character in enumerate(sorted(set().union(*texts["train"])), 1)}
    encoded = {split: [[index.get(character, 1) for character in text] for text in texts[split]] for split in texts}
    notes = sum(float(codec.units(codec.encode(piece).steps).sum()) for piece in splits["test"])
    characters = sum(map(len, texts["test"]))
    with tempfile.TemporaryDirectory() as folder:
        model = seqforge.train("abc", corpus=BOOKS, minutes=args.minutes, run=Path(folder) / "run")
        evaluation = model.evaluate(BOOKS, split="test")
    parameters = model.network.parameter_count()
    baseline = peer_of(parameters, 1 + len(index))
    train_peer(baseline, encoded["train"], args.minutes)
    baseline_nats = nats_of(baseline.eval(), encoded["test"])
    report = {
        "tunes": len(texts["test"]), "notes": notes, "characters": characters, "minutes": args.minutes,
        "seqforge": {
            "parameters": parameters,
            "nats_per_note": round(evaluation.nats / notes, 4),
            "nats_per_character": round(evaluation.nats / characters, 4),
        },
        "plain_lstm_of_characters": {
            "parameters": sum(p.numel() for p in baseline.parameters()),
            "nats_per_note": round(baseline_nats / notes, 4),
            "nats_per_character": round(baseline_nats / characters, 4),
        },
    }  # fmt: skip
    print(json.dumps(report, indent=2))
    print(f"nats per note: {evaluation.nats / baseline_nats:.3f} of the baseline")


if __name__ == "__main__":
    main()
