"""The time that a training needs to reach the losses of a plain PyTorch loop, and the loss after equal minutes.

    python benchmarks/training.py --minutes 1 3 10 --budgets 0.1 0.2 0.4 0.8 1.6

The baseline is nn.Embedding, nn.LSTM, nn.Linear and Adam in float32 with the layers, hidden units, embedding, batch
size, BPTT length and number of threads of seqforge's size "medium"; the hidden state is carried over from batch to
batch. It is trained once, and evaluated after each of `--minutes`. seqforge is trained with its defaults for each of
`--budgets`, on the same corpus in the same process. All are evaluated on the same 20 excerpts of the last 10 % of the
characters of tinyshakespeare; the first 300 characters of an excerpt are read but not counted.

The time that seqforge needs for a loss is read off a line through its two nearest budgets (loss over the logarithm of
the time). Its times are those of the whole call: preparation of the corpus, choice of the size, validation, saving.

The floor: a step over n positions takes 6 n W operations, W being the number of weights of the matrices (2 forward,
4 backward). The rate of a large matrix product on this machine is measured first, and the share of it that each side
reaches is printed too.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from _corpus import tinyshakespeare
from _peer import LENGTH, ROWS, PlainLSTM, train_step
from torch import Tensor
from torch.nn import functional

import seqforge
from seqforge.training import Progress, TrainingConfig

EXCERPTS, BURN_IN, COUNTED = 20, 300, 2000


def train_baseline(hidden: int, minutes: list[float], symbols: int, train: Tensor, valid: Tensor) -> dict[str, Any]:
    """Train the baseline; return its characters per second, and its losses after numbers of minutes."""
    torch.manual_seed(0)
    network = PlainLSTM(symbols, hidden)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    share = len(train) // ROWS
    columns = train[: share * ROWS].view(ROWS, share).t().contiguous()
    seconds, characters, first, losses = 0.0, 0, 0, {}
    state = None
    for mark in sorted(minutes):
        start = time.perf_counter()
        while seconds + time.perf_counter() - start < 60 * mark:
            if first + LENGTH + 1 > share:
                first, state = 0, None
            state = train_step(network, optimiser, columns, first, state)
            first, characters = first + LENGTH, characters + ROWS * LENGTH
        seconds += time.perf_counter() - start
        losses[mark] = evaluate_baseline(network.eval(), valid)
        network.train()
    weights = sum(p.numel() for p in network.lstm.parameters() if p.ndim == 2)
    return {"characters_per_second": characters / seconds, "losses": losses, "weights": weights}


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


def train_seqforge(minutes: float, valid: Tensor, symbols: list[str]) -> dict[str, float]:
    """Train with the defaults; return minutes of the whole call, loss, units and characters per second."""
    events: list[object] = []
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = seqforge.train(
            "text", corpus="tinyshakespeare", minutes=minutes, run=Path(folder) / "run", on_event=events.append
        )
        elapsed = (time.perf_counter() - start) / 60
    progress = [event for event in events if isinstance(event, Progress)]
    return {
        "budget": minutes,
        "minutes": elapsed,
        "nats_per_character": evaluate_seqforge(model, valid, symbols),
        "hidden": model.network.config.hidden,
        "characters_per_second": statistics.median(event.units_per_second for event in progress),
        "weights": sum(p.numel() for name, p in model.network.named_parameters() if "layers." in name and p.ndim == 2),
    }


def minutes_to_reach(loss: float, runs: list[dict[str, float]]) -> float | None:
    """Return the minutes in which seqforge reaches a loss; None if no run reaches it.

    If the shortest run reaches it, its minutes are an upper bound, and are returned.
    """
    runs = sorted(runs, key=lambda run: run["minutes"])
    if runs[0]["nats_per_character"] <= loss:
        return runs[0]["minutes"]
    for shorter, longer in pairwise(runs):
        if longer["nats_per_character"] <= loss:
            share = (shorter["nats_per_character"] - loss) / (
                shorter["nats_per_character"] - longer["nats_per_character"]
            )
            return shorter["minutes"] * (longer["minutes"] / shorter["minutes"]) ** share
    return None


def main() -> None:
    """Train both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0, 10.0], help="of the plain loop")
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.1, 0.2, 0.4, 0.8, 1.6], help="of seqforge")
    arguments = parser.parse_args()
    hidden = TrainingConfig().resolved().hidden or 1
    train, valid, symbols = tinyshakespeare()
    peaks = {dtype: measure_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    runs = []
    for budget in arguments.budgets:
        runs.append(train_seqforge(budget, valid, symbols))
        print(json.dumps({name: round(value, 4) for name, value in runs[-1].items()}), flush=True)
    plain = train_baseline(hidden, arguments.minutes, len(symbols), train, valid)
    rate = 6 * plain["weights"] * plain["characters_per_second"]
    print(f"plain: {plain['characters_per_second']:,.0f} characters/s, {rate / peaks[torch.float32]:.2f} of the peak")
    last = runs[-1]
    rate = 6 * last["weights"] * last["characters_per_second"]
    print(
        f"seqforge, {last['budget']:g} minutes: {last['characters_per_second']:,.0f} characters/s, "
        f"{rate / peaks[torch.float32]:.2f} of the peak in float32, {rate / peaks[torch.bfloat16]:.2f} in bfloat16"
    )
    for minutes, loss in plain["losses"].items():
        needed = minutes_to_reach(loss, runs)
        ratio = "not reached" if needed is None else f"{needed:.2f} minutes, ratio {needed / minutes:.2f}"
        print(f"plain after {minutes:g} minutes: {loss:.4f} nats per character; seqforge reaches it in {ratio}")


if __name__ == "__main__":
    main()
