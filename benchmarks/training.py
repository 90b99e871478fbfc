"""Characters a second of training, and the loss after the same minutes, against a plain PyTorch loop.

    python benchmarks/training.py --minutes 3

The peer is what one writes first: nn.Embedding, nn.LSTM, nn.Linear, Adam, float32, the state carried
from window to window; same corpus, same layers, hidden units, embedding, lanes and window as ours, and
the same number of threads. Ours is `seqforge train` with its defaults. Both are timed in this process
by turns, and judged by the same 20 stretches of the last 10 % of the characters, each with a lead-in.

The floor: a step of n rows costs 6 n W operations, W being the weights of the matrices (forward 2,
backward 4). What a large matrix product reaches here is measured first, so the share of it that each
side gets is printed too.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from _corpus import tinyshakespeare
from seqforge.api.settings import Settings
from torch import Tensor, nn
from torch.nn import functional

import seqforge
from seqforge.training import Ended, Progress

STRETCHES, LEAD, COUNTED = 20, 300, 2000


class Plain(nn.Module):
    """The loop's network."""

    def __init__(self, letters: int, settings: Settings) -> None:
        super().__init__()
        width, hidden = settings.embedding or 1, settings.hidden or 1
        self.embedding = nn.Embedding(letters, width)
        self.lstm = nn.LSTM(width, hidden, settings.layers or 1)
        self.output = nn.Linear(hidden, letters)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(steps), state)
        return self.output(hidden), state


def train_plain(settings: Settings, minutes: float, letters: int, train: Tensor) -> tuple[Plain, float]:
    """Train the peer for so many minutes; return it and its characters a second."""
    torch.manual_seed(0)
    network = Plain(letters, settings)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    lanes, window = settings.batch_size, settings.window
    share = len(train) // lanes
    columns = train[: share * lanes].view(lanes, share).t().contiguous()
    began, seen, at = time.perf_counter(), 0, 0
    state = None
    while time.perf_counter() - began < 60 * minutes:
        if at + window + 1 > share:
            at, state = 0, None
        outputs, state = network(columns[at : at + window], state)
        state = (state[0].detach(), state[1].detach())
        loss = functional.cross_entropy(outputs.flatten(0, 1), columns[at + 1 : at + window + 1].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        at, seen = at + window, seen + lanes * window
    return network.eval(), seen / (time.perf_counter() - began)


@torch.no_grad()
def judge_plain(network: Plain, valid: Tensor) -> float:
    """Return the peer's loss on the stretches."""
    firsts = torch.linspace(0, len(valid) - LEAD - COUNTED - 1, STRETCHES).long().tolist()
    read = torch.stack([valid[first : first + LEAD + COUNTED] for first in firsts], 1)
    wanted = torch.stack([valid[first + 1 : first + LEAD + COUNTED + 1] for first in firsts], 1)
    outputs, _ = network(read, None)
    losses = functional.cross_entropy(outputs.flatten(0, 1), wanted.flatten(), reduction="none")
    return float(losses.view_as(wanted)[LEAD:].mean())


def judge_ours(model: seqforge.Model, valid: Tensor, letters: list[str]) -> float:
    """Return our loss on the stretches: what follows the lead-in, given it."""
    nats = 0.0
    for first in torch.linspace(0, len(valid) - LEAD - COUNTED - 1, STRETCHES).long().tolist():
        text = "".join(letters[number] for number in valid[first : first + LEAD + COUNTED + 1].tolist())
        nats += without_end(model, text) - without_end(model, text[: LEAD + 1])
    return nats / (STRETCHES * COUNTED)


def without_end(model: seqforge.Model, text: str) -> float:
    """Return the nats of a text's characters alone: a score also counts that the piece ends."""
    return model.score(text).nats + math.log(model.next(text)[None])


def peak(kind: torch.dtype) -> float:
    """Return the operations a second of a large matrix product."""
    a, b = torch.randn(2048, 1024, dtype=kind), torch.randn(1024, 2048, dtype=kind)
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2 * 2048 * 1024 * 2048 / best


def main() -> None:
    """Train both by turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    asked = parser.parse_args()
    settings = Settings().resolved()
    train, valid, letters = tinyshakespeare()
    peaks = {kind: peak(kind) for kind in (torch.float32, torch.bfloat16)}
    network, plain_speed = train_plain(settings, asked.minutes, len(letters), train)
    plain_loss = judge_plain(network, valid)
    events: list[object] = []
    with tempfile.TemporaryDirectory() as folder:
        model = seqforge.train(
            "text",
            corpus="tinyshakespeare",
            minutes=asked.minutes,
            run=Path(folder) / "run",
            on_event=events.append,
        )
    progress = [event for event in events if isinstance(event, Progress)]
    end = next(event for event in events if isinstance(event, Ended))
    our_speed = sum(e.units_per_second for e in progress) / len(progress)
    our_loss = judge_ours(model, valid, letters)
    weights = sum(p.numel() for p in model.network.parameters() if p.ndim == 2)
    told = {
        "plain": {"characters_per_second": round(plain_speed), "nats_per_character": round(plain_loss, 4)},
        "seqforge": {
            "characters_per_second": round(our_speed),
            "characters_per_second_with_validation_and_saving": round(end.t * 2048 / (60 * end.minutes)),
            "nats_per_character": round(our_loss, 4),
        },
        "speed_ratio": round(our_speed / plain_speed, 2),
        "share_of_peak": {
            "plain_float32": round(6 * weights * plain_speed / peaks[torch.float32], 2),
            "seqforge_bfloat16": round(6 * weights * our_speed / peaks[torch.bfloat16], 2),
        },
    }
    print(json.dumps(told, indent=2))
    print(f"speed: {told['speed_ratio']} times the plain loop's (goal 2)")


if __name__ == "__main__":
    main()
