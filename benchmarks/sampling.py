"""Speed of sampling: tokens per second of the engine, relative to a plain loop over `nn.LSTM` and to the hardware.

    python benchmarks/sampling.py                  # 2 x 256 and 3 x 512; 1, 16 and 64 pieces at once
    python benchmarks/sampling.py --model FILE     # also the loss at each precision, on the valid split of the model

(a) The plain loop is that of char-rnn and its descendants: an embedding, `nn.LSTM` and a linear layer of torch, called
for one step at a time, then softmax and a draw. It has the same weights and uses the same uniform random numbers as
the engine, so the samples must agree; the fraction that agrees is printed.

(b) The lower bound of the time for one piece is the time in which the machine reads an array of the size of the weights
again and again (the faster of a sum and a matrix-vector product), from the cache if it fits, and else from memory. The
lower bound for many pieces is the number of multiplications divided by the rate of a large float32 matrix product. Both
are measured in the same run.

(c) The cost of constraint and filters: a network of 2 x 256 with and without a mask at every step (an automaton of
bars that must be filled) and with and without top-k, top-p and temperature.

Absolute times mean nothing on shared machines; compare the ratios. The plain loop uses one thread, as the engine does.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from precisions import losses
from torch import nn

from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.inference import Engine, NetworkWeights, Precision, instruction_set
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Conditions, Controls, Limits, Sampler
from seqforge.sampling.row_table import RowTable

SYMBOLS = 128
SHAPES = ((2, 256), (3, 512))
ROWS = (1, 16, 64)
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


def random_network(layers: int, hidden: int) -> Network:
    """Return a network that never ends a piece; random weights are as fast as trained ones."""
    config = NetworkConfig(layers=layers, hidden=hidden, embedding=hidden, tie_embeddings=False, residual=False)
    network = Network(Categorical(SYMBOLS), config)
    network.initialise(0)
    with torch.no_grad():
        network.head.output_embedding.mul_(20)  # type: ignore[operator, union-attr]
        network.head.bias[SYMBOLS] = -1e9  # type: ignore[index, operator]
    return network.eval()


class PlainLoop(nn.Module):
    """The baseline: modules of torch with the weights of a seqforge network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        config = network.config
        self.embedding = nn.Embedding(SYMBOLS + 1, config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, config.layers, batch_first=True)
        self.output = nn.Linear(config.hidden, SYMBOLS + 1)
        head: Any = network.head
        with torch.no_grad():
            self.embedding.weight.copy_(head.embedding * head.scale)
            self.output.weight.copy_(head.output_embedding)
            self.output.bias.copy_(head.bias)
            for number, layer in enumerate(network.layers):
                getattr(self.lstm, f"weight_ih_l{number}").copy_(layer.input_weight)
                getattr(self.lstm, f"weight_hh_l{number}").copy_(layer.recurrent_weight)
                getattr(self.lstm, f"bias_ih_l{number}").copy_(layer.bias)
                getattr(self.lstm, f"bias_hh_l{number}").zero_()

    @torch.no_grad()
    def sample(self, steps: int, uniforms: np.ndarray) -> np.ndarray:
        """Return samples, shape (rows, steps), drawn with random numbers of the same shape."""
        rows = len(uniforms)
        hidden, state = torch.zeros(rows, 1, self.lstm.hidden_size), None  # the network starts with zeros, too
        samples = torch.zeros(rows, steps, dtype=torch.int64)
        numbers = torch.from_numpy(uniforms)
        for step in range(steps):
            mass = torch.softmax(self.output(hidden[:, -1]).double(), -1).cumsum(-1)
            chosen = (mass <= numbers[:, step : step + 1] * mass[:, -1:]).sum(-1)
            samples[:, step] = chosen
            hidden, state = self.lstm(self.embedding(chosen.unsqueeze(1)), state)
        return samples.numpy()


class Bars(Constraint):
    """A constraint like that of music: symbols last 1 to 8, a bar of 16 must be filled, then symbol 0, the bar line."""

    def __init__(self) -> None:
        self.lengths = np.arange(SYMBOLS) % 8 + 1
        self.lengths[0] = 0

    def start(self) -> Hashable:
        return 0

    def allowed(self, state: Any) -> np.ndarray:
        mask = self.lengths + state <= 16
        mask[0] = state == 16
        return mask

    def may_end(self, state: Any) -> bool:
        return bool(state == 0)

    def to_end(self, state: Any) -> int:
        return 0 if state == 0 else -(-(16 - state) // 8) + 1

    def advance(self, state: Any, step: Any) -> Hashable:
        return 0 if step == 0 else int(state + self.lengths[step])


def make_sampler(engine: Engine, steps: int, constraint: Constraint | None = None, **controls: Any) -> Sampler:
    """Return a sampler whose pieces end after this number of steps."""
    prompt = Prompt(Example(np.zeros(0, np.uint8)), constraint)
    return Sampler(
        engine,
        prompt,
        NO_CONDITIONS,
        controls=Controls(**controls),
        limits=Limits(steps=steps),
        units=lambda s: s * 0.0,
    )


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the duration of the fastest round, in seconds."""
    durations = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return min(durations)


def bandwidth(size: int) -> float:
    """Return the rate in bytes per second at which an array of this many bytes is read again and again.

    Args:
        size: The size of the array in bytes.
    """
    weight, row = torch.zeros(size // 2048, 512), torch.zeros(512)
    repeats = max(1, (64 << 20) // size)
    sums = seconds(lambda: [weight.sum() for _ in range(repeats)], 10)
    products = seconds(lambda: [torch.mv(weight, row) for _ in range(repeats)], 10)
    return repeats * weight.nbytes / min(sums, products)


def multiplication_rate() -> float:
    """Return the multiplications per second of a large float32 product."""
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 1024**3 / seconds(lambda: left @ right, 20)


def speeds(layers: int, hidden: int, multiplications_per_second: float) -> dict[str, Any]:
    """Return the speeds of the plain loop and of the engine for each number of rows and each precision."""
    network = random_network(layers, hidden)
    plain = PlainLoop(network)
    weights = sum(layer.recurrent_weight.numel() for layer in network.layers)
    weights += sum(layer.input_weight.numel() for layer in list(network.layers)[1:]) + hidden * (SYMBOLS + 1)
    arrays = NetworkWeights.from_network(network)
    engines = {precision: Engine(arrays, precision) for precision in PRECISIONS}
    bytes_of = {precision: weights * size for precision, size in (("float32", 4), ("bfloat16", 2), ("int8", 1))}
    read_rates = {precision: bandwidth(size) for precision, size in bytes_of.items()}
    result: dict[str, Any] = {
        "bytes of the weights read per second": {name: f"{rate:.3g}" for name, rate in read_rates.items()}
    }
    for rows in ROWS:
        steps = 400 if rows == 1 else 100
        # 1. Draw the random numbers that the sampler uses for samples 0 to rows - 1, and time the plain loop.
        streams = [np.random.Philox(counter=[0, 0, 0, 0], key=[0, k]) for k in range(rows)]
        uniforms = np.stack([np.random.Generator(stream).random((512, 1))[:steps, 0] for stream in streams])
        plain_samples = plain.sample(steps, uniforms)
        plain_rate = rows * steps / seconds(lambda: plain.sample(steps, uniforms))  # noqa: B023 - called at once
        line: dict[str, Any] = {"plain nn.LSTM": round(plain_rate)}
        # 2. Time the engine at each precision and compare its samples.
        for precision, engine in engines.items():
            sampler = make_sampler(engine, steps)
            samples = {sample.k: sample.steps for sample in sampler.samples(range(rows), seed=0)}
            rate = rows * steps / seconds(lambda: list(sampler.samples(range(rows), seed=0)))  # noqa: B023
            reads, products = read_rates[precision] / bytes_of[precision], multiplications_per_second / weights
            bound = reads if rows == 1 else products
            line[precision] = {
                "tokens per second": round(rate),
                "relative to the plain loop": round(rate / plain_rate, 2),
                "relative to the upper bound": round(rate / bound, 3),
                "samples that agree": float(np.mean([np.array_equal(samples[k], plain_samples[k]) for k in samples])),
            }
        result[f"{rows} rows"] = line
    return result


def control_costs(rows: int) -> dict[str, float]:
    """Return the time of a step of a 2 x 256 network with a constraint and with filters, relative to one without.

    The cases take turns, 20 steps each, and the result is the median ratio of 100 turns: what disturbs the machine for
    a while then affects all cases of a turn. The pieces are far from their limit, as those of music mostly are.
    """
    engine = Engine(NetworkWeights.from_network(random_network(2, 256)))
    cases: dict[str, dict[str, Any]] = {
        "free": {},
        "constraint": {"constraint": Bars()},
        "filters": {"temperature": 0.9, "top_k": 40, "top_p": 0.95},
        "both": {"constraint": Bars(), "temperature": 0.9, "top_k": 40, "top_p": 0.95},
    }
    tables = {}
    for name, options in cases.items():
        sampler = make_sampler(engine, 10_000, **options)
        pieces = [(0, k) for k in range(rows)]
        tables[name] = RowTable({0: sampler}, rows, pieces, seed=0, deadline=math.inf, elimination=None)
        tables[name].reset(range(rows))
        advance(tables[name], 100)  # the states of the constraint are cached
    turns: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(100):
        for name, table in tables.items():
            turns[name].append(seconds(lambda: advance(table, 20), 1))  # noqa: B023
    free = np.array(turns["free"])
    return {name: round(float(np.median(np.array(durations) / free)), 3) for name, durations in turns.items()}


def advance(table: RowTable, steps: int) -> None:
    """Draw a number of steps in all rows, none of which ends."""
    for _ in range(steps):
        choice = table.choose()
        table.record(choice, choice.steps, None)
        table.read(choice.steps)


def main() -> None:
    """Measure and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--controls-only", action="store_true", help="Measure only (c).")
    parser.add_argument("--model", action="append", default=[], help="Model whose loss is measured; repeatable.")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    multiplications_per_second = multiplication_rate()
    results: dict[str, Any] = {
        "instruction set": instruction_set(),
        "multiplications per second": f"{multiplications_per_second:.3g}",
    }
    for layers, hidden in () if arguments.controls_only else SHAPES:
        results[f"{layers} x {hidden}"] = speeds(layers, hidden, multiplications_per_second)
    results["time of a step, relative to one without constraint and filters (2 x 256)"] = {
        f"{rows} rows": control_costs(rows) for rows in ROWS
    }
    for path in arguments.model:
        results[f"nats per unit on valid, {path}"] = losses(path)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
