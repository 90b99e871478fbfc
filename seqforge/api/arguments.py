"""Checks of the types of arguments: a wrong type is an OptionsError that names the argument."""

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from seqforge.errors import OptionsError

__all__ = [
    "check_event",
    "check_function",
    "check_labels",
    "check_names",
    "check_path",
    "check_text",
    "check_train_arguments",
    "positive_number",
    "real_number",
    "same_arguments",
    "whole_number",
]


P = ParamSpec("P")
ResultT = TypeVar("ResultT")


def same_arguments(method: Callable[P, Any]) -> Callable[[Callable[..., ResultT]], Callable[P, ResultT]]:
    """Return a decorator that gives a method with `**options` the signature of another method.

    Args:
        method: The other method.
    """

    def decorate(other: Callable[..., ResultT]) -> Callable[P, ResultT]:
        result_type = signature(other).return_annotation
        vars(other)["__signature__"] = signature(method).replace(return_annotation=result_type)
        return cast(Callable[P, ResultT], other)

    return decorate


def whole_number(name: str, value: Any) -> int:
    """Return a whole number as an int.

    >>> whole_number("n", 3)
    3

    Args:
        name: The name of the argument.
        value: Its value: an int, or a whole number of another library such as NumPy.

    Raises:
        OptionsError: If the value is something else, a bool included.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise OptionsError.invalid(name, value, "a whole number")
    return int(value)


def real_number(name: str, value: Any) -> float:
    """Return a number as a float.

    Args:
        name: The name of the argument.
        value: Its value: an int, a float, or a number of another library such as NumPy.

    Raises:
        OptionsError: If the value is something else, a bool included.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise OptionsError.invalid(name, value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise OptionsError.invalid(name, value, "a smaller number") from None


def positive_number(name: str, value: Any) -> float:
    """Return a number above 0 as a float.

    Args:
        name: The name of the argument.
        value: Its value.

    Raises:
        OptionsError: If the value is no number, not finite, or not above 0.
    """
    number = real_number(name, value)
    if not (number > 0 and math.isfinite(number)):
        raise OptionsError.invalid(name, value, "a finite number above 0")
    return number


def check_labels(labels: Any) -> Mapping[str, str]:
    """Return labels, a mapping of names to values.

    Raises:
        OptionsError: If they are something else.
    """
    if labels is None:
        return {}
    pairs = labels.items() if isinstance(labels, Mapping) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in pairs):
        raise OptionsError.invalid("labels", labels, 'a mapping of names to values, such as {"kind": "reel"}')
    return labels  # type: ignore[no-any-return]


def check_names(name: str, value: Any) -> None:
    """Check that an argument is a string, a sequence of strings, or None.

    Raises:
        OptionsError: If it is something else.
    """
    is_names = isinstance(value, Sequence) and all(isinstance(item, str | Path) for item in value)
    if value is not None and not isinstance(value, str | Path) and not is_names:
        raise OptionsError.invalid(name, value, "a name or path, or a list of names and paths")


def check_text(name: str, value: Any, allowed: str) -> None:
    """Check that an argument is a string.

    Raises:
        OptionsError: If it is something else.
    """
    if not isinstance(value, str):
        raise OptionsError.invalid(name, value, allowed)


def check_path(name: str, value: Any, allowed: str = "a path") -> None:
    """Check that an argument is a string or a path.

    Raises:
        OptionsError: If it is something else.
    """
    if not isinstance(value, str | Path):
        raise OptionsError.invalid(name, value, allowed)


def check_event(name: str, value: Any) -> None:
    """Check that an argument is a `threading.Event`, or something else with the method `is_set`, or None.

    Raises:
        OptionsError: If it is something else.
    """
    if value is not None and not callable(getattr(value, "is_set", None)):
        raise OptionsError.invalid(name, value, "a threading.Event")


def check_function(name: str, value: Callable[..., Any]) -> None:
    """Check that an argument can be called.

    Raises:
        OptionsError: If it cannot.
    """
    if not callable(value):
        raise OptionsError.invalid(name, value, "a function")


def check_train_arguments(
    *,
    plugin: Any,
    corpus: Any,
    split: Any,
    valid: Any,
    test: Any,
    text_column: Any,
    label_columns: Any,
    init: Any,
    distil: Any,
    run: Any,
    resume: Any,
    stop_at: Any,
    workers: Any,
    log: Any,
    progress: Any,
    **functions: Any,
) -> None:
    """Check the types of the arguments of `seqforge.train`.

    Raises:
        OptionsError: If one has a wrong type.
    """
    check_text("plugin", plugin, "the name of a plugin")
    for name, value in (("corpus", corpus), ("valid", valid), ("test", test), ("label_columns", label_columns)):
        check_names(name, value)
    check_names("log", log)
    if split is not None:
        check_text("split", split, 'shares of train, valid and test, such as "0.8,0.1,0.1"')
    if text_column is not None:
        check_text("text_column", text_column, "the name of a column")
    for name, model in (("init", init), ("distil", distil)):
        if model is not None:
            check_path(name, model, "a model's name or path")
    if run is not None:
        check_path("run", run)
    if resume is not None and not isinstance(resume, bool):
        check_path("resume", resume, "the folder of a run, True or False")
    for name, value in (("stop_at", stop_at), ("workers", workers)):
        if value is not None and whole_number(name, value) < 1:
            raise OptionsError.invalid(name, value, "at least 1")
    if progress is not None and not isinstance(progress, bool):
        raise OptionsError.invalid("progress", progress, "True, False or None")
    for name, function in functions.items():
        check_function(name, function)
