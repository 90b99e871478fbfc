"""The rules of the contract. Every value that a plugin returns is checked here, in the core and in the conformance kit.

Each check runs once per plugin, piece, file or request, never once per step. Errors name distribution, method and rule.
"""

import dataclasses
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np

from seqforge.core.options import CONVERT_FLAGS, RESERVED, unsupported_fields
from seqforge.core.sequences import Attention, Constraint, Example, Free, Prompt
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.core.tensorfile import canonical_json
from seqforge.errors import ContractError, ReadError, listing
from seqforge.plugin.capabilities import Augments, LaysOut
from seqforge.plugin.codec import AnyCodec, Codec, Task
from seqforge.plugin.contract_errors import contract_error, kind_of
from seqforge.plugin.entry_points import Entry, installed
from seqforge.plugin.piece import Piece
from seqforge.plugin.plugin import API, AnyPlugin, Plugin
from seqforge.plugin.validated_constraint import ValidatedConstraint, ValidatedVectorConstraint

__all__ = [
    "ValidatedConstraint",
    "contract_error",
    "describe_fault",
    "validate_codec",
    "validate_example",
    "validate_fingerprints",
    "validate_items",
    "validate_parts",
    "validate_piece",
    "validate_plugin",
    "validate_state",
    "validate_task",
    "validate_units",
    "validated_augment",
    "write_pieces",
]


def describe_fault(error: BaseException) -> str | None:
    """Return a sentence that names the plugin, method and line that raised an unexpected error.

    An error that was raised from another one is followed to its cause.

    Returns:
        The sentence, or None if no installed plugin is in the traceback.
    """
    entries = {entry.package: entry for entry in installed()}
    followed = {id(error)}
    while (cause := error.__cause__) is not None and id(cause) not in followed:  # causes may form a circle
        followed.add(id(cause))
        error = cause
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if (entry := entries.get(str(frame.f_globals.get("__name__", "")).partition(".")[0])) is not None:
            message = f"{type(error).__name__}: {error}".rstrip(": ")
            place = f"{Path(frame.f_code.co_filename).name}:{line}"
            return (
                f"the plugin {entry.name!r} ({entry.distribution}): {frame.f_code.co_qualname} raises {message}"
                f" ({place}); run `seqforge plugins check {entry.name}` for the rule that it breaks"
            )
    return None


def validate_plugin(kind: Any, entry: Entry) -> AnyPlugin:
    """Return an instance of a plugin's class if its declaration follows the contract.

    Raises:
        ContractError: If it does not; the message names the distribution and the rule.
    """
    owner = f"the plugin {entry.name!r} of {entry.distribution}"
    if not (isinstance(kind, type) and issubclass(kind, Plugin)):
        raise ContractError(f"{owner} points to {entry.target}, which is not a subclass of seqforge.Plugin")
    if kind.api != API:
        raise ContractError(f"{owner} is written for api {kind.api}, and this seqforge has api {API}; update it")
    missing = sorted(getattr(kind, "__abstractmethods__", ()))
    missing += [name for name in ("name", "writes", "codec") if not hasattr(kind, name)]
    if missing:
        raise ContractError(f"{owner} lacks {listing(missing)}, which every plugin must define")
    if kind.name != entry.name:
        raise ContractError(f"{owner} has the name {kind.name!r}; `name` must equal the name of the entry point")
    if not (isinstance(kind.codec, type) and issubclass(kind.codec, Codec)):
        raise ContractError(f"{owner} has a `codec` that is not a subclass of seqforge.Codec")
    missing = sorted(getattr(kind.codec, "__abstractmethods__", ()))
    if missing:
        raise ContractError(f"{owner}: {kind.codec.__name__} lacks {listing(missing)}, which every codec must define")
    for name in ("Options", "Request", *(["Layout"] if issubclass(kind, LaysOut) else [])):
        _validate_fields(name, getattr(kind, name, None), owner)
    try:
        return kind()
    except Exception as error:
        raise ContractError(f"{owner} cannot be constructed: {type(error).__name__}: {error}") from error


def _validate_fields(name: str, kind: Any, owner: str) -> None:
    params = getattr(kind, "__dataclass_params__", None)
    if params is None or not params.frozen:
        raise ContractError(f"{owner}: {name} is not a frozen dataclass")
    flags = RESERVED | CONVERT_FLAGS if name == "Layout" else RESERVED
    clash = listing(sorted(flags.intersection(field.name for field in dataclasses.fields(kind))))
    if clash:
        raise ContractError(f"{owner}: {name} has the fields {clash}, which are flags of the core; rename them")
    for field in unsupported_fields(kind):
        raise ContractError(
            f"{owner}: {name}.{field} has the type {get_type_hints(kind)[field]}; a flag can be bool, int, float, str,"
            " Path, Literal, or one of them or None"
        )


def validate_items(plugin: AnyPlugin, path: Path, options: Any) -> Iterator[Piece[Any] | ReadError]:
    """Yield what `read` yields for a file.

    Raises:
        ContractError: If an item is neither a Piece nor a ReadError, or its labels are not strings.
    """
    items: Any = plugin.read(path, options)
    if not isinstance(items, Iterable):
        raise contract_error(
            plugin, "read", f"returns {kind_of(items)}", "an iterator of Piece and ReadError: use yield"
        )
    for item in items:
        if isinstance(item, Piece):
            labels = item.labels
            if not isinstance(labels, Mapping) or not all(
                isinstance(name, str) and isinstance(value, str) for name, value in labels.items()
            ):
                problem = f"yields a piece with the labels {labels!r}"
                raise contract_error(plugin, "read", problem, "labels that map strings to strings")
        elif not isinstance(item, ReadError):
            raise contract_error(plugin, "read", f"yields {kind_of(item)}", "an iterator of Piece and ReadError")
        yield item


def validate_parts(plugin: AnyPlugin, parts: Any, fractions: Sequence[float]) -> Sequence[Piece[Any]]:
    """Return what `divide` returned.

    Raises:
        ContractError: If it is not one piece per fraction.
    """
    if not isinstance(parts, Sequence) or len(parts) != len(fractions) or not _all_are(parts, Piece):
        raise contract_error(
            plugin, "divide", f"returns {kind_of(parts)}", f"{len(fractions)} pieces, one per fraction"
        )
    return parts


def validate_fingerprints(plugin: AnyPlugin, keys: Any) -> list[int]:
    """Return what `fingerprints` returned.

    Raises:
        ContractError: If it is not a sequence of integers.
    """
    numbers: list[Any] = list(keys) if isinstance(keys, Iterable) else [None]
    if not _all_are(numbers, int | np.integer):
        raise contract_error(plugin, "fingerprints", f"returns {kind_of(keys)}", "integers")
    return [int(number) for number in numbers]


def validate_codec(plugin: AnyPlugin, codec: Any, method: str = "fit") -> AnyCodec:
    """Return what `fit`, `from_state` or `extended_for` returned.

    Raises:
        ContractError: If it is not a codec of the plugin's class, or its declaration is wrong.
    """
    owner = plugin.codec if isinstance(plugin.codec, type) else None
    if owner is None or not isinstance(codec, owner):
        problem = f"{plugin.codec.__name__}.{method} returns {kind_of(codec)}; it must return a {plugin.codec.__name__}"
        raise ContractError(f"the plugin {plugin.name!r} ({plugin.distribution()}): {problem}")
    if type(codec.version) is not int or codec.version < 1:
        raise contract_error(plugin, method, f"has the `version` {codec.version!r}", "an integer from 1", owner=codec)
    if not isinstance(getattr(codec, "space", None), Space):
        problem = f"returns a codec whose `space` is {getattr(codec, 'space', None)!r}"
        raise contract_error(plugin, method, problem, "a codec with a Space", owner=codec)
    if not isinstance(codec.source, Categorical | None):
        problem = f"returns a codec whose `source` is {codec.source!r}"
        raise contract_error(plugin, method, problem, "a codec with a Categorical source, or None", owner=codec)
    if codec.attention not in get_args(Attention):
        problem = f"returns a codec whose `attention` is {codec.attention!r}"
        raise contract_error(plugin, method, problem, f"one of {listing(get_args(Attention))}", owner=codec)
    if type(codec.features) is not int or codec.features < 0:
        problem = f"returns a codec whose `features` is {codec.features!r}"
        raise contract_error(plugin, method, problem, "a codec whose `features` is an integer from 0", owner=codec)
    steps = codec.never_generated
    if steps and not (isinstance(codec.space, Categorical) and all(0 <= step < codec.space.size for step in steps)):
        problem = f"returns a codec whose `never_generated` is {steps!r}"
        raise contract_error(plugin, method, problem, "a codec with steps of its categorical space", owner=codec)
    for name, values in codec.labels.items():
        if not isinstance(values, tuple) or len(set(values)) != len(values):
            problem = f"returns a codec whose label {name!r} has the values {values!r}"
            raise contract_error(plugin, method, problem, "a tuple without duplicates", owner=codec)
    return codec


def validate_state(plugin: AnyPlugin, codec: AnyCodec) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what `state` returned.

    Raises:
        ContractError: If it is not a pair of plain JSON and arrays of numbers.
    """
    state: Any = codec.state()
    if not (isinstance(state, tuple) and len(state) == 2 and all(isinstance(part, Mapping) for part in state)):
        rule = "a pair: a dict of plain JSON and a dict of arrays"
        raise contract_error(plugin, "state", f"returns {kind_of(state)}", rule, owner=codec)
    data, arrays = dict(state[0]), dict(state[1])
    try:
        canonical_json(data)
    except (TypeError, ValueError) as error:
        raise contract_error(plugin, "state", f"returns data that is not plain JSON ({error})", owner=codec) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype == object:
            problem = f"returns {kind_of(array)} for {name!r}"
            raise contract_error(plugin, "state", problem, "arrays of numbers", owner=codec)
    return data, arrays


def validate_example(plugin: AnyPlugin, codec: AnyCodec, example: Any, method: str = "encode") -> Example:
    """Return what `encode` or `augment` returned.

    Raises:
        ContractError: If it is not an Example, or one of its parts does not fit the codec.
    """
    if not isinstance(example, Example) or not isinstance(example.steps, np.ndarray):
        problem = kind_of(example.steps) + " as steps" if isinstance(example, Example) else kind_of(example)
        raise contract_error(plugin, method, f"returns {problem}", "an Example with an array of steps", owner=codec)
    try:
        codec.space.check(example.steps)
    except ValueError as error:
        raise contract_error(plugin, method, f"returns steps outside its space: {error}", owner=codec) from error
    if example.source is not None:
        try:
            if codec.source is None:
                raise ValueError("the codec has no `source`")
            codec.source.check(example.source)
        except (ValueError, AttributeError) as error:
            raise contract_error(plugin, method, f"returns a source outside its space: {error}", owner=codec) from error
    features: Any = example.features
    actual = (np.shape(features), str(getattr(features, "dtype", None)))
    if features is not None and (not codec.features or actual != ((codec.features,), "float32")):
        rule = f"{codec.features} numbers of float32, or None" if codec.features else "None: the codec has 0 features"
        raise contract_error(plugin, method, f"returns {kind_of(features)} as features", rule, owner=codec)
    if not isinstance(example.dropped, Mapping) or any(
        not isinstance(name, str) or not isinstance(count, int | np.integer) or count <= 0
        for name, count in example.dropped.items()
    ):
        problem, rule = f"returns {example.dropped!r} as dropped", "words with counts above 0"
        raise contract_error(plugin, method, problem, rule, owner=codec)
    return example


def validate_units(plugin: AnyPlugin, codec: AnyCodec, steps: np.ndarray) -> np.ndarray:
    """Return the units of steps.

    Raises:
        ContractError: If there is not one number per step.
    """
    units: Any = codec.units(steps)
    if not isinstance(units, np.ndarray) or units.shape != (len(steps),) or units.dtype.kind not in "iufb":
        problem = f"returns {kind_of(units)} for {len(steps)} steps"
        raise contract_error(plugin, "units", problem, "an array with one number per step", owner=codec)
    return units


def validate_task(plugin: AnyPlugin, codec: AnyCodec, task: Any) -> Task[Any]:
    """Return the task that `Codec.task` returned, with constraints whose masks are checked.

    Raises:
        ContractError: If it is not a Task, has no prompt, or a prompt does not fit the codec.
    """
    if not isinstance(task, Task):
        raise contract_error(plugin, "task", f"returns {kind_of(task)}", "a Task", owner=codec)
    prompts: Any = task.prompts
    if not isinstance(prompts, Sequence) or not prompts or not _all_are(prompts, Prompt):
        is_list = isinstance(prompts, Sequence) and len(prompts)
        kind = f"a list with {kind_of(prompts[0])}" if is_list else kind_of(prompts)
        rule = "a Task with at least one Prompt, in a list"
        raise contract_error(plugin, "task", f"returns a Task with {kind} as prompts", rule, owner=codec)
    checked = []
    for prompt in prompts:
        validate_example(plugin, codec, prompt.example, "task")
        constraint: Any = prompt.constraint
        if not isinstance(constraint, Constraint | None):
            problem = f"returns {kind_of(constraint)} as constraint"
            raise contract_error(plugin, "task", problem, "a Constraint", owner=codec)
        joint_steps: Any = prompt.joint_steps
        if not isinstance(joint_steps, int) or joint_steps < 0 or (joint_steps and constraint is None):
            problem = f"returns a prompt with joint_steps={joint_steps!r}"
            raise contract_error(plugin, "task", problem, "0, or a number of steps and a constraint", owner=codec)
        _validate_label_choices(plugin, codec, prompt.label_choices)
        if isinstance(codec.space, Categorical):
            never = codec.never_generated if codec.space.size > len(codec.never_generated) else ()
            if constraint is None and never:
                constraint = Free(np.ones(codec.space.size, np.bool_))
            if constraint is not None:
                constraint = ValidatedConstraint(constraint, plugin, codec.space.size, never)
        elif isinstance(codec.space, Mixture) and constraint is not None:
            constraint = ValidatedVectorConstraint(constraint, plugin, codec.space)
        checked.append(dataclasses.replace(prompt, constraint=constraint))
    task.prompts = checked
    return task


def _validate_label_choices(plugin: AnyPlugin, codec: AnyCodec, choices: Any) -> None:
    """Raise ContractError if the rows of labels of a prompt are no rows of known labels."""
    known = {(name, value) for name, values in codec.labels.items() for value in values}
    if not isinstance(choices, Sequence) or not _all_are(choices, Mapping):
        problem = f"returns a prompt with {kind_of(choices)} as label_choices"
        raise contract_error(plugin, "task", problem, "a list of mappings of names to values", owner=codec)
    unknown = next((pair for row in choices for pair in row.items() if pair not in known), None)
    if unknown is not None:
        problem = f"returns a prompt with the label {unknown[0]!r} = {unknown[1]!r} in label_choices"
        raise contract_error(plugin, "task", problem, "a label of the codec with one of its values", owner=codec)


def validate_piece(plugin: AnyPlugin, piece: Any, method: str, *, owner: object) -> Piece[Any]:
    """Return what `decode`, `canonical` or `finish` returned.

    Raises:
        ContractError: If it is not a Piece.
    """
    if not isinstance(piece, Piece):
        raise contract_error(plugin, method, f"returns {kind_of(piece)}", "a Piece", owner=owner)
    return piece


def write_pieces(plugin: AnyPlugin, pieces: Sequence[Piece[Any]], path: Path) -> None:
    """Let a plugin write pieces to a file.

    Raises:
        ContractError: If the file is missing or empty although the pieces are not.
    """
    plugin.write(pieces, path)
    empty = all(isinstance(piece.content, str) and not piece.content for piece in pieces)
    if not path.is_file() or not (path.stat().st_size or empty):
        result = "an empty file" if path.is_file() else "no file"
        problem = f"leaves {result} for {path.suffix}; it must write the pieces to the path that it receives"
        raise contract_error(plugin, "write", problem)


def validated_augment(plugin: AnyPlugin, codec: AnyCodec) -> Callable[[Example, np.random.Generator], Example] | None:
    """Return the codec's `augment` with checked results; None if the codec does not augment."""
    if not isinstance(codec, Augments):
        return None
    augment = codec.augment

    def validated(example: Example, rng: np.random.Generator) -> Example:
        if not codec.features:  # the features come from a file
            example = dataclasses.replace(example, features=None)
        variant = validate_example(plugin, codec, augment(example, rng), "augment")
        if len(variant.steps) != len(example.steps):
            problem = f"returns {len(variant.steps)} steps for {len(example.steps)}"
            raise contract_error(plugin, "augment", problem, "as many steps as it receives", owner=codec)
        return variant

    return validated


def _all_are(values: Sequence[Any], kind: Any) -> bool:
    return all(isinstance(value, kind) for value in values)
