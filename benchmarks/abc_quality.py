"""How well tunes are modelled: our model of tokens against a plain LSTM of characters, in nats a note.

    python benchmarks/abc_quality.py --minutes 5

Both learn the same training tunes (cre, oneills1850, ryans) for the same minutes, one after the other, and are
judged by the same held-out test tunes, head and end included. The peer (`_peer.py`: nn.LSTM, Adam, float32, as many
parameters) reads the canonical text: R, M, L and K field and the music, as seqforge writes it. A tune's tokens and
its canonical text say the same thing in two ways, so both losses are per note and per character of that text.
"""

import argparse
import json
import tempfile
from pathlib import Path

from _peer import nats_of, peer_of, train_peer
from _tunes import BOOKS, tunes

import seqforge
from seqforge_abc.writing import tune_to_abc


def text_of(piece: seqforge.Piece) -> str:
    """Return the canonical text of a tune: its fields but X and T, and its music."""
    return "".join(f"{line}\n" for line in tune_to_abc(piece.content).splitlines() if line[:2] not in ("X:", "T:"))


def main() -> None:
    """Train both and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    codec, sides = tunes()
    texts = {side: [text_of(piece) for piece in pieces] for side, pieces in sides.items()}
    letters = {letter: number for number, letter in enumerate(sorted(set().union(*texts["train"])), 1)}
    written = {side: [[letters.get(letter, 1) for letter in text] for text in texts[side]] for side in texts}
    notes = sum(float(codec.units(codec.encode(piece).steps).sum()) for piece in sides["test"])
    characters = sum(map(len, texts["test"]))
    with tempfile.TemporaryDirectory() as folder:
        ours = seqforge.train("abc", corpus=BOOKS, minutes=asked.minutes, run=Path(folder) / "run")
        found = ours.evaluate(BOOKS, split="test")
    parameters = ours.network.parameter_count()
    network = peer_of(parameters, 1 + len(letters))
    train_peer(network, written["train"], asked.minutes)
    theirs = nats_of(network.eval(), written["test"])
    told = {
        "tunes": len(texts["test"]), "notes": notes, "characters": characters, "minutes": asked.minutes,
        "seqforge": {
            "parameters": parameters,
            "nats_per_note": round(found.nats / notes, 4),
            "nats_per_character": round(found.nats / characters, 4),
        },
        "plain_lstm_of_characters": {
            "parameters": sum(p.numel() for p in network.parameters()),
            "nats_per_note": round(theirs / notes, 4),
            "nats_per_character": round(theirs / characters, 4),
        },
    }  # fmt: skip
    print(json.dumps(told, indent=2))
    print(f"nats per note: {found.nats / theirs:.3f} of the plain model's")


if __name__ == "__main__":
    main()
