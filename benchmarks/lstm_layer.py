"""Time of the forward and backward pass of an LSTM layer: seqforge's library for AMX beside torch, in bfloat16.

    python benchmarks/lstm_layer.py --rows 32 --hidden 256 384 512 640

The layers have as many inputs as units and read 64 positions. The two alternate, and the shortest time of each counts.

The floor: 6 operations per weight and position (2 forward, 4 backward), at the rate of a large matrix product in
bfloat16, which is measured first.
"""

import argparse
import time

import torch
from torch import Tensor

from seqforge.network import lstm_kernel
from seqforge.network.recurrent import LSTM

POSITIONS, ROUNDS = 64, 30


def seconds_of_pass(layer: LSTM, inputs: Tensor, *, compiled: bool) -> float:
    """Return the duration of one forward and backward pass."""
    h, c = layer.zero_state(inputs.shape[1])
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        if compiled:
            outputs, _ = lstm_kernel.run_lstm(inputs, (h, c), layer.input_weight, layer.recurrent_weight, layer.bias)
        else:
            weights = [layer.input_weight, layer.recurrent_weight, layer.bias, torch.zeros_like(layer.bias)]
            outputs = torch.lstm(inputs, (h.unsqueeze(0), c.unsqueeze(0)), weights, True, 1, 0.0, True, False, False)[0]
    outputs.backward(torch.ones_like(outputs))
    return time.perf_counter() - start


def measure_peak() -> float:
    """Return the operations per second of a large matrix product in bfloat16."""
    a, b = torch.randn(2048, 1024, dtype=torch.bfloat16), torch.randn(1024, 2048, dtype=torch.bfloat16)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - start)
    return 2 * 2048 * 1024 * 2048 / min(seconds)


def main() -> None:
    """Print a row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--hidden", type=int, nargs="+", default=[256, 384, 512, 640])
    arguments = parser.parse_args()
    if lstm_kernel.library() is None:
        parser.exit(1, "this CPU has no AMX, or seqforge was installed without a C compiler\n")
    peak = measure_peak()
    print(f"matrix product: {peak / 1e9:,.0f} GFLOP/s with {torch.get_num_threads()} threads")
    for hidden in arguments.hidden:
        layer = LSTM(hidden, hidden)
        layer.initialise(torch.Generator().manual_seed(0))
        inputs = torch.randn(POSITIONS, arguments.rows, hidden, requires_grad=True)
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for compiled, durations in times.items():
                durations.append(seconds_of_pass(layer, inputs, compiled=compiled))
        theirs, ours = min(times[False]), min(times[True])
        floor = 6 * 8 * hidden * hidden * POSITIONS * arguments.rows / peak
        print(
            f"{arguments.rows} rows, {hidden} units: torch {theirs * 1e3:.1f} ms, seqforge {ours * 1e3:.1f} ms, "
            f"ratio {ours / theirs:.2f}; floor {floor * 1e3:.1f} ms"
        )


if __name__ == "__main__":
    main()
