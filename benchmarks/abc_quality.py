"""How well tunes are modelled: our model of tokens against a plain LSTM of characters, in nats a note.

    python benchmarks/abc_quality.py --minutes 5

Both learn the same training tunes (cre, oneills1850, ryans) for the same minutes, one after the other, and are
judged by the same held-out test tunes, head and end included. The peer is what one writes first: nn.Embedding,
nn.LSTM, nn.Linear, Adam, float32, on the canonical text (R, M, L and K field and the music, as seqforge writes
it), the state carried from tune to tune, and made as wide as it must be to have as many parameters as ours. A
tune's tokens and its canonical text say the same thing in two ways, so both losses are per note and per
character of that text.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

import torch
from _tunes import BOOKS, tunes
from torch import Tensor, nn
from torch.nn import functional

import seqforge
from seqforge_abc.writing import tune_to_abc

END = "\0"
LANES, WINDOW, EMBEDDING, LAYERS = 32, 64, 128, 2


def text_of(piece: seqforge.Piece) -> str:
    """Return the canonical text of a tune: its fields but X and T, and its music."""
    return "".join(f"{line}\n" for line in tune_to_abc(piece.content).splitlines() if line[:2] not in ("X:", "T:"))


class Plain(nn.Module):
    """The peer."""

    def __init__(self, letters: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.output = nn.Linear(hidden, letters)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(steps), state)
        return self.output(hidden), state


def peer_of(parameters: int, letters: int) -> Plain:
    """Return the peer with as many parameters, to the nearest unit of its width."""

    def size(hidden: int) -> int:
        first = 4 * hidden * (EMBEDDING + hidden + 2)
        return letters * EMBEDDING + first + 4 * hidden * (2 * hidden + 2) + (hidden + 1) * letters

    return Plain(letters, min(range(64, 2048), key=lambda hidden: abs(size(hidden) - parameters)))


def train_peer(network: Plain, texts: list[str], letters: dict[str, int], minutes: float) -> None:
    """Train the peer on the texts, shuffled in every epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    began, shuffle = time.perf_counter(), random.Random(0)
    while True:
        shuffle.shuffle(texts)
        stream = torch.tensor([letters[letter] for letter in END + END.join(texts) + END])
        share = len(stream) // LANES
        columns = stream[: share * LANES].view(LANES, share).t().contiguous()
        state = None
        for at in range(0, share - WINDOW - 1, WINDOW):
            if time.perf_counter() - began > 60 * minutes:
                return
            outputs, state = network(columns[at : at + WINDOW], state)
            state = (state[0].detach(), state[1].detach())
            wanted = columns[at + 1 : at + WINDOW + 1]
            loss = functional.cross_entropy(outputs.flatten(0, 1), wanted.flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()


@torch.no_grad()
def nats_of(network: Plain, texts: list[str], letters: dict[str, int]) -> float:
    """Return the peer's nats for all texts, each from a fresh state, its end included."""
    total = 0.0
    for text in texts:
        steps = torch.tensor([letters.get(letter, 0) for letter in END + text + END]).unsqueeze(1)
        outputs, _ = network(steps[:-1], None)
        total += float(functional.cross_entropy(outputs[:, 0], steps[1:, 0], reduction="sum"))
    return total


def main() -> None:
    """Train both and print the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    asked = parser.parse_args()
    codec, sides = tunes()
    texts = {side: [text_of(piece) for piece in pieces] for side, pieces in sides.items()}
    letters = {letter: number for number, letter in enumerate(sorted({END}.union(*texts["train"])))}
    notes = sum(float(codec.units(codec.encode(piece).steps).sum()) for piece in sides["test"])
    characters = sum(map(len, texts["test"]))
    with tempfile.TemporaryDirectory() as folder:
        ours = seqforge.train("abc", corpus=BOOKS, minutes=asked.minutes, run=Path(folder) / "run")
        found = ours.evaluate(BOOKS, split="test")
    parameters = ours.network.parameter_count()
    network = peer_of(parameters, len(letters))
    train_peer(network, texts["train"], letters, asked.minutes)
    theirs = nats_of(network.eval(), texts["test"], letters)
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
