"""The loss of the handwriting model with and without text, compared with simpler models, in nats per point.

    python benchmarks/handwriting.py --steps 1000

Every model is trained on the bundled lines of UNIPEN for the same number of steps with the same batches. The figures
are nats per point on valid and test (other writers and texts), the number of parameters, and the processor time of
training in minutes. Points have the same unit of length in all models.

- text: the model of the handwriting plugin: Graves's attention, moved step by step, whose context vector is read by
  the layer that moves it (arXiv 1308.0850, section 5).
- parallel attention: the attention is moved by a first layer that does not read the context vector, so that a whole
  batch can be computed at once: kappa is a cumulative sum over the outputs of that layer. All else is the same.
- one Gaussian: with the text, but one mixture component instead of twenty.
- no text: without attention and text (section 4), with more units, so that it has as many parameters.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqforge
from seqforge.corpus import find_corpus
from seqforge.network import Batch, Network

HIDDEN, HIDDEN_WITHOUT_TEXT = 320, 352
SPLITS = ("valid", "test")


def attend_in_parallel(
    self: Network,
    inputs: Tensor,
    batch: Batch,
    state: list[Any],
    mask: Tensor | None,
    attention_weights: list[Tensor] | None,
) -> tuple[Tensor, Any, Tensor, Any]:
    """Replace `Network._attend`: run the first layer over the whole batch, then compute the attention at once."""
    layer, attention = self.layers[0], self.attention
    assert attention is not None
    # 1. Run the layer with a context vector of zero.
    no_context = inputs.new_zeros(*inputs.shape[:2], attention.width)
    starts = batch.starts if bool(batch.starts.any()) else None
    outputs, layer_state = layer(torch.cat([inputs, no_context], -1), state[0], starts, mask)
    parameters = torch.nn.functional.linear(outputs, attention.weight, attention.bias).float().clamp(max=3.0).exp()
    alpha, beta, distance = parameters.chunk(3, -1)
    # 2. kappa is the sum of the distances since the start of the piece.
    total = distance.cumsum(0)
    kappa_before, _, steps_at_end = state[-1]
    times = torch.arange(len(inputs)).unsqueeze(1)
    piece_start = torch.where(batch.starts, times, -1).cummax(0).values  # -1 if the piece started before the batch
    index = piece_start.clamp(min=0).unsqueeze(-1).expand_as(total)
    before_start = torch.cat([total.new_zeros(1, *total.shape[1:]), total]).gather(0, index)
    kappa = torch.where((piece_start < 0).unsqueeze(-1), kappa_before + total, total - before_start)
    # 3. Sum the Gaussians.
    source = batch.sources if batch.sources is not None else batch.labels.new_zeros(*batch.starts.shape, 0)
    positions = torch.arange(source.shape[2], dtype=kappa.dtype)
    phi = torch.zeros(source.shape)
    for k in range(attention.components):
        offsets = kappa[..., k, None] - positions
        phi = phi + alpha[..., k, None] * torch.exp(-beta[..., k, None] * offsets * offsets)
    phi = phi * (source > 0)
    context = phi.new_zeros(*source.shape[:2], attention.width + 1).scatter_add(2, source, phi)[..., 1:]
    return outputs, layer_state, context, (kappa[-1], context[-1], steps_at_end)


@contextmanager
def replaced_attention(attend: Callable[..., Any] | None) -> Iterator[None]:
    """Replace `Network._attend` within a `with` block; None changes nothing."""
    before = Network._attend
    if attend is not None:
        Network._attend = attend  # type: ignore[method-assign]
    try:
        yield
    finally:
        Network._attend = before  # type: ignore[method-assign]


def write_corpus_without_texts(folder: Path) -> Path:
    """Write the corpus with empty texts, and return its folder."""
    for source in find_corpus("unipen").paths():
        path = folder / source.parent.name / source.name
        path.parent.mkdir(parents=True)
        lines = (json.loads(line) | {"text": ""} for line in source.read_text(encoding="utf-8").splitlines())
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def main() -> None:
    """Train each model and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--only", action="append", help="name of a model; can be repeated")
    arguments = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        without_texts = str(write_corpus_without_texts(folder / "without_texts"))
        models: dict[str, tuple[str, dict[str, Any], Callable[..., Any] | None]] = {
            "text": ("unipen", {}, None),
            "parallel attention": ("unipen", {}, attend_in_parallel),
            "one Gaussian": ("unipen", {"components": 1}, None),
            "no text": (without_texts, {"hidden": HIDDEN_WITHOUT_TEXT, "text_dropout": 0.0}, None),
        }
        for title, (corpus, options, attend) in models.items():
            if arguments.only and title not in arguments.only:
                continue
            all_options = {"hidden": HIDDEN, "threads": 1, "precision": "bfloat16", "patience": 0, **options}
            with replaced_attention(attend):
                start = time.process_time()
                model = seqforge.train(
                    "handwriting", corpus=corpus, steps=arguments.steps, run=folder / title, **all_options
                )
                minutes = (time.process_time() - start) / 60
                losses = {split: round(model.evaluate(corpus, split=split).nats_per_unit, 4) for split in SPLITS}
            results[title] = {
                **losses,
                "parameters": model.network.parameter_count(),
                "minutes": round(minutes, 2),
                "scale": model.codec.scale,  # type: ignore[attr-defined]
            }
            print(title, json.dumps(results[title]), flush=True)
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
