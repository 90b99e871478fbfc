from pathlib import Path

import pytest
import reading

INKML = reading.INKML


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<trace>1 2, 3 4</trace><trace>5 6</trace>", [[[1, 2], [3, 4]], [[5, 6]]]),
        ("<trace>\n 1.5 -2.5,\n 3e1 .5\n</trace>", [[[1.5, -2.5], [30, 0.5]]]),
        # example of the Recommendation, section 3.2.1: velocity and acceleration
        ("<trace>1125 18432,'23'43,\"7\"-8,3-5,7-3,6+2</trace>",
         [[[1125, 18432], [1148, 18475], [1178, 18510], [1211, 18540], [1251, 18567], [1297, 18596]]]),
        ("<trace>10 10,'1'1,* *,!5!5,* *</trace>", [[[10, 10], [11, 11], [12, 12], [5, 5], [5, 5]]]),
        (('<traceFormat><channel name="T"/><channel name="Y"/><channel name="X"/></traceFormat>'
         "<trace>0 1 2, 9 3 4 7</trace>"), [[[2, 1], [4, 3]]]),
        ('<traceFormat><channel name="X"/><channel name="Y" orientation="-ve"/></traceFormat><trace>1 2</trace>',
         [[[1, -2]]]),
        ('<trace type="penUp">9 9</trace><traceGroup><trace>1 2</trace></traceGroup>', [[[1, 2]]]),
        ("<trace>#ff 2</trace>", [[[255, 2]]]),
    ],
)  # fmt: skip
def test_traces_are_read_as_strokes(tmp_path: Path, body: str, expected: list[list[list[float]]]) -> None:
    assert reading.read_points(tmp_path / "x.inkml", f"{INKML}{body}</ink>") == expected


def test_annotations_give_text_and_writer(tmp_path: Path) -> None:
    body = '<annotation type="writer">w7</annotation><annotation type="truth"> so\nit </annotation><trace>1 2</trace>'
    sample = reading.read_sample(tmp_path / "x.inkml", f"{INKML}{body}</ink>")
    assert sample.ink.text == "so it" and sample.labels == {"writer": "w7"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "contains no strokes"),
        ("<trace></trace>", ":1: trace 1 has 0 values at point 1; its channels are X, Y"),
        ("<trace>1 2</trace>\n<trace>1 2, 3</trace>", ":2: trace 2 has 1 values at point 2"),
        ("<trace>1 2, NaN 4</trace>", ":1: trace 1 contains 'NaN 4' at point 2, which is not a number"),
        ("<trace>1 ?</trace>", "has '?' at point 1; X and Y must be numbers"),
        ("<trace>1 1e999</trace>", "stroke 1 has the point 1, inf"),
        ("<trace>'1'1</trace>", "starts with a difference"),
        ("<trace>* *</trace>", "starts with *"),
        ('<traceFormat><channel name="X"/></traceFormat><trace>1</trace>', "has the channels X; X and Y are required"),
        (('<traceFormat><channel name="X"/><channel name="Y"/></traceFormat><traceFormat><channel name="Y"/>'
         '<channel name="X"/></traceFormat><trace>1 2</trace>'), "has traces of several formats"),
        ("<trace>" + "0 0," * 500_000 + "0 0</trace>", "has 500,001 points; at most 500,000 are allowed"),
    ],
)  # fmt: skip
def test_damaged_traces_are_rejected(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in reading.read_error(tmp_path / "x.inkml", f"{INKML}{body}</ink>")
