"""LSTM layers with and without Mogrifier gates, trained for equal minutes on three corpora.

    python benchmarks/mogrifier.py --minutes 3

Both networks train at the same time, each in a process of its own with one thread, so that other work on the machine
slows both. They have the same hidden size, seed, batches and options; only the layers differ. The loss is that of the
valid split. `--steps` compares after equal numbers of steps instead.

Mogrifier gates (G. Melis, T. Kočiský and P. Blunsom, "Mogrifier LSTM", ICLR 2020, section 2): before the gates of a
position are computed, input x and state h scale each other in turn,

    x <- 2 sigmoid(Q_i h) * x    for odd i        h <- 2 sigmoid(R_i x) * h    for even i

for i = 1 to `--gates`, with matrices of rank `--rank`. The fused kernels of LSTM layers compute the products of all
inputs before the loop over the positions, which is impossible here, so the loop is compiled by TorchScript.
"""

import argparse
import json
import multiprocessing
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqforge.network import recurrent
from seqforge.network.recurrent import LSTM, State

CORPORA: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "tinyshakespeare": ("text", {}, {}),
    "jsb": ("midi", {"encoding": "chorale"}, {"lookback": 0}),
    "ryans": ("abc", {}, {}),
}
"""The plugin, its options, and the options of the training by corpus."""


@torch.jit.script
def mogrified_positions(
    inputs: Tensor, resets: Tensor, h: Tensor, c: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor,
    down: list[Tensor], up: list[Tensor],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the outputs at all positions, and the last state."""
    outputs: list[Tensor] = []
    for t in range(inputs.shape[0]):
        keep = 1.0 - resets[t]
        x, h, c = inputs[t], h * keep, c * keep
        for i in range(len(down)):
            if i % 2 == 0:
                x = 2.0 * torch.sigmoid((h @ down[i]) @ up[i]) * x
            else:
                h = 2.0 * torch.sigmoid((x @ down[i]) @ up[i]) * h
        gates = torch.addmm(bias, x, weight) + h @ recurrent
        i_gate, f_gate, g_gate, o_gate = gates.chunk(4, 1)
        c = torch.sigmoid(f_gate) * c + torch.sigmoid(i_gate) * torch.tanh(g_gate)
        h = torch.sigmoid(o_gate) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), h, c


class MogrifierLSTM(LSTM):
    """An LSTM layer whose input and state scale each other before each position."""

    rounds = 5
    rank = 48

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__(width, hidden)
        sizes = [(hidden, width) if i % 2 == 0 else (width, hidden) for i in range(self.rounds)]
        self.down = nn.ParameterList([nn.Parameter(torch.empty(source, self.rank)) for source, _ in sizes])
        self.up = nn.ParameterList([nn.Parameter(torch.empty(self.rank, target)) for _, target in sizes])

    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        for matrix in (*self.down, *self.up):
            nn.init.xavier_uniform_(matrix.detach(), generator=generator)

    def forward(
        self, inputs: Tensor, state: State, starts: Tensor | None, mask: Tensor | None = None
    ) -> tuple[Tensor, State]:
        resets = inputs.new_zeros(inputs.shape[:2]) if starts is None else starts.to(inputs.dtype)
        recurrent_weight = self.recurrent_weight if mask is None else self.recurrent_weight * mask
        outputs, h, c = mogrified_positions(
            inputs, resets.unsqueeze(-1), state[0], state[1], self.input_weight.t(), recurrent_weight.t(), self.bias,
            list(self.down), list(self.up),
        )  # fmt: skip
        return outputs, (h, c)


def train(corpus: str, layers: str, arguments: argparse.Namespace, results: Any) -> None:
    """Train a network in this process, and put its best valid loss into the queue."""
    if layers == "mogrifier":
        MogrifierLSTM.rounds, MogrifierLSTM.rank = arguments.gates, arguments.rank
        recurrent.CELLS["lstm"] = MogrifierLSTM
    from seqforge.api.build_trainer import build_trainer
    from seqforge.corpus import find_sources, prepare
    from seqforge.plugin import registry
    from seqforge.training import ProcessGroup, TrainingConfig, Validated

    name, plugin_options, training_options = CORPORA[corpus]
    plugin = registry.load(name)
    budget = {"steps": arguments.steps} if arguments.steps else {"minutes": arguments.minutes}
    config = TrainingConfig(
        **{**plugin.training_defaults, **training_options, **budget},
        hidden=arguments.hidden, dropout=arguments.dropout, recurrent_dropout=0.0, precision="float32", threads=1,
    ).resolved()  # fmt: skip
    sources = find_sources([corpus], reads=plugin.reads, domain=name)
    prepared = prepare(plugin, plugin.Options(**plugin_options), sources)
    trainer = build_trainer(plugin, config, prepared, None, None, ProcessGroup(), cast(Any, prepared.codec.space))
    losses = [event.nats_per_unit for event in trainer.run() if isinstance(event, Validated)]
    results.put(
        (layers, min(loss for loss in losses if loss is not None), trainer.state.t, trainer.network.parameter_count())
    )


def main() -> None:
    """Train both on each corpus, and print their losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", nargs="+", choices=list(CORPORA), default=list(CORPORA))
    parser.add_argument("--minutes", type=float, default=3.0, help="training time of each network")
    parser.add_argument("--steps", type=int, default=0, help="number of steps of each network, instead of minutes")
    parser.add_argument("--hidden", type=int, default=192, help="hidden size of both networks")
    parser.add_argument("--dropout", type=float, default=0.05, help="dropout of both networks")
    parser.add_argument("--gates", type=int, default=5, help="rounds of Mogrifier gates")
    parser.add_argument("--rank", type=int, default=48, help="rank of their matrices")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for corpus in arguments.corpora:
        results = context.Queue()
        processes = [
            context.Process(target=train, args=(corpus, layers, arguments, results)) for layers in ("lstm", "mogrifier")
        ]
        for process in processes:
            process.start()
        for layers, loss, steps, parameters in sorted(results.get() for _ in processes):
            print(json.dumps({
                "corpus": corpus, "layers": layers, "valid_nats_per_unit": round(loss, 4), "steps": steps,
                "parameters": parameters,
            }), flush=True)  # fmt: skip
        for process in processes:
            process.join()


if __name__ == "__main__":
    main()
