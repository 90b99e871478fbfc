"""What a plugin hands back, looked at where the core takes it: what breaks the contract is told in one sentence.

Everything here is done once for a piece, a file or a request, never for a step.
"""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.errors import ContractError, ReadError
from seqforge.plugin import Augments, Codec, Piece, Plugin
from seqforge.sequences import Constraint, Example, Prompt
from seqforge.spaces import Categorical, Space
from seqforge.tensorfile import canonical_json

__all__ = [
    "augmenting",
    "broken",
    "taken_codec",
    "taken_data",
    "taken_example",
    "taken_items",
    "taken_keys",
    "taken_parts",
    "taken_piece",
    "taken_prompts",
    "taken_units",
    "write_pieces",
]


def broken(plugin: Plugin, method: str, does: str, must: str = "", *, owner: object = None) -> ContractError:
    """Return the error of a method that breaks the contract.

    Args:
        plugin: whose.
        method: its name.
        does: what it does, as half a sentence ("returns None").
        must: what it must return.
        owner: the object that has the method, where that is not the plugin.
    """
    kind = type(plugin if owner is None else owner).__qualname__
    rule = f"; it must return {must}" if must else ""
    return ContractError(
        f"the plugin {plugin.name!r} ({plugin.distribution()}): {kind}.{method} {does}{rule};"
        f" `seqforge plugins check {plugin.name}` finds more of the kind"
    )


def taken_items(plugin: Plugin, path: Path, options: Any) -> Iterator[Piece | ReadError]:
    """Yield what `read` yields of a file.

    Raises:
        ContractError: that is no Piece and no ReadError, or its labels are no strings.
    """
    found: Any = plugin.read(path, options)
    if not isinstance(found, Iterable):
        raise broken(plugin, "read", f"returns {_kind(found)}", "an iterator of Piece and ReadError: use yield")
    for item in found:
        if isinstance(item, Piece):
            labels = item.labels
            if not isinstance(labels, Mapping) or not all(
                isinstance(name, str) and isinstance(value, str) for name, value in labels.items()
            ):
                raise broken(plugin, "read", f"yields a piece with the labels {labels!r}", "strings, name to value")
        elif not isinstance(item, ReadError):
            raise broken(plugin, "read", f"yields {_kind(item)}", "an iterator of Piece and ReadError")
        yield item


def taken_parts(plugin: Plugin, parts: Any, fractions: Sequence[float]) -> Sequence[Piece]:
    """Return what `divide` returned.

    Raises:
        ContractError: it is not a piece for each fraction.
    """
    if not isinstance(parts, Sequence) or len(parts) != len(fractions) or not all(_is(parts, Piece)):
        raise broken(plugin, "divide", f"returns {_kind(parts)}", f"{len(fractions)} pieces, one for each fraction")
    return parts


def taken_keys(plugin: Plugin, keys: Any) -> list[int]:
    """Return what `fingerprints` returned.

    Raises:
        ContractError: it is no numbers.
    """
    found: list[Any] = list(keys) if isinstance(keys, Iterable) else [None]
    if not all(isinstance(key, int | np.integer) for key in found):
        raise broken(plugin, "fingerprints", f"returns {_kind(keys)}", "whole numbers")
    return [int(key) for key in found]


def taken_codec(plugin: Plugin, codec: Any, method: str = "fit") -> Codec:
    """Return what `fit` or `widened` returned.

    Raises:
        ContractError: it is no codec of the class that the plugin promises, or does not say what a step is.
    """
    if not isinstance(codec, plugin.codec):
        what = f"{method} returns a {type(codec).__name__}, and `codec` promises {plugin.codec.__name__}"
        raise ContractError(f"the plugin {plugin.name!r} ({plugin.distribution()}): {what}")
    if not isinstance(getattr(codec, "space", None), Space):
        raise broken(plugin, method, f"gives a codec whose `space` is {getattr(codec, 'space', None)!r}", "a space")
    if not isinstance(codec.source, Categorical | None):
        raise broken(plugin, method, f"gives a codec whose `source` is {codec.source!r}", "Categorical, or None")
    if type(codec.features) is not int or codec.features < 0:
        raise broken(plugin, method, f"gives a codec whose `features` is {codec.features!r}", "a number from 0")
    return codec


def taken_data(plugin: Plugin, codec: Codec) -> tuple[Mapping[str, Any], dict[str, np.ndarray]]:
    """Return what `to_json` and `arrays` returned.

    Raises:
        ContractError: it is no plain JSON, or no arrays of numbers.
    """
    data, arrays = codec.to_json(), dict(codec.arrays())
    try:
        canonical_json(data)
    except (TypeError, ValueError) as error:
        raise broken(plugin, "to_json", f"returns what is no plain JSON ({error})", owner=codec) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype == object:
            raise broken(plugin, "arrays", f"returns {_kind(array)} for {name!r}", "arrays of numbers", owner=codec)
    return data, arrays


def taken_example(plugin: Plugin, codec: Codec, example: Any, method: str = "encode") -> Example:
    """Return what `encode` or `augment` returned.

    Raises:
        ContractError: it is no Example, or its steps, source or features do not fit the codec.
    """
    if not isinstance(example, Example) or not isinstance(example.steps, np.ndarray):
        what = _kind(example.steps) + " as steps" if isinstance(example, Example) else _kind(example)
        raise broken(plugin, method, f"returns {what}", "an Example with an array of steps", owner=codec)
    try:
        codec.space.check(example.steps)
    except ValueError as error:
        raise broken(plugin, method, f"gives steps outside its space: {error}", owner=codec) from error
    if example.source is not None:
        try:
            if codec.source is None:
                raise ValueError("the codec has no `source`")
            codec.source.check(example.source)
        except (ValueError, AttributeError) as error:
            raise broken(plugin, method, f"gives a source outside the codec's: {error}", owner=codec) from error
    features: Any = example.features
    if features is not None and (np.shape(features), getattr(features, "dtype", None)) != (
        (codec.features,),
        "float32",
    ):
        must = f"{codec.features} of float32, or None"
        raise broken(plugin, method, f"gives {_kind(features)} as features", must, owner=codec)
    return example


def taken_units(plugin: Plugin, codec: Codec, steps: np.ndarray) -> np.ndarray:
    """Return the units of steps.

    Raises:
        ContractError: there is not one number for each step.
    """
    found: Any = codec.units(steps)
    if not isinstance(found, np.ndarray) or found.shape != (len(steps),) or found.dtype.kind not in "iufb":
        what = f"returns {_kind(found)} for {len(steps)} steps"
        raise broken(plugin, "units", what, "an array with one number for each step", owner=codec)
    return found


def taken_prompts(plugin: Plugin, codec: Codec, request: Any) -> list[Prompt]:
    """Return the prompts of a request, their constraints watched.

    Raises:
        ContractError: there is none, or one that does not fit the codec.
    """
    found: Any = codec.prompts(request)
    if not isinstance(found, Sequence) or not found or not all(_is(found, Prompt)):
        what = f"a list with {_kind(found[0])}" if isinstance(found, Sequence) and found else _kind(found)
        raise broken(plugin, "prompts", f"returns {what}", "at least one Prompt, in a list", owner=codec)
    watched = []
    for prompt in found:
        taken_example(plugin, codec, prompt.example, "prompts")
        rule: Any = prompt.constraint
        if not isinstance(rule, Constraint | None):
            raise broken(plugin, "prompts", f"gives {_kind(rule)} as constraint", "a Constraint", owner=codec)
        if rule is not None and isinstance(codec.space, Categorical):
            rule = Watched(rule, plugin, codec.space.size)
        watched.append(dataclasses.replace(prompt, constraint=rule))
    return watched


def taken_piece(plugin: Plugin, piece: Any, method: str, *, owner: object) -> Piece:
    """Return what `decode`, `canonical` or `finish` returned.

    Raises:
        ContractError: it is no Piece.
    """
    if not isinstance(piece, Piece):
        raise broken(plugin, method, f"returns {_kind(piece)}", "a Piece", owner=owner)
    return piece


def write_pieces(plugin: Plugin, pieces: Sequence[Piece], path: Path) -> None:
    """Have a plugin write pieces.

    Raises:
        ContractError: it left nothing there, though the pieces hold something.
    """
    plugin.write(pieces, path)
    silent = all(isinstance(piece.content, str) and not piece.content for piece in pieces)
    if not path.is_file() or not (path.stat().st_size or silent):
        left = "an empty file" if path.is_file() else "no file"
        raise broken(
            plugin, "write", f"leaves {left} for {path.suffix}; it must write the pieces to the path it is told"
        )


def augmenting(plugin: Plugin, codec: Codec) -> Callable[[Example, np.random.Generator], Example] | None:
    """Return the codec's `augment`, each variant looked at; None where it has none."""
    if not isinstance(codec, Augments):
        return None
    augment = codec.augment

    def watched(example: Example, rng: np.random.Generator) -> Example:
        found = taken_example(plugin, codec, augment(example, rng), "augment")
        if len(found.steps) != len(example.steps):
            what = f"returns {len(found.steps)} steps for {len(example.steps)}"
            raise broken(plugin, "augment", what, "as many steps as it is given", owner=codec)
        return found

    return watched


class Watched(Constraint):
    """A plugin's constraint, its masks looked at: the sampler keeps them by state, so each is seen about once.

    Args:
        inner: the plugin's.
        plugin: whose.
        size: symbols of the space.
    """

    def __init__(self, inner: Constraint, plugin: Plugin, size: int) -> None:
        self.inner, self.plugin, self.size = inner, plugin, size

    def start(self) -> Hashable:
        state = self.inner.start()
        try:
            hash(state)
        except TypeError as error:
            must = "a state that can be hashed: masks are kept by it"
            raise broken(self.plugin, "start", f"returns {_kind(state)}", must, owner=self.inner) from error
        return state

    def allowed(self, state: Hashable) -> np.ndarray:
        mask = self.inner.allowed(state)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.size,):
            must = f"an array of bool, one for each of {self.size} symbols"
            raise broken(self.plugin, "allowed", f"returns {_kind(mask)}", must, owner=self.inner)
        return mask

    def may_end(self, state: Hashable) -> bool:
        return self.inner.may_end(state)

    def to_end(self, state: Hashable) -> int:
        return self.inner.to_end(state)

    def advance(self, state: Hashable, step: Any) -> Hashable:
        return self.inner.advance(state, step)


def _is(found: Sequence[Any], kind: type) -> list[bool]:
    return [isinstance(each, kind) for each in found]


def _kind(value: Any) -> str:
    """Return what a value is, in a few words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, list | tuple | dict | str) and not value:
        return f"an empty {type(value).__name__}"
    return f"a {type(value).__name__}"
