import json

import pytest

from seqforge.cli.console import count, data, data_json, fail_with, message, table, with_flags
from seqforge.errors import ContractError, OptionsError, RequestError, SeqforgeError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`top_p` is 2", "--top-p is 2"),
        ("`n` and `output`", "-n and -o"),
        ("`labels` is x", "--label is x"),
        ("run `seqforge plugins check text`", "run `seqforge plugins check text`"),
        ("`Codec.fit` returns None", "`Codec.fit` returns None"),
    ],
)
def test_fields_are_shown_as_flags(text: str, expected: str) -> None:
    assert with_flags(text) == expected


def test_data_goes_to_stdout_and_messages_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    data("data")
    data_json({"key": "é"})
    message("message")
    out, err = capsys.readouterr()
    assert out.startswith("data\n") and json.loads(out.removeprefix("data\n")) == {"key": "é"} and "é" in out
    assert err == "message\n"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RequestError.invalid("top_p", 2.0, "at most 1"), 2, "--top-p is 2; it must be at most 1"),
        (OptionsError("`n` is 0", field="n"), 2, "-n is 0"),
        (SeqforgeError("failed"), 1, "failed"),
        (ContractError("`codec` is missing"), 1, "`codec` is missing"),
    ],
)
def test_error_is_a_sentence_with_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: SeqforgeError, code: int, text: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        fail_with(error)
    assert caught.value.code == code and capsys.readouterr() == ("", f"seqforge: {text}\n")


def test_table_aligns_columns() -> None:
    assert table([["name", "size"], ["a", "10"], ["long name", ""]]) == "name       size\na          10\nlong name"
    assert table([]) == ""


def test_count() -> None:
    assert [count(n, "file") for n in (0, 1, 1000)] == ["0 files", "1 file", "1,000 files"]
