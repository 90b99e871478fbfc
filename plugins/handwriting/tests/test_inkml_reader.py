from pathlib import Path

import pytest
import reading

from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample

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
        ("<trace></trace>", "contains no strokes"),
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


FORMATS = (
    '<definitions><context xml:id="plain"/><context xml:id="force"><traceFormat><channel name="F"/><channel name="X"/>'
    '<channel name="Y"/></traceFormat></context><canvasTransform xml:id="t"><mapping type="affine"><affine>2 0 1, 0 -2'
    ' 0</affine></mapping></canvasTransform><context xml:id="moved" canvasTransformRef="#t"/>'
    '<trace xml:id="hidden">7 7</trace><trace xml:id="shown">8 8</trace></definitions>'
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<trace contextRef="#force">9 1 2</trace><trace contextRef="#plain">3 4</trace>', [[[1, 2]], [[3, 4]]]),
        ('<context contextRef="#force"/><trace>9 1 2</trace>', [[[1, 2]]]),
        ('<traceGroup contextRef="#force"><trace>9 1 2</trace></traceGroup>', [[[1, 2]]]),
        ('<trace contextRef="#moved">1 2</trace>', [[[3, -4]]]),
        ('<trace>1 2</trace><traceView traceDataRef="#shown"/>', [[[1, 2]], [[8, 8]]]),
        ('<trace xml:id="a" continuation="begin">1 2</trace><trace continuation="end" priorRef="#a">3 4</trace>',
         [[[1, 2], [3, 4]]]),
        (('<trace xml:id="a" continuation="begin">1 2</trace><trace xml:id="b" continuation="middle" priorRef="#a">3 4'
          '</trace><trace>9 9</trace><trace continuation="end" priorRef="#b">5 6</trace>'),
         [[[1, 2], [3, 4], [5, 6]], [[9, 9]]]),
        ("<trace/><trace>1 2, 3 4,</trace>", [[[1, 2], [3, 4]]]),
        ('<trace type="indeterminate">1 2</trace>', [[[1, 2]]]),
    ],
)  # fmt: skip
def test_contexts_views_and_continued_traces(tmp_path: Path, body: str, expected: list[list[list[float]]]) -> None:
    assert reading.read_points(tmp_path / "x.inkml", f"{INKML}{FORMATS}{body}</ink>") == expected


def test_channels_with_differing_units_have_one_scale(tmp_path: Path) -> None:
    channels = '<channel name="X" units="cm"/><channel name="Y" units="mm"/>'
    body = f"<traceFormat>{channels}</traceFormat><trace>1 20,2 30</trace>"
    assert reading.read_points(tmp_path / "x.inkml", f"{INKML}{body}</ink>") == [[[10, 20], [20, 30]]]


def test_groups_with_texts_are_samples(tmp_path: Path) -> None:
    group = '<traceGroup><annotation type="truth">{}</annotation><trace>1 2</trace></traceGroup>'
    (tmp_path / "x.inkml").write_text(f"{INKML}{group.format('one')}{group.format('two')}</ink>")
    samples = list(read_ink(tmp_path / "x.inkml"))
    assert [(sample.ink.text, sample.place) for sample in samples if isinstance(sample, Sample)] == [
        ("one", "group 1"),
        ("two", "group 2"),
    ]


def test_affine_mapping_of_one_row_is_refused(tmp_path: Path) -> None:
    body = FORMATS.replace(", 0 -2", "") + '<trace contextRef="#moved">1 2</trace>'
    assert "affine mapping" in reading.read_error(tmp_path / "x.inkml", f"{INKML}{body}</ink>")
