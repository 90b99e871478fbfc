"""The previews of the four plugins: what each shows of a piece that its shipped model generates."""

import re
from typing import Any

import pytest

import seqforge


@pytest.mark.parametrize(
    ("model", "request_fields", "picture", "sound"),
    [
        ("text:default", {"length": 20}, False, False),
        ("abc:default", {"key": "D", "bars": 8}, True, True),
        ("midi:songs", {"length": 40}, True, True),
        ("handwriting:default", {"text": "a quick fox"}, True, False),
    ],
)
def test_generated_piece_is_shown_as_its_plugin_draws_it(
    model: str, request_fields: dict[str, Any], picture: bool, sound: bool
) -> None:
    (piece,) = seqforge.load(model).generate(**request_fields)
    html = piece._repr_mimebundle_()["text/html"]  # type: ignore[attr-defined]
    assert ("data:image/svg+xml;base64," in html) == picture and ("<pre" in html) != picture
    assert ("<audio controls src=" in html) == sound
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "img", "pre", "audio"} and "script" not in html
