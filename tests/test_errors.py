import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqforge
from seqforge import errors
from seqforge.errors import (
    OptionsError,
    PluginError,
    ReadError,
    RequestError,
    SeqforgeError,
    UsageError,
    did_you_mean,
    listing,
)

CLASSES = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]


def documented_tree() -> dict[str, tuple[str, int]]:
    """Read the tree in the module's docstring: each class with its parent and its exit code."""
    assert errors.__doc__
    tree: dict[str, tuple[str, int]] = {}
    path: list[tuple[int, str, int]] = []
    for line in errors.__doc__.splitlines():
        match = re.match(r"^( {4}[ │├└─]*)(\w+Error)\b(?: +exit code (\d))?", line)
        if not match:
            continue
        depth, name = len(match[1]), match[2]
        path = [entry for entry in path if entry[0] < depth]
        code = int(match[3]) if match[3] else path[-1][2]
        tree[name] = (path[-1][1] if path else "Exception", code)
        path.append((depth, name, code))
    return tree


def test_docstring_shows_the_tree_of_errors() -> None:
    actual = {c.__name__: (c.__bases__[0].__name__, c.exit_code) for c in CLASSES}
    assert documented_tree() == actual


@pytest.mark.parametrize("error", CLASSES)
def test_errors_are_public_and_documented(error: type[SeqforgeError]) -> None:
    assert getattr(seqforge, error.__name__) is error
    assert error.__name__ in seqforge.__all__
    assert error.__doc__


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("a.txt", 3, "a.txt:3: bar 3 is long"),
        ("a.txt", None, "a.txt: bar 3 is long"),
        ("", None, "bar 3 is long"),
    ],
)
def test_read_error_names_its_place(file: str, line: int | None, message: str) -> None:
    error = ReadError("bar 3 is long", file=file, line=line)
    assert str(error) == message
    assert (error.reason, error.file, error.line) == ("bar 3 is long", file, line)


def test_did_you_mean() -> None:
    assert did_you_mean("tmeprature", ["temperature", "top_k"]) == ". Did you mean 'temperature'?"
    assert did_you_mean("xyz", ["temperature", "top_k"]) == ""
    assert did_you_mean("xyz", iter([])) == ""


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12), st.integers(1, 8))
def test_listing_shows_the_first_words_and_counts_the_rest(words: list[str], most: int) -> None:
    text = listing(iter(words), most=most)
    shown, _, rest = text.partition(" and ")
    assert [word for word in shown.split(", ") if word] == words[:most]
    assert rest == (f"{len(words) - most} more" if len(words) > most else "")


@pytest.mark.parametrize("kind", [UsageError, RequestError, OptionsError, PluginError])
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, "1.5"),
        (1e-9, "1e-09"),
        (float("nan"), "nan"),
        (3, "3"),
        ("a b", "'a b'"),
        (None, "None"),
        (Path("a"), "a"),
    ],
)
def test_invalid_value(kind: type[UsageError], value: Any, shown: str) -> None:
    error = kind.invalid("top_p", value, "at most 1", advice="leave it out")
    assert type(error) is kind and error.exit_code == 2
    assert (error.field, error.value, error.allowed) == ("top_p", value, "at most 1")
    assert str(error) == f"`top_p` is {shown}; it must be at most 1; leave it out"


def test_usage_error_without_field() -> None:
    error = RequestError("no model is named")
    assert (str(error), error.field, error.value, error.allowed) == ("no model is named", "", None, "")
