"""Characters per second of training and the loss after the same time, compared with a plain PyTorch loop.

    python benchmarks/training.py --minutes 3

The baseline is nn.Embedding, nn.LSTM, nn.Linear and Adam in float32, with the hidden state carried over from batch to
batch: the same corpus, layers, hidden units, embedding, batch size, BPTT length and number of threads as seqforge,
which runs with its defaults. Both are trained in this process one after the other. Both are evaluated on the same 20
excerpts of the last 10 % of the characters; the first 300 characters of an excerpt are read but not counted.

The floor: a step over n positions takes 6 n W operations, W being the number of weights of the matrices (2 forward,
4 backward). The rate of a large matrix product on this machine is measured first, and the share of it that each side
reaches is printed too.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import torch
from _corpus import tinyshakespeare
from torch import Tensor, nn
from torch.nn import functional

import seqforge
from seqforge.training import Ended, Progress, TrainingConfig

EXCERPTS, BURN_IN, COUNTED = 20, 300, 2000


class PlainLSTM(nn.Module):
    """The baseline network."""

    def __init__(self, symbols: int, config: TrainingConfig) -> None:
        super().__init__()
        width, hidden = config.embedding or 1, config.hidden or 1
        self.embedding = nn.Embedding(symbols, width)
        self.lstm = nn.LSTM(width, hidden, config.layers or 1)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, steps: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, state = self.lstm(self.embedding(steps), state)
        return self.output(hidden), state


def train_baseline(config: TrainingConfig, minutes: float, symbols: int, train: Tensor) -> tuple[PlainLSTM, float]:
    """Train the baseline for a number of minutes; return it and its characters per second."""
    torch.manual_seed(0)
    network = PlainLSTM(symbols, config)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    rows, length = config.batch_size, config.bptt
    share = len(train) // rows
    columns = train[: share * rows].view(rows, share).t().contiguous()
    start, characters, first = time.perf_counter(), 0, 0
    state = None
    while time.perf_counter() - start < 60 * minutes:
        if first + length + 1 > share:
            first, state = 0, None
        outputs, state = network(columns[first : first + length], state)
        state = (state[0].detach(), state[1].detach())
        targets = columns[first + 1 : first + length + 1]
        loss = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        first, characters = first + length, characters + rows * length
    return network.eval(), characters / (time.perf_counter() - start)


@torch.no_grad()
def evaluate_baseline(network: PlainLSTM, valid: Tensor) -> float:
    """Return the loss of the baseline on the excerpts, in nats per character."""
    starts = torch.linspace(0, len(valid) - BURN_IN - COUNTED - 1, EXCERPTS).long().tolist()
    inputs = torch.stack([valid[start : start + BURN_IN + COUNTED] for start in starts], 1)
    targets = torch.stack([valid[start + 1 : start + BURN_IN + COUNTED + 1] for start in starts], 1)
    outputs, _ = network(inputs, None)
    losses = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return float(losses.view_as(targets)[BURN_IN:].mean())


def evaluate_seqforge(model: seqforge.Model, valid: Tensor, symbols: list[str]) -> float:
    """Return the loss of a model on the excerpts, in nats per character."""
    nats = 0.0
    for start in torch.linspace(0, len(valid) - BURN_IN - COUNTED - 1, EXCERPTS).long().tolist():
        text = "".join(symbols[number] for number in valid[start : start + BURN_IN + COUNTED + 1].tolist())
        nats += nats_without_end(model, text) - nats_without_end(model, text[: BURN_IN + 1])
    return nats / (EXCERPTS * COUNTED)


def nats_without_end(model: seqforge.Model, text: str) -> float:
    """Return the nats of the characters of a text; a score also includes the end of the piece."""
    return model.score(text).nats + math.log(model.next(text)[None])


def measure_peak(dtype: torch.dtype) -> float:
    """Return the operations per second of a large matrix product."""
    a, b = torch.randn(2048, 1024, dtype=dtype), torch.randn(1024, 2048, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 2048 * 1024 * 2048 / best


def main() -> None:
    """Train both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    arguments = parser.parse_args()
    config = TrainingConfig().resolved()
    train, valid, symbols = tinyshakespeare()
    peaks = {dtype: measure_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    network, baseline_speed = train_baseline(config, arguments.minutes, len(symbols), train)
    baseline_loss = evaluate_baseline(network, valid)
    events: list[object] = []
    with tempfile.TemporaryDirectory() as folder:
        model = seqforge.train(
            "text",
            corpus="tinyshakespeare",
            minutes=arguments.minutes,
            run=Path(folder) / "run",
            on_event=events.append,
        )
    progress = [event for event in events if isinstance(event, Progress)]
    end = next(event for event in events if isinstance(event, Ended))
    speed = sum(event.units_per_second for event in progress) / len(progress)
    loss = evaluate_seqforge(model, valid, symbols)
    weights = sum(p.numel() for p in model.network.parameters() if p.ndim == 2)
    characters_per_step = config.batch_size * config.bptt
    results = {
        "plain": {"characters_per_second": round(baseline_speed), "nats_per_character": round(baseline_loss, 4)},
        "seqforge": {
            "characters_per_second": round(speed),
            "characters_per_second_with_validation_and_saving": round(end.t * characters_per_step / (60 * end.minutes)),
            "nats_per_character": round(loss, 4),
        },
        "speed_ratio": round(speed / baseline_speed, 2),
        "share_of_peak": {
            "plain_float32": round(6 * weights * baseline_speed / peaks[torch.float32], 2),
            "seqforge_bfloat16": round(6 * weights * speed / peaks[torch.bfloat16], 2),
        },
    }
    print(json.dumps(results, indent=2))
    print(f"speed: {results['speed_ratio']} times that of the plain loop (goal 2)")


if __name__ == "__main__":
    main()
