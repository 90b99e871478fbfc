"""A vocabulary of 160,000 words and four layers of 1,000 units: memory, time per step, and all commands.

    python benchmarks/large_vocabulary.py
    python benchmarks/large_vocabulary.py --words 20000 --hidden 100 --part commands

speed     A training step of seqforge with an adaptive softmax, beside one of plain PyTorch with the same layers, the
          same embedding (tied) and a full softmax, both AdamW: the processor time of a step, and the peak memory of a
          process with each.
commands  The text is made of words whose frequency falls as 1 / rank (Zipf), every word at least twice. `train`
          stops after half of the steps and is resumed; `export` and `generate` follow. The peak memory of each command
          is printed. One process and two with torchrun (gloo) take the same steps, and their losses are compared.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqforge.core.sequences import Example
from seqforge.core.spaces import Categorical
from seqforge.dataset import open_datasets, write_manifest, write_shard
from seqforge.network import Network
from seqforge.training import Trainer, TrainingConfig

ROWS, BPTT, EMBEDDING, LAYERS = 16, 32, 256, 4
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def zipf_words(words: int, tokens: int) -> np.ndarray:
    """Return numbers of words whose frequency falls as 1 / rank; every word occurs twice at least."""
    generator = np.random.default_rng(0)
    weights = 1 / np.arange(1, words + 1)
    drawn = generator.choice(words, tokens, p=weights / weights.sum())
    return generator.permutation(np.concatenate([np.arange(words), np.arange(words), drawn]))


def spelling(number: int) -> str:
    """Return a word of four letters."""
    return "".join(LETTERS[number // 26**place % 26] for place in range(4))


class Plain(nn.Module):
    """The peer: nn.LSTM, and a full softmax that shares the matrix of the embedding."""

    def __init__(self, symbols: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols + 1, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, hidden, LAYERS)
        self.projection = nn.Linear(hidden, EMBEDDING, bias=False)
        self.output = nn.Linear(EMBEDDING, symbols + 1)
        self.output.weight = self.embedding.weight

    def forward(self, steps: Tensor) -> Tensor:
        """Return the mean loss of the steps after the first."""
        logits = self.output(self.projection(self.lstm(self.embedding(steps[:-1]))[0]))
        return functional.cross_entropy(logits.flatten(0, 1), steps[1:].flatten())


def measure_step(peer: bool, words: int, hidden: int, steps: int) -> None:
    """Print the processor time of a step, without the first, and the peak memory of this process."""
    torch.set_num_threads(1)
    numbers = zipf_words(words, 20_000)
    times = []
    if peer:
        network = Plain(words, hidden)
        optimiser = torch.optim.AdamW(network.parameters(), fused=True)
        rows = torch.from_numpy(numbers[: ROWS * (len(numbers) // ROWS)].reshape(ROWS, -1).T.copy())
        for step in range(steps):
            start = time.process_time()
            loss = network(rows[step * BPTT : (step + 1) * BPTT + 1])
            torch.autograd.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            times.append(time.process_time() - start)
    else:
        config = TrainingConfig(
            steps=steps, layers=LAYERS, hidden=hidden, embedding=EMBEDDING, dropout=0.0, recurrent_dropout=0.0,
            batch_size=ROWS, bptt=BPTT, softmax="adaptive", precision="float32",
        )  # fmt: skip
        space = Categorical(words)
        with tempfile.TemporaryDirectory() as folder:
            example = Example(numbers.astype(space.dtype))
            path = Path(folder) / "0.safetensors"
            write_shard(path, space, None, {}, [example], [0], [float(len(numbers))])
            write_manifest(Path(folder), [path.name], {})
            data = open_datasets(Path(folder), space, None, {})["train"]
            trainer = Trainer(Network(space, config.network(space)), data, None, config)
            for _ in range(steps):
                start = time.process_time()
                trainer.step()
                times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": round(statistics.median(times[1:]), 2), "peak_gb": round(peak, 2)}))


def run(*command: Any, folder: Path) -> tuple[str, float]:
    """Run a command; return its standard output and its peak memory in GB."""
    environment = {**os.environ, "SEQFORGE_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    words = [str(word) for word in command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} failed")
    return output, usage.ru_maxrss / 1e6


def last_loss(folder: Path) -> float:
    """Return the loss of the last step of a run, in nats per unit on the valid split."""
    events = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return float([event for event in events if event["event"] == "valid"][-1]["nats_per_unit"])


def measure_commands(words: int, hidden: int, steps: int) -> dict[str, Any]:
    """Run train, resume, export, generate and torchrun; return their figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split, tokens in (("train", 100_000), ("valid", 0)):
            (folder / "corpus" / split).mkdir(parents=True)
            numbers = zipf_words(words, tokens)[: None if tokens else 300]
            (folder / "corpus" / split / "a.txt").write_text(" ".join(map(spelling, numbers.tolist())))
        seqforge = (sys.executable, "-m", "seqforge")
        train = (
            "train", "--plugin", "text", "--corpus", folder / "corpus", "--level", "word", "--max-vocabulary", words,
            "--layers", LAYERS, "--hidden", hidden, "--embedding", EMBEDDING, "--batch-size", ROWS, "--bptt", BPTT,
            "--precision", "float32", "--threads", 1, "--steps", steps, "--quiet",
        )  # fmt: skip
        result: dict[str, Any] = {}
        _, result["train_gb"] = run(*seqforge, *train, "--run", "one", "--stop-at", steps // 2, folder=folder)
        _, result["resume_gb"] = run(
            *seqforge, "train", "--plugin", "text", "--resume", "one", "--quiet", folder=folder
        )
        _, result["export_gb"] = run(*seqforge, "export", "one", "--to", "pytorch", "-o", "exported", folder=folder)
        text, result["generate_gb"] = run(
            *seqforge, "generate", "--model", "one", "--length", 300, "--quiet", folder=folder
        )  # fmt: skip
        result["generated"] = text[:60]
        torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "-m")
        run(*torchrun, "--", "seqforge", *train, "--run", "two", folder=folder)
        result["loss_of_one_process"], result["loss_of_two"] = last_loss(folder / "one"), last_loss(folder / "two")
        size = (folder / "one" / "model.safetensors").stat().st_size
        return {**result, "model_mb": round(size / 1e6), "parameters_million": round(size / 4e6, 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=160_000)
    parser.add_argument("--hidden", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--part", choices=["all", "speed", "commands", "step", "peer-step"], default="all")
    arguments = parser.parse_args()
    sizes = (arguments.words, arguments.hidden, arguments.steps)
    if arguments.part in ("step", "peer-step"):
        measure_step(arguments.part == "peer-step", *sizes)
        return
    for part in ("step", "peer-step") if arguments.part != "commands" else ():
        flags = [f"--{name}={value}" for name, value in zip(("words", "hidden", "steps"), sizes, strict=True)]
        print(
            part, run(sys.executable, Path(__file__).absolute(), *flags, "--part", part, folder=Path.cwd())[0].strip()
        )
    if arguments.part != "speed":
        print(json.dumps(measure_commands(*sizes)))


if __name__ == "__main__":
    main()
