import dataclasses
import inspect
import os
import re
import threading
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typechecking import run_mypy

import seqforge
import seqforge_midi
import seqforge_text
from seqforge import Model, OptionsError
from seqforge.api.generation_arguments import GENERATION_OPTIONS
from seqforge.sampling import Controls
from seqforge_text import TextRequest

PLUGINS = (seqforge_midi, seqforge_text)
GENERATE: list[dict[str, Any]] = [
    {"n": "3"},
    {"n": 1.0},
    {"n": True},
    {"n": None},
    {"seed": 1.5},
    {"seed": "0"},
    {"length": "long"},
    {"length": True},
    {"length": 10**400},
    {"max_steps": 2.5},
    {"max_seconds": "1"},
    {"labels": ["reel"]},
    {"labels": {"kind": 3}},
    {"labels": "kind"},
    {"beams": "2"},
    {"length_penalty": "1"},
    {"beam_groups": 1.5},
    {"beam_diversity": "1"},
    {"candidates": 1.5},
    {"best_of": "4"},
    {"cancel": True},
    {"greedy": 1},
    {"temperature": "hot"},
    {"top_k": 1.5},
    {"ban": "ab"},
    {"ban": 3},
    {"force": 1.5},
    {"prompt": 3},
    {"prompt_file": 3.5},
]


def expect(field: str, value: Any, call: Any) -> None:
    """Check that a call raises an OptionsError with this field and value, and with the allowed values."""
    with pytest.raises(OptionsError) as caught:
        call()
    error = caught.value
    assert error.field == field and error.allowed and f"`{field}`" in str(error) and "\n" not in str(error)
    if not isinstance(error.value, str) or isinstance(value, str):
        assert error.value is value


@pytest.mark.parametrize("options", GENERATE, ids=lambda options: str(options)[:40])
def test_wrong_type_in_generate_is_an_options_error(trained: dict[str, Model], options: dict[str, Any]) -> None:
    ((field, value),) = options.items()
    expect(field, value, lambda: trained["text"].generate(**options))


@pytest.mark.parametrize(
    ("method", "arguments", "field"),
    [
        ("compare", {"n": "3"}, "n"),
        ("evaluate", {"corpus": 3}, "corpus"),
        ("evaluate", {"corpus": [3]}, "corpus"),
        ("evaluate", {"split": 3}, "split"),
        ("next", {"prompt": 3}, "prompt"),
        ("next", {"labels": ["a"]}, "labels"),
        ("score", {"piece": 3}, "piece"),
        ("hidden_states", {"piece": 3}, "piece"),
        ("hidden_states", {"piece": "a", "labels": 3}, "labels"),
    ],
)
def test_wrong_type_in_a_method_is_an_options_error(
    trained: dict[str, Model], method: str, arguments: dict[str, Any], field: str
) -> None:
    expect(field, arguments[field], lambda: getattr(trained["text"], method)(**arguments))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"plugin": 3}, "plugin"),
        ({"corpus": 3}, "corpus"),
        ({"corpus": ["a.txt", 3]}, "corpus"),
        ({"split": 0.8}, "split"),
        ({"split": (0.8, 0.1, 0.1)}, "split"),
        ({"valid": 3}, "valid"),
        ({"test": [3]}, "test"),
        ({"text_column": 3}, "text_column"),
        ({"label_columns": [3]}, "label_columns"),
        ({"init": 3}, "init"),
        ({"run": 3}, "run"),
        ({"resume": 3.5}, "resume"),
        ({"stop_at": "9"}, "stop_at"),
        ({"stop_at": 0}, "stop_at"),
        ({"workers": 1.5}, "workers"),
        ({"on_event": 3}, "on_event"),
        ({"on_message": "print"}, "on_message"),
        ({"should_stop": False}, "should_stop"),
        ({"progress": "yes"}, "progress"),
        ({"hidden": "large"}, "hidden"),
        ({"level": 3}, "level"),
    ],
)
@pytest.mark.usefixtures("corpora")
def test_wrong_type_in_train_is_an_options_error(arguments: dict[str, Any], field: str) -> None:
    expect(field, arguments[field], lambda: seqforge.train(**{"plugin": "text", "corpus": "a.txt", **arguments}))
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("function", "arguments", "field"),
    [
        (lambda **options: seqforge.load(**options), {"name": 3}, "name"),
        (lambda **options: seqforge.load(**options), {"name": "text", "precision": 3}, "precision"),
        (lambda **options: seqforge.load(**options), {"name": "text", "precision": ["int8"]}, "precision"),
        (lambda **options: seqforge.display(**options), {"value": 3}, "value"),
        (lambda **options: seqforge.display(**options), {"value": seqforge.Piece("a"), "plugin": 3}, "plugin"),
        (lambda **options: seqforge.Run(**options), {"folder": 3}, "folder"),
    ],
)
def test_wrong_type_in_a_function_is_an_options_error(function: Any, arguments: dict[str, Any], field: str) -> None:
    expect(field, arguments[field], lambda: function(**arguments))


def test_numbers_of_numpy_are_accepted(trained: dict[str, Model]) -> None:
    model = trained["text"]
    pieces = model.generate(np.int64(2), seed=np.int32(3), length=np.float32(9))  # type: ignore[arg-type]
    assert pieces == model.generate(2, seed=3, length=9)


# -- typed signatures


def test_generate_has_an_argument_of_the_right_type_for_every_control() -> None:
    parameters = inspect.signature(Model.generate).parameters
    hints = typing.get_type_hints(Model.generate)
    controls = {field.name: field.type for field in dataclasses.fields(Controls)}
    for name, kind in controls.items():
        assert parameters[name].default is None and parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        other: Any = {"ban": Sequence[Any], "force": Sequence[Any], "logit_bias": Mapping[str, float] | Sequence[str]}
        assert hints[name] == other.get(name, kind) | None
    assert set(parameters) - set(controls) - {"self", "cancel", "request", "fields"} == GENERATION_OPTIONS


def test_every_argument_of_generate_is_documented() -> None:
    arguments = (inspect.getdoc(Model.generate) or "").partition("Args:")[2]
    names = [name for name in inspect.signature(Model.generate).parameters if name != "self"]
    assert re.findall(r"^    (\w+): ", arguments.partition("Raises:")[0], re.MULTILINE) == names


def test_a_control_without_a_value_has_its_default(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.generate(length=9, temperature=None, ban=None) == model.generate(length=9)


USER = """
import seqforge
from seqforge_midi import MidiRequest
from seqforge_text import TextRequest

def use(model: seqforge.Model) -> None:
    model.generate(2, prompt="a", temperature=1, top_k=3, labels={"kind": "reel"})
    model.generate(2, request=TextRequest(prompt="a"), temperature=0.9)
    model.generate(2, request=MidiRequest(seconds=7.5))
    for item in model.stream(prompt="a", top_p=0.9):
        print(item.text)
    model.generate(temperature="hot")  # error
    model.generate(top_k=1.5)  # error
    model.stream(seed="x")  # error
    model.generate(labels=["a"])  # error
    seqforge.train("text", progress="yes")  # error
    seqforge.load("text").generate(temprature=0.9)  # error
    model.generate(request=TextRequest(prompt="a"), temprature=0.9)  # error
    model.stream(prompt="a", temprature=0.9)  # error
    model.generate(request=TextRequest(promt="a"))  # error
    model.generate(request=TextRequest(prompt=3))  # error
"""


def test_type_checker_finds_wrong_values_and_unknown_controls(tmp_path: Path, mypy_cache: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "user.py").write_text(USER)
    folders = [Path(seqforge.__file__).parents[1], *(Path(module.__file__).parents[1] for module in PLUGINS)]
    child = run_mypy(mypy_cache, "user.py", cwd=tmp_path, MYPYPATH=os.pathsep.join(map(str, folders)))
    errors = [int(line.split(":")[1]) for line in child.stdout.splitlines() if ": error:" in line]
    expected = [number for number, line in enumerate(USER.splitlines(), 1) if "# error" in line]
    assert errors == expected, child.stdout + child.stderr


def test_request_object_is_the_same_as_its_fields(trained: dict[str, Model]) -> None:
    model, request = trained["text"], TextRequest(prompt="the lazy ")
    expected = model.generate(2, prompt="the lazy ", length=20)
    assert model.generate(2, request=request, length=20) == expected
    (*_, last) = model.stream(request=request, length=20)
    assert last.piece == expected[0]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"request": 3}, "request"),
        ({"request": {"prompt": "a"}}, "request"),
        ({"request": TextRequest, "prompt": "a"}, "request"),
        ({"request": TextRequest(), "prompt": "a"}, "prompt"),
    ],
)
def test_wrong_request_object_is_an_options_error(
    trained: dict[str, Model], options: dict[str, Any], field: str
) -> None:
    expect(field, options[field], lambda: trained["text"].generate(**options))
    expect(field, options[field], lambda: trained["text"].stream(**options))


def test_event_is_any_object_with_is_set(trained: dict[str, Model]) -> None:
    class Flag:
        def is_set(self) -> bool:
            return True

    assert trained["text"].generate(cancel=Flag()) == []  # type: ignore[arg-type]
    assert trained["text"].generate(length=5, cancel=threading.Event()) != []
