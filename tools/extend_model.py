"""Extend a model to the tokens and places of its plugin's present codec, so that a training can start from it.

python -m tools.extend_model songs --option bar_repeats=true -o out/models/start.safetensors
python -m tools.extend_model chorales --option song_labels=key -o out/models/start.safetensors

A change of the codec can add tokens, labels and distances to look back. The result has the weights of the model for all
tokens that both codecs have, and predicts what the model predicts as long as none of the new tokens is read. A new
token starts as a rare variant of the first token of its kind, a new label and a new distance without effect, and copy
scores at zero. A model that does not look back can be extended to the distances of its codec in the same way.
"""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqforge import Model, load
from seqforge.api.model_sources import sources_of_model
from seqforge.corpus import prepare
from seqforge.errors import SeqforgeError
from seqforge.modelfile import write_model
from seqforge.network.conditioning import Conditioning
from seqforge.network.references import CopyLogits, ReferenceEmbedding
from seqforge.network.shapes import label_width
from seqforge.plugin.alignment import aligned_history
from seqforge.plugin.validation import validate_state
from seqforge.training.config import DEFAULT_LOOKBACK

__all__ = ["extend_model", "extended_arrays", "labelled_arrays", "looking_back"]

RARITY = 5.0
"""The bias of a new token is lower than that of the token it comes from by this number, in nats."""


def extend_model(model: Model, changes: dict[str, Any], path: Path) -> None:
    """Write a model with its weights and a new codec of its corpus.

    Example:
        extend_model(load("songs"), {"bar_repeats": True}, Path("start.safetensors"))

    Args:
        model: The model, whose steps are symbols with names.
        changes: Options of the plugin that differ from those of the model.
        path: The file to write.

    Raises:
        ValueError: If a token, a label or a distance of the model is missing in the new codec.
    """
    options = dataclasses.replace(model.options, **changes)
    _, sources = sources_of_model(model.plugin, model.path, model.header.provenance, None, None)
    codec = prepare(model.plugin, options, sources).codec
    history = aligned_history(model.plugin, codec)
    config, distances = model.header.network, () if history is None else history.distances
    if not set(distances).issuperset(config.distances):
        raise ValueError(f"the new codec lacks some of the distances {config.distances}: it has {distances}")
    lookback = config.lookback or (DEFAULT_LOOKBACK if distances else 0)
    before: Any = model.codec
    after: Any = codec
    arrays = extended_arrays(model.arrays(), before.vocabulary, after.vocabulary)
    arrays = looking_back(arrays, config.distances, distances, config.embedding, lookback)
    width = config.embedding + lookback * len(distances)
    arrays = labelled_arrays(arrays, before.labels, after.labels, width)
    if lookback and not config.lookback:
        references = ReferenceEmbedding(len(after.vocabulary), lookback, len(distances))
        references.initialise(torch.Generator().manual_seed(0))
        arrays |= {f"references.{name}": value.numpy() for name, value in references.state_dict().items()}
    copies = bool(distances) and not config.cutoffs
    if copies and not config.copy_logits:
        copy_logits = CopyLogits(config.hidden, len(distances))
        copy_logits.initialise()
        arrays |= {f"copy_logits.{name}": value.numpy() for name, value in copy_logits.state_dict().items()}
    data, stored = validate_state(model.plugin, codec)
    header = dataclasses.replace(
        model.header, codec={"version": codec.version, "data": data}, arrays=stored, space=codec.space,
        options=dataclasses.asdict(options), labels=dict(after.labels),
        network=dataclasses.replace(
            config, distances=distances, lookback=lookback, copy_logits=copies,
            labels=tuple(map(len, after.labels.values())),
        ),
    )  # fmt: skip
    write_model(path, header, arrays)


def extended_arrays(
    arrays: Mapping[str, np.ndarray], before: Sequence[str], after: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return the parameters of a network for a larger vocabulary.

    Args:
        arrays: The parameters by name.
        before: The names of the old tokens, such as `bar` and `pitch:60`.
        after: The names of the new tokens.

    Raises:
        ValueError: If an old token is missing.
    """
    missing = set(before).difference(after)
    if missing:
        raise ValueError(f"the new codec lacks the tokens {', '.join(sorted(missing))}")
    numbers = {name: number for number, name in enumerate(before)}
    kinds = {name.partition(":")[0]: number for number, name in reversed(list(enumerate(before)))}
    rows = np.array([numbers.get(name, kinds.get(name.partition(":")[0], 0)) for name in after])
    is_new = np.array([name not in numbers for name in after])
    result = dict(arrays)
    for name in ("head.embedding", "head.output_embedding", "head.bias", "references.steps"):
        if name in arrays:
            boundary = arrays[name][len(before) :]
            result[name] = np.concatenate([arrays[name][rows], boundary])
    result["head.bias"][: len(after)] -= RARITY * is_new
    return result


def looking_back(
    arrays: Mapping[str, np.ndarray], before: Sequence[int], after: Sequence[int], embedding: int, lookback: int
) -> dict[str, np.ndarray]:
    """Return the parameters of a network that also looks back by new distances, at first without effect.

    Args:
        arrays: The parameters by name.
        before: The old distances.
        after: The new distances, in any order.
        embedding: The width of the embedding of a step.
        lookback: The width of the embedding of an earlier step.
    """
    result: dict[str, np.ndarray] = dict(arrays)
    numbers = {distance: number for number, distance in enumerate(before)}
    rows = np.array([numbers.get(distance, len(before)) for distance in after], np.int64)  # the last one is zero
    first = arrays["layers.0.input_weight"]
    end = embedding + lookback * len(before)
    blocks = first[:, embedding:end].reshape(len(first), len(before), lookback)
    columns = np.pad(blocks, [(0, 0), (0, 1), (0, 0)])[:, rows].reshape(len(first), -1)
    result["layers.0.input_weight"] = np.concatenate([first[:, :embedding], columns, first[:, end:]], 1)
    if "copy_logits.weight" in arrays:
        result["copy_logits.weight"] = np.pad(arrays["copy_logits.weight"], [(0, 1), (0, 0)])[rows]
        result["copy_logits.agreements"] = np.pad(arrays["copy_logits.agreements"], [(0, 0), (0, 1)])[:, rows]
    return result


def labelled_arrays(
    arrays: Mapping[str, np.ndarray],
    before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
    width: int,
) -> dict[str, np.ndarray]:
    """Return the parameters of a network that also reads the new labels of a codec, at first without effect.

    Args:
        arrays: The parameters by name.
        before: The values of the old labels by name.
        after: The values of the new labels by name.
        width: The number of columns of the first layer before those of the labels.

    Raises:
        ValueError: If an old label is missing or has other values.
    """
    changed = [name for name, values in before.items() if list(after.get(name, ())) != list(values)]
    if changed:
        raise ValueError(f"the new codec lacks the labels {', '.join(changed)}, or has other values of them")
    embeddings = Conditioning(tuple(map(len, after.values())), 0)
    embeddings.initialise(torch.Generator().manual_seed(0))
    result = {name: array for name, array in arrays.items() if not name.startswith("conditioning.")}
    numbers = {name: number for number, name in enumerate(before)}
    for number, name in enumerate(after):
        fresh = embeddings.embeddings[number].detach().numpy()
        key = f"conditioning.embeddings.{numbers.get(name)}"
        result[f"conditioning.embeddings.{number}"] = arrays.get(key, fresh)
    for name, first in (("layers.0.input_weight", width), ("start_weight", 1)):
        if name not in arrays:
            continue
        matrix, columns = arrays[name], {}
        boundary = first
        for label, values in before.items():
            columns[label] = matrix[:, boundary : boundary + label_width(len(values))]
            boundary += label_width(len(values))
        parts = [
            columns.get(label, np.zeros((len(matrix), label_width(len(after[label]))), np.float32)) for label in after
        ]
        result[name] = np.concatenate([matrix[:, :first], *parts, matrix[:, boundary:]], 1)
    return result


def option_value(text: str) -> Any:
    """Return the value of an option: true and false are values, all else is text.

    >>> option_value("true"), option_value("key,density")
    (True, 'key,density')
    """
    return {"true": True, "false": False}.get(text, text)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a shipped model, a run folder or a model file")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a changed option")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    pairs = [option.partition("=") for option in arguments.option]
    try:
        changes = {name: option_value(value) for name, _, value in pairs}
        extend_model(load(arguments.model), changes, arguments.output)
    except (SeqforgeError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
