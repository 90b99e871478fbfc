"""Comparison of pieces, examples and codecs."""

import hashlib
import json
from typing import Any

import numpy as np

from seqforge.core.sequences import Example, Prompt
from seqforge.plugin import Piece
from seqforge.plugin.validation import validate_state
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject


def equal(subject: Subject, first: Any, second: Any) -> bool:
    """Return whether two contents are equal by their own `==`.

    Raises:
        CheckFailed: If `==` does not return True or False.
    """
    with subject.calling("__eq__", "two contents", owner=first):
        result = first == second
    if not isinstance(result, bool | np.bool_):
        raise CheckFailed(
            f"{subject.owner_text}: `==` of two contents of type {type(first).__name__} returns"
            f" {type(result).__name__}; it must return True or False: put an array into a frozen dataclass with its own"
            " __eq__, or use a tuple"
        )
    return bool(result)


def digest(example: Example) -> str:
    """Return a digest of everything in an example that is stored."""
    arrays = [
        None if array is None else [str(array.dtype), array.shape, array.tobytes().hex()]
        for array in (example.steps, example.source, example.features)
    ]
    text = json.dumps([arrays, sorted(example.labels.items()), example.extras], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def prompt_digest(prompt: Prompt) -> list[Any]:
    """Return a comparable description of a prompt, with the first mask of its constraint."""
    settings = [prompt.keep, prompt.candidates, prompt.joint_steps, prompt.whole_source, prompt.source_start]
    if prompt.constraint is None:
        return [digest(prompt.example), settings, None]
    state = prompt.constraint.start()
    mask = np.asarray(prompt.constraint.allowed(state)).tobytes().hex()
    return [digest(prompt.example), settings, [mask, bool(prompt.constraint.may_end(state))]]


def codec_digests(subject: Subject) -> dict[str, Any]:
    """Return digests of the codec and of every encoded piece."""
    data, arrays = validate_state(subject.plugin, subject.codec)
    array_digests = [[name, digest(Example(array))] for name, array in sorted(arrays.items())]
    text = json.dumps([data, array_digests], sort_keys=True)
    return {
        "codec": hashlib.sha256(text.encode()).hexdigest(),
        "steps": [digest(example) for example in subject.examples],
    }


def difference(first: Piece[Any], second: Piece[Any]) -> str:
    """Return in words where two pieces differ, from their `repr`."""
    texts = repr(first.content), repr(second.content)
    if texts[0] == texts[1]:
        if dict(first.labels) != dict(second.labels):
            return f"labels {dict(first.labels)} instead of {dict(second.labels)}"
        return "both have the same repr but are not equal"
    pairs = enumerate(zip(*texts, strict=False))
    start = next((number for number, (a, b) in pairs if a != b), min(map(len, texts)))
    excerpt = slice(max(0, start - 20), start + 40)
    return f"...{texts[0][excerpt]}... instead of ...{texts[1][excerpt]}..."
