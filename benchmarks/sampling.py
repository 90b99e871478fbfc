"""How fast sampling is: tokens a second of ours, over a plain loop and over the floor, in one run.

    python benchmarks/sampling.py                  # 2 x 256 and 3 x 512; 1, 16 and 64 pieces side by side
    python benchmarks/sampling.py --model FILE     # besides: the loss at each precision, on the model's valid split

(a) The plain loop is what descendants of char-rnn do: an embedding, `nn.LSTM` and a linear layer of torch, called for
one step at a time; a softmax; a draw. It has the same weights and takes the same uniform random numbers as ours, so
the samples must be the same, and how many are is printed.

(b) The floor of one piece is the bytes of the weights over the bandwidth at which memory is read here (the fastest of
sums over 64 MiB and of a matrix-vector product that fits the cache); of many pieces side by side, the multiplications
over the rate of a large matrix product in float32. Both are measured in the run.

(c) What constraint and filters cost: the same network of 2 x 256 with and without a mask at every step (an automaton
of bars that must be filled) and top-k, top-p and temperature.

Absolute times mean nothing on shared machines; the ratios are what counts. All is done with the threads torch has.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import torch
from torch import nn

import seqforge
from seqforge.core.sequences import Constraint, Example, Prompt
from seqforge.core.spaces import Categorical
from seqforge.corpus import find_sources, prepare
from seqforge.network import Network, NetworkConfig
from seqforge.sampling import Conditions, Controls, Engine, Limits, Precision, Sampler, prompt_batch

SYMBOLS = 128
SHAPES = ((2, 256), (3, 512))
ROWS = (1, 16, 64)
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "int8")
NOTHING = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))


def network_of(layers: int, hidden: int) -> Network:
    """Return a network that never ends a piece; its weights are drawn, which costs what trained ones cost."""
    config = NetworkConfig(layers=layers, hidden=hidden, embedding=hidden, tie_embeddings=False, residual=False)
    network = Network(Categorical(SYMBOLS), config)
    network.initialise(0)
    with torch.no_grad():
        network.head.output_embedding.mul_(20)  # type: ignore[operator, union-attr]
        network.head.bias[SYMBOLS] = -1e9  # type: ignore[index, operator]
    return network.eval()


class Plain(nn.Module):
    """The peer: modules of torch with the weights of ours."""

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
        """Return samples, shape (rows, steps), drawn by the uniforms of that shape."""
        rows = len(uniforms)
        hidden, state = torch.zeros(rows, 1, self.lstm.hidden_size), None  # ours too starts from nothing
        found = torch.zeros(rows, steps, dtype=torch.int64)
        numbers = torch.from_numpy(uniforms)
        for step in range(steps):
            mass = torch.softmax(self.output(hidden[:, -1]).double(), -1).cumsum(-1)
            chosen = (mass <= numbers[:, step : step + 1] * mass[:, -1:]).sum(-1)
            found[:, step] = chosen
            hidden, state = self.lstm(self.embedding(chosen.unsqueeze(1)), state)
        return found.numpy()


class Bars(Constraint):
    """A toy with the shape of music: symbols last 1 to 8, a bar of 16 must be filled, then symbol 0, the bar line."""

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


def sampler_of(engine: Engine, steps: int, constraint: Constraint | None = None, **controls: Any) -> Sampler:
    """Return the sampler that users get, which ends pieces after so many steps."""
    prompt = Prompt(Example(np.zeros(0, np.uint8)), constraint)
    return Sampler(
        engine, prompt, NOTHING, controls=Controls(**controls), limits=Limits(steps=steps), units=lambda s: s * 0.0
    )


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the seconds of the fastest round."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def bandwidth() -> float:
    """Return the bytes a second at which weights can be read: from memory, or from the cache if that is faster."""
    large, weight, row = torch.zeros(16 << 20), torch.zeros(2048, 512), torch.zeros(512)
    return max(
        large.nbytes / seconds(lambda: large.sum(), 20),
        50 * weight.nbytes / seconds(lambda: [torch.mv(weight, row) for _ in range(50)], 20),
    )


def peak() -> float:
    """Return the multiplications a second of a large product in float32."""
    left, right = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 1024**3 / seconds(lambda: left @ right, 20)


def race(layers: int, hidden: int, reads: float, multiplies: float) -> dict[str, Any]:
    """Return what the plain loop and ours do in a second, for each number of rows and each precision."""
    network = network_of(layers, hidden)
    plain = Plain(network)
    weights = sum(layer.recurrent_weight.numel() for layer in network.layers)
    weights += sum(layer.input_weight.numel() for layer in list(network.layers)[1:]) + hidden * (SYMBOLS + 1)
    engines = {precision: Engine(network, precision) for precision in PRECISIONS}
    told = {}
    for rows in ROWS:
        steps = 400 if rows == 1 else 100
        keys = [np.random.Philox(counter=[0, 0, 0, 0], key=[0, k]) for k in range(rows)]
        uniforms = np.stack([np.random.Generator(key).random((512, 1))[:steps, 0] for key in keys])
        theirs = plain.sample(steps, uniforms)
        rate = rows * steps / seconds(lambda: plain.sample(steps, uniforms))  # noqa: B023 - called at once
        line: dict[str, Any] = {"plain nn.LSTM": round(rate)}
        for precision, engine in engines.items():
            sampler = sampler_of(engine, steps)
            ours = {sample.k: sample.steps for sample in sampler.samples(range(rows), seed=0)}
            ours_rate = rows * steps / seconds(lambda: list(sampler.samples(range(rows), seed=0)))  # noqa: B023
            each = {"float32": 4, "bfloat16": 2, "int8": 1}[precision]
            floor = reads / (weights * each) if rows == 1 else multiplies / weights
            same = float(np.mean([np.array_equal(ours[k], theirs[k]) for k in range(rows)]))
            line[precision] = {
                "tokens a second": round(ours_rate),
                "over plain": round(ours_rate / rate, 2),
                "of the floor's rate": round(ours_rate / floor, 3),
                "same samples": same,
            }
        told[f"{rows} rows"] = line
    return told


def control(rows: int) -> dict[str, float]:
    """Return how much longer a step of 2 x 256 takes with a constraint and with filters."""
    engine = Engine(network_of(2, 256))
    steps = 1000  # the end of a piece, where masks are of one step alone, is a small part of it, as in music
    cases: dict[str, dict[str, Any]] = {
        "free": {},
        "constraint": {"constraint": Bars()},
        "filters": {"temperature": 0.9, "top_k": 40, "top_p": 0.95},
        "both": {"constraint": Bars(), "temperature": 0.9, "top_k": 40, "top_p": 0.95},
    }
    took = dict.fromkeys(cases, float("inf"))
    for _ in range(5):  # interleaved: what disturbs, disturbs all
        for name, asked in cases.items():
            sampler = sampler_of(engine, steps, **asked)
            took[name] = min(took[name], seconds(lambda: list(sampler.samples(range(rows), seed=0)), 1))  # noqa: B023
    return {name: round(each / took["free"], 3) for name, each in took.items()}


def losses(path: str) -> dict[str, float]:
    """Return the nats a unit of a model's valid split, stepped through the engine, at each precision."""
    model = seqforge.load(path)
    sources = find_sources(list(model.header.provenance["corpus"]), reads=model.plugin.reads, domain=model.plugin.name)
    data = prepare(model.plugin, model.options, sources, codec=model.codec).datasets["valid"]
    engines = {precision: Engine(model.network, precision) for precision in PRECISIONS}
    nats, units = dict.fromkeys(engines, 0.0), 0.0
    for number in range(len(data)):
        example = data.example(number)
        units += float(model.codec.units(example.steps).sum())
        conditions = Conditions(model.label_numbers(example.labels), np.zeros(0, np.float32))
        for precision, engine in engines.items():
            outputs, first, added = engine.begin(
                prompt_batch(engine.network, Prompt(dataclasses.replace(example, steps=example.steps[:0])), conditions)
            )
            rows = engine.rows_for(1)
            state, added = engine.state(first, rows), added.repeat(rows, 1)
            for step in example.steps.tolist():
                nats[precision] -= float(outputs.double().log_softmax(-1)[step])
                outputs = engine.step(torch.full((rows,), step), added, state)[0]
            nats[precision] -= float(outputs.double().log_softmax(-1)[-1])
    return {precision: round(value / units, 5) for precision, value in nats.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="a model to measure the loss of; repeatable")
    asked = parser.parse_args()
    reads, multiplies = bandwidth(), peak()
    told: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "bytes read a second": f"{reads:.3g}",
        "multiplications a second": f"{multiplies:.3g}",
    }
    for layers, hidden in SHAPES:
        told[f"{layers} x {hidden}"] = race(layers, hidden, reads, multiplies)
    told["time of a step, over a free one (2 x 256)"] = {f"{rows} rows": control(rows) for rows in ROWS}
    for path in asked.model:
        told[f"nats a unit on valid, {path}"] = losses(path)
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
