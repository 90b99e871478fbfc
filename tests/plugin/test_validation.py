"""What a plugin returns is checked; each error names the plugin, its distribution, the method and the rule."""

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqforge import (
    Augments,
    Categorical,
    Constraint,
    ContractError,
    Example,
    Free,
    NoOptions,
    NoRequest,
    Piece,
    Plugin,
    Prompt,
    ReadError,
    Task,
    TokenCodec,
)
from seqforge.plugin import validation
from seqforge.plugin.validation import (
    ValidatedConstraint,
    describe_fault,
    validate_codec,
    validate_example,
    validate_fingerprints,
    validate_items,
    validate_parts,
    validate_piece,
    validate_state,
    validate_task,
    validate_units,
    validated_augment,
    write_pieces,
)


class Letters(TokenCodec[str, NoOptions, NoRequest]):
    def tokenise(self, content: str) -> list[str]:
        return list(content)

    def detokenise(self, tokens: Any) -> str:
        return "".join(tokens)


class Other(Letters):
    pass


class Tunes(Plugin[str, NoOptions, NoRequest]):
    name = "tunes"
    writes = (".tune",)
    codec = Letters
    items: Any = ()
    text = ""

    def read(self, path: Path, options: NoOptions) -> Any:
        return self.items

    def write(self, pieces: Any, path: Path) -> None:
        if self.text:
            path.write_text(self.text)


@pytest.fixture
def plugin() -> Tunes:
    return Tunes()


@pytest.fixture
def codec() -> Letters:
    return Letters.fit([Piece("abc")], NoOptions())


def changed(value: Any, **attributes: Any) -> Any:
    """Return a copy of a frozen object with attributes of wrong types, which its checked constructor would reject."""
    copied = copy.copy(value)
    for name, attribute in attributes.items():
        object.__setattr__(copied, name, attribute)
    return copied


def assert_names(error: pytest.ExceptionInfo[ContractError], *fragments: str) -> None:
    message = str(error.value)
    for fragment in ("'tunes'", *fragments):
        assert fragment in message
    assert "\n" not in message


# -- pieces


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        (None, "returns None"),
        (3, "returns a int"),
        (["a"], "yields a str"),
        ([Piece("a", {"key": 3})], "labels"),  # type: ignore[dict-item]
        ([Piece("a", [])], "labels"),  # type: ignore[arg-type]
    ],
)
def test_items_of_read(plugin: Tunes, items: Any, problem: str) -> None:
    plugin.items = items
    with pytest.raises(ContractError) as caught:
        list(validate_items(plugin, Path("a"), NoOptions()))
    assert_names(caught, "Tunes.read", problem)


def test_valid_items_of_read(plugin: Tunes) -> None:
    plugin.items = [Piece("a"), ReadError("is empty")]
    assert list(validate_items(plugin, Path("a"), NoOptions())) == plugin.items


@pytest.mark.parametrize("parts", [None, [Piece("a")], ["a", "b"], (part for part in "ab")])
def test_parts_of_divide(plugin: Tunes, parts: Any) -> None:
    with pytest.raises(ContractError) as caught:
        validate_parts(plugin, parts, (0.5, 0.5))
    assert_names(caught, "Tunes.divide", "2 pieces")
    assert len(validate_parts(plugin, [Piece("a"), Piece("b")], (0.5, 0.5))) == 2


@pytest.mark.parametrize("keys", [None, 3, ["a"], [1.5]])
def test_keys_of_fingerprints(plugin: Tunes, keys: Any) -> None:
    with pytest.raises(ContractError) as caught:
        validate_fingerprints(plugin, keys)
    assert_names(caught, "Tunes.fingerprints", "integers")
    assert validate_fingerprints(plugin, {np.uint64(2**63)}) == [2**63]


@pytest.mark.parametrize("method", ["decode", "canonical", "finish"])
def test_piece(plugin: Tunes, codec: Letters, method: str) -> None:
    with pytest.raises(ContractError) as caught:
        validate_piece(plugin, "abc", method, owner=codec)
    assert_names(caught, f"Letters.{method}", "a Piece")


@pytest.mark.parametrize(("text", "problem"), [("", "no file"), ("x", "")])
def test_written_file(plugin: Tunes, tmp_path: Path, text: str, problem: str) -> None:
    plugin.text = text
    if not problem:
        write_pieces(plugin, [Piece("abc")], tmp_path / "a.tune")
        return
    with pytest.raises(ContractError) as caught:
        write_pieces(plugin, [Piece("abc")], tmp_path / "a.tune")
    assert_names(caught, "Tunes.write", problem, ".tune")


def test_empty_file_is_allowed_for_empty_pieces_only(plugin: Tunes, tmp_path: Path) -> None:
    (tmp_path / "a.tune").touch()
    write_pieces(plugin, [Piece("")], tmp_path / "a.tune")
    with pytest.raises(ContractError, match="an empty file"):
        write_pieces(plugin, [Piece("abc")], tmp_path / "a.tune")


# -- codecs


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("space", None), ("source", 3), ("features", -1), ("features", 1.0), ("labels", {"key": ("C", "C")})],
)
def test_codec(plugin: Tunes, codec: Letters, attribute: str, value: Any) -> None:
    assert validate_codec(plugin, codec) is codec
    setattr(codec, attribute, value)
    with pytest.raises(ContractError) as caught:
        validate_codec(plugin, codec)
    assert_names(caught, "Letters.fit", attribute.removesuffix("s"))


def test_codec_of_another_class(plugin: Tunes) -> None:
    with pytest.raises(ContractError) as caught:
        validate_codec(plugin, Piece("a"), "from_state")
    assert_names(caught, "Letters.from_state", "a Piece", "a Letters")
    assert isinstance(validate_codec(plugin, Other.fit([], NoOptions())), Letters)


@pytest.mark.parametrize("version", [0, "1", True])
def test_version_of_codec(plugin: Tunes, codec: Letters, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    monkeypatch.setattr(Letters, "version", version)
    with pytest.raises(ContractError, match="version"):
        validate_codec(plugin, codec)


@pytest.mark.parametrize(
    "state",
    [None, {}, ({},), ({}, []), ({"a": {1}}, {}), ({"a": float("nan")}, {}), ({}, {"a": [1]}),
     ({}, {"a": np.array([None])})],
)  # fmt: skip
def test_state(plugin: Tunes, codec: Letters, monkeypatch: pytest.MonkeyPatch, state: Any) -> None:
    assert validate_state(plugin, codec) == codec.state()
    monkeypatch.setattr(codec, "state", lambda: state)
    with pytest.raises(ContractError) as caught:
        validate_state(plugin, codec)
    assert_names(caught, "Letters.state")


# -- examples


STEPS = np.array([1, 2], np.uint8)


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (None, "None"),
        (STEPS, "an array of uint8"),
        (changed(Example(STEPS), steps=[1, 2]), "a list as steps"),
        (Example(np.array([4], np.uint8)), "outside its space"),
        (Example(STEPS, source=STEPS), "source"),
        (Example(STEPS, features=np.zeros(1, np.float32)), "features"),
        (Example(STEPS, dropped={"a": 0}), "dropped"),
        (changed(Example(STEPS), dropped={"a": 1.5}), "dropped"),
        (changed(Example(STEPS), dropped=["a"]), "dropped"),
    ],
)
def test_example(plugin: Tunes, codec: Letters, example: Any, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        validate_example(plugin, codec, example)
    assert_names(caught, "Letters.encode", problem)


def test_source_and_features_of_example(plugin: Tunes, codec: Letters) -> None:
    codec.source, codec.features = Categorical(3), 2
    example = Example(STEPS, source=STEPS, features=np.zeros(2, np.float32), dropped={"a": 1})
    assert validate_example(plugin, codec, example) is example
    for change in ({"source": np.array([3])}, {"features": np.zeros(2)}, {"features": np.zeros(3, np.float32)}):
        with pytest.raises(ContractError):
            validate_example(plugin, codec, dataclasses.replace(example, **change))


@pytest.mark.parametrize("units", [None, [1.0, 1.0], np.ones(3), np.ones((2, 1)), np.array(["a", "b"])])
def test_units(plugin: Tunes, codec: Letters, monkeypatch: pytest.MonkeyPatch, units: Any) -> None:
    assert validate_units(plugin, codec, STEPS).tolist() == [1.0, 1.0]
    monkeypatch.setattr(codec, "units", lambda steps: units)
    with pytest.raises(ContractError) as caught:
        validate_units(plugin, codec, STEPS)
    assert_names(caught, "Letters.units", "one number per step")


@pytest.mark.parametrize("length", [2, 1])
def test_augmented_example_has_the_same_length(plugin: Tunes, length: int) -> None:
    class Augmented(Letters, Augments):
        def augment(self, example: Example, rng: np.random.Generator) -> Example:
            return Example(example.steps[:length])

    codec = Augmented.fit([Piece("abc")], NoOptions())
    augment = validated_augment(plugin, codec)
    assert augment is not None
    if length == 2:
        assert augment(Example(STEPS), np.random.default_rng(0)).steps.tolist() == [1, 2]
        with_features = Example(STEPS, features=np.ones(3, np.float32))  # from a file beside the corpus
        assert augment(with_features, np.random.default_rng(0)).steps.tolist() == [1, 2]
        return
    with pytest.raises(ContractError) as caught:
        augment(Example(STEPS), np.random.default_rng(0))
    assert_names(caught, "Augmented.augment", "returns 1 steps for 2")


def test_codec_without_augmentation(plugin: Tunes, codec: Letters) -> None:
    assert validated_augment(plugin, codec) is None


# -- tasks


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        (None, "returns None"),
        ([Prompt(Example(STEPS))], "returns a list"),
        (Task([]), "an empty list as prompts"),
        (Task(None), "None as prompts"),  # type: ignore[arg-type]
        (Task(["a"]), "a list with a str as prompts"),  # type: ignore[list-item]
        (Task([Prompt(Example(np.array([9], np.uint8)))]), "outside its space"),
        (Task([changed(Prompt(Example(STEPS)), constraint=3)]), "a int as constraint"),
        (Task([Prompt(Example(STEPS), joint_steps=-1)]), "a prompt with joint_steps=-1"),
        (Task([Prompt(Example(STEPS), joint_steps=2)]), "a prompt with joint_steps=2"),
        (Task([changed(Prompt(Example(STEPS)), label_choices="key")]), "a str as label_choices"),
        (Task([Prompt(Example(STEPS), label_choices=[{"key": "H"}])]), "the label 'key' = 'H' in label_choices"),
    ],
)
def test_task(plugin: Tunes, codec: Letters, task: Any, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        validate_task(plugin, codec, task)
    assert_names(caught, "Letters.task", problem)


def test_constraints_of_a_task_are_validated(plugin: Tunes, codec: Letters) -> None:
    task = codec.task(NoRequest())
    assert validate_task(plugin, codec, task) is task
    constraint = task.prompts[0].constraint
    assert isinstance(constraint, ValidatedConstraint)
    state = constraint.start()
    assert constraint.allowed(state).tolist() == [False, True, True, True]
    assert constraint.may_end(state) and constraint.to_end(state) == 0 and constraint.advance(state, 1) == 0


class ListMask(Free):
    def allowed(self, state: Any) -> Any:
        return self.mask.tolist()


class BadStart(Free):
    def start(self) -> Any:
        return []


@pytest.mark.parametrize(
    ("constraint", "method"),
    [
        (BadStart(np.ones(4, bool)), "BadStart.start"),
        (Free(np.ones(3, bool)), "Free.allowed"),
        (Free(np.ones(4)), "Free.allowed"),
        (ListMask(np.ones(4, bool)), "ListMask.allowed"),
    ],
)
def test_masks_and_states_of_constraint(plugin: Tunes, constraint: Constraint, method: str) -> None:
    validated = ValidatedConstraint(constraint, plugin, 4)
    with pytest.raises(ContractError) as caught:
        validated.allowed(validated.start())
    assert_names(caught, method)


# -- faults


def test_fault_in_a_plugin_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = validation.installed()
    entry = dataclasses.replace(
        entries[0], name="tunes", target=f"{__name__.partition('.')[0]}:Tunes", distribution="t 1"
    )
    monkeypatch.setattr(validation, "installed", lambda: [entry])

    def fail(labels: Mapping[str, str]) -> str:
        return labels["key"]

    try:
        fail({})
    except KeyError as error:
        sentence = describe_fault(error)
    assert sentence is not None
    for fragment in ("'tunes' (t 1)", "fail raises KeyError", "test_validation.py:", "seqforge plugins check tunes"):
        assert fragment in sentence


def test_fault_outside_of_plugins_is_not_described() -> None:
    assert describe_fault(KeyError("key")) is None


def test_causes_in_a_circle_are_followed_once() -> None:
    first, second = KeyError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    assert describe_fault(first) is None
