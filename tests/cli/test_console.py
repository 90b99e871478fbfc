import json

import pytest

from seqforge.cli.console import UNSAFE, count, data, data_json, escape, fail_with, message, table, with_flags
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


HOSTILE = "a\x1b]0;title\x07\x9b31m\r\nseqforge: done\u202e\u2028\udce9"
SHOWN = r"a\x1b]0;title\x07\x9b31m\r\nseqforge: done\u202e\u2028\udce9"


def test_control_characters_are_escaped() -> None:
    assert escape(HOSTILE) == SHOWN
    assert escape("a\nb\tc\x1b", keep="\n\t") == "a\nb\tc\\x1b"
    assert escape("Breandán 日本語 👩\u200d🎤 'x' \\n") == "Breandán 日本語 👩\u200d🎤 'x' \\n"


def test_text_of_files_is_escaped_in_every_output(capsys: pytest.CaptureFixture[str]) -> None:
    message(HOSTILE)
    data(table([["name", "content"], [HOSTILE, HOSTILE]]))
    with pytest.raises(SystemExit):
        fail_with(SeqforgeError(HOSTILE))
    out, err = capsys.readouterr()
    assert err == f"{SHOWN}\nseqforge: {SHOWN}\n"
    assert out.splitlines()[1] == f"{SHOWN}  {SHOWN}"


def test_json_escapes_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    data_json({"name": HOSTILE})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": HOSTILE}
    assert UNSAFE.sub("", out.replace("\n", "")) == out.replace("\n", "")
