"""Members of one run: one after the other in each step, beside batched products (bmm), in one run.

    python benchmarks/members.py --members 4 --hidden 256 --rounds 5

For the recurrent layer alone, which takes most of a step: forward and backward pass over 64 positions of 32 rows. The
networks of a run are computed one after the other, each by one fused call of oneDNN per layer. Batched products compute
the members together, which needs a loop over the positions with one `torch.baddbmm` per position. The two alternate,
and the median of the processor times of each is printed.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from seqforge.network.recurrent import LSTM

POSITIONS, ROWS = 64, 32


def batched(inputs: Tensor, input_weights: Tensor, recurrent_weights: Tensor, biases: Tensor) -> Tensor:
    """Return the outputs of several LSTM layers, shape (positions, members, rows, hidden), by batched products."""
    members, hidden = recurrent_weights.shape[:2]
    read = torch.einsum("trw,mwg->tmrg", inputs, input_weights) + biases[:, None]
    state, cell = (inputs.new_zeros(members, inputs.shape[1], hidden) for _ in range(2))
    outputs = []
    for gates_of_input in read.unbind():
        gates = torch.baddbmm(gates_of_input, state, recurrent_weights)
        i, f, g, o = gates.chunk(4, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
        outputs.append(state)
    return torch.stack(outputs)


def seconds(compute: Callable[[], Tensor]) -> float:
    """Return the processor time of a forward and backward pass."""
    start = time.process_time()
    torch.autograd.backward(compute().sum())
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    members, hidden = arguments.members, arguments.hidden
    layers = [LSTM(hidden, hidden) for _ in range(members)]
    for number, layer in enumerate(layers):
        layer.initialise(torch.Generator().manual_seed(number))
    inputs = torch.randn(POSITIONS, ROWS, hidden)
    weights = [
        torch.stack([getattr(layer, name).detach().t() for layer in layers]).requires_grad_()
        for name in ("input_weight", "recurrent_weight")
    ]
    biases = torch.stack([layer.bias.detach() for layer in layers]).requires_grad_()

    def one_after_the_other() -> Tensor:
        return torch.stack([layer(inputs, layer.zero_state(ROWS), None)[0] for layer in layers], 1)

    def by_batched_products() -> Tensor:
        return batched(inputs, *weights, biases)

    with torch.no_grad():
        difference = float((one_after_the_other() - by_batched_products()).abs().max())
    times: dict[str, list[float]] = {"one after the other": [], "batched products": []}
    for _ in range(arguments.rounds + 1):
        times["one after the other"].append(seconds(one_after_the_other))
        times["batched products"].append(seconds(by_batched_products))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    ratio = medians["batched products"] / medians["one after the other"]
    print(json.dumps({"members": members, "hidden": hidden, **medians, "ratio": ratio, "difference": difference}))


if __name__ == "__main__":
    main()
