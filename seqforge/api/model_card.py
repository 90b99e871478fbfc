"""The card of a model in Markdown, written from the header of its file. No torch."""

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge.core.places import MARKER, NAMED, REPEAT
from seqforge.core.spaces import Categorical
from seqforge.modelfile import ModelHeader
from seqforge.network.shapes import parameter_shapes

__all__ = ["card_name", "model_card", "parameter_count"]

MAX_VALUES = 12
"""Largest number of values of a label that a card lists."""
SETTINGS = ("batch_size", "bptt", "learning_rate", "weight_decay", "dropout", "recurrent_dropout", "precision", "seed")
"""The options of the training that a card lists."""
DISTANCE_NAMES = {REPEAT: "the repeat", NAMED: "the distance that the piece names"}
LICENCES = {"mit": "mit", "cc0": "cc0-1.0", "cc by 4.0": "cc-by-4.0", "cc-by-4.0": "cc-by-4.0",
            "cc by-sa 4.0": "cc-by-sa-4.0", "cc-by-sa-4.0": "cc-by-sa-4.0", "public domain": "unlicense"}  # fmt: skip
"""The identifiers of licences on Hugging Face, by the beginning of the name of a licence."""


def model_card(header: ModelHeader, *, name: str, model: str = "model.safetensors") -> str:
    """Return a model card: what the model is, how to use it, what it was trained on, its loss and its licences.

    It begins with the metadata that Hugging Face reads (YAML between two lines `---`).

    Example:
        card = model_card(read_header(Path("model.safetensors")), name="reels")

    Source of the sections: M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, section 4.

    Args:
        header: The header of the model file.
        name: The name of the model.
        model: The name by which the commands of the card address the model: a path or `hf:user/name`.
    """
    parts = [
        _metadata(header),
        f"# {name}\n\n{_summary(header)}",
        _section("Use", _use(header, model)),
        _section("Network", _table(_network_rows(header))),
        _section("Labels", _labels(header)),
        _section("Training data", _data(header)),
        _section("Training", _table(_training_rows(header))),
        _section("Evaluation", _evaluation(header)),
        _section("Licences", _licences(header)),
        _section("Limits", _limits(header)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def parameter_count(header: ModelHeader) -> int:
    """Return the number of trainable parameters of the network that a header describes."""
    return sum(math.prod(shape) for shape in parameter_shapes(header.space, header.network).values())


def _metadata(header: ModelHeader) -> str:
    licences = header.provenance.get("licences", [])
    values: dict[str, Any] = {
        "library_name": "seqforge",
        "tags": ["seqforge", header.plugin, header.network.cell, "recurrent-network"],
    }
    identifiers = {_identifier(entry["licence"]) for entry in licences}
    if len(identifiers) == 1:
        values["license"] = identifiers.pop()
    elif identifiers:
        values["license"] = "other"
    if header.plugin == "text":
        values["pipeline_tag"] = "text-generation"
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]  # JSON is YAML
    return "\n".join(["---", *lines, "---"])


def _identifier(licence: str) -> str:
    text = licence.lower()
    return next((identifier for start, identifier in LICENCES.items() if text.startswith(start)), "other")


def _summary(header: ModelHeader) -> str:
    network = header.network
    return (
        f"A recurrent network ({network.cell.upper()}, {network.layers} x {network.hidden} units,"
        f" {parameter_count(header):,} parameters) of the domain `{header.plugin}`, trained with"
        f" [seqforge](https://github.com/seqforge/seqforge). It generates pieces step by step; its unit is one"
        f" {header.unit}."
    )


def _use(header: ModelHeader, model: str) -> str:
    labels = [(name, values[0]) for name, values in header.labels.items() if values]
    flags = "".join(f" --label {_shell(f'{name}={value}')}" for name, value in labels[:1])
    return (
        f"```sh\nseqforge generate --model {_shell(model)}{flags}\nseqforge evaluate {_shell(model)}\n```\n\n"
        f"```python\nimport seqforge\n\nmodel = seqforge.load({json.dumps(model)})\n"
        "piece = model.generate()[0]\n```"
    )


def _network_rows(header: ModelHeader) -> list[tuple[str, str]]:
    network, space = header.network, header.space
    steps = f"{space.size:,} symbols" if isinstance(space, Categorical) else ", ".join(
        f"{name} {value}" for name, value in space.to_json().items()
    )  # fmt: skip
    rows = [
        ("steps", steps),
        ("layers", f"{network.layers} x {network.hidden} ({network.cell})"),
        ("embedding", f"{network.embedding}{', shared by input and output' if network.tie_embeddings else ''}"),
        ("parameters", f"{parameter_count(header):,}"),
    ]
    if network.source_symbols:
        rows.append(("attention", f"on a source of {network.source_symbols - 1} different symbols"))
    if network.lookback:
        rows.append(("looks back", _distances(network.distances)))
    if network.copy_logits:
        rows.append(("copy scores", "one per distance, added to the logit of the earlier step"))
    return rows


def _distances(distances: Sequence[int]) -> str:
    """Return in words how far a network looks back."""
    periods = [str(distance) for distance in distances if distance > 0]
    parts = [f"{', '.join(periods)} periods"] if periods else []
    parts += [DISTANCE_NAMES[distance] for distance in distances if distance in DISTANCE_NAMES]
    markers = sum(distance <= MARKER for distance in distances)
    if markers:
        parts.append(f"the latest marker of {markers} kind{'s' * (markers > 1)}")
    return "; ".join(parts)


def _labels(header: ModelHeader) -> str:
    lines = []
    for name, values in header.labels.items():
        more = f" and {len(values) - MAX_VALUES:,} more" if len(values) > MAX_VALUES else ""
        lines.append(f"- `{name}`: {', '.join(_text(value) for value in values[:MAX_VALUES])}{more}")
    return "\n".join(lines)


def _data(header: ModelHeader) -> str:
    provenance = header.provenance
    pieces = provenance.get("pieces")
    lines = [f"Corpora: {', '.join(_text(name) for name in provenance.get('corpus', [])) or 'not recorded'}."]
    if isinstance(pieces, Mapping):
        counts = ", ".join(f"{number:,} {split}" for split, number in pieces.items() if isinstance(number, int))
        lines.append(f"Pieces: {counts}.")
    if isinstance(provenance.get("train_units"), int | float):
        lines.append(f"The train split contains {provenance['train_units']:,.0f} {header.unit}s.")
    options = ", ".join(f"`{name} = {_text(str(value))}`" for name, value in header.options.items())
    return " ".join(lines) + (f"\n\nOptions of the encoding: {options}." if options else "")


def _training_rows(header: ModelHeader) -> list[tuple[str, str]]:
    provenance = header.provenance
    training = provenance.get("training")
    rows = [("optimiser steps", f"{provenance['steps']:,}")] if isinstance(provenance.get("steps"), int) else []
    if isinstance(training, Mapping):
        names = (
            "batch_size",
            "bptt",
            "learning_rate",
            "weight_decay",
            "dropout",
            "recurrent_dropout",
            "precision",
            "seed",
        )
        rows += [(name.replace("_", " "), str(training[name])) for name in names if training.get(name) is not None]
    if provenance.get("init"):
        rows.append(("started from", str(provenance["init"])))
    if provenance.get("distil"):
        rows.append(("learnt from", str(provenance["distil"])))
    versions = provenance.get("versions", {})
    return [*rows, ("versions", ", ".join(f"{name} {value}" for name, value in versions.items()))] if versions else rows


def _evaluation(header: ModelHeader) -> str:
    loss = header.provenance.get("valid_nats_per_unit")
    if loss is None:
        return "No loss is recorded: the training had no valid split."
    return (
        f"Loss on the valid split: {loss:.4f} nats per {header.unit} ({loss / math.log(2):.4f} bits). The model"
        " was chosen by this loss, so that a loss on new pieces is slightly higher. `seqforge evaluate` measures the"
        " test split."
    )


def _licences(header: ModelHeader) -> str:
    return "\n".join(
        f"- {_text(entry['name'])}: {_text(entry['licence'])}. {_text(entry['attribution'])} ({_text(entry['source'])})"
        for entry in header.provenance.get("licences", [])
    )


def _limits(header: ModelHeader) -> str:
    longest = header.provenance.get("longest_units")
    length = f" Its longest training piece has {longest:,.0f} {header.unit}s." if longest else ""
    return (
        "The model imitates its training data, with its style, its mistakes and its biases, and can reproduce parts of"
        f" it; `seqforge evaluate --samples` measures how much.{length} It knows nothing beside these data."
    )


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _table(rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    return "\n".join(
        ["| property | value |", "| --- | --- |", *(f"| {_text(name)} | {_text(value)} |" for name, value in rows)]
    )


def _text(value: Any) -> str:
    """Return a text of a file on one line, with the characters escaped that Markdown and HTML would interpret."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(str(value).split()))


def _shell(text: str) -> str:
    return shlex.quote(text)


def card_name(path: Path, plugin: str) -> str:
    """Return a name for the card of a model file: that of its run or of the file; the plugin for its default model.

    >>> card_name(Path("runs/abc/0001/model.safetensors"), "abc"), card_name(Path("models/default.safetensors"), "abc")
    ('abc/0001', 'abc')
    """
    if path.name == "model.safetensors":
        return "/".join(path.absolute().parent.parts[-2:]).lstrip("/")
    return plugin if path.stem == "default" else path.stem
