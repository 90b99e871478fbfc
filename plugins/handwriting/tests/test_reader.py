import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_handwriting.ink import Ink, from_deltas
from seqforge_handwriting.reading import Sample, read_ink
from seqforge_handwriting.strokes import json_line

spec = importlib.util.spec_from_file_location("inks", Path(__file__).parent / "inks.py")
assert spec and spec.loader
inks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inks)

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="96" height="96">'
INKML = '<ink xmlns="http://www.w3.org/2003/InkML">'
SHOWN = 'stroke="black" fill="none"'


def one(path: Path, data: str | bytes) -> Sample:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    (found,) = read_ink(path)
    assert isinstance(found, Sample), found
    return found


def points(path: Path, data: str) -> list[list[list[float]]]:
    return [stroke.round(3).tolist() for stroke in one(path, data).ink.strokes]


def refused(path: Path, data: str | bytes) -> str:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = [*read_ink(path)]
    assert len(found) == 1 and isinstance(found[0], ReadError), found
    reason = str(found[0])
    assert reason.startswith(str(path)) and "\n" not in reason and len(reason) < 400 + len(str(path))
    return reason.removeprefix(str(path))


# JSON


def test_the_corpus_is_read_with_its_labels() -> None:
    samples = inks.real()
    assert len(samples) == 133
    assert samples[0].labels.keys() == {"writer", "kind"} and samples[0].place == "line 1"
    assert {sample.labels["kind"] for sample in samples} == {"line", "word"}
    assert all(sample.ink.text and sample.ink.strokes for sample in samples)


def test_sides_of_the_corpus_share_no_writer_and_no_text() -> None:
    sides = [inks.real(side) for side in ("train", "valid", "test")]
    for seen in (lambda sample: sample.labels["writer"], lambda sample: sample.ink.text):
        sets = [{seen(sample) for sample in side} for side in sides]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


@given(inks.inks)
def test_json_and_back(tmp_path_factory: pytest.TempPathFactory, ink: Ink) -> None:
    path = tmp_path_factory.mktemp("json") / "one.json"
    sample = one(path, json_line(ink, {"writer": "w1", "kind": "line"}) + "\n")
    assert sample.ink == ink and sample.labels == {"writer": "w1", "kind": "line"}
    assert json_line(sample.ink, sample.labels) + "\n" == path.read_text(encoding="utf-8")


def test_one_object_a_list_and_lines(tmp_path: Path) -> None:
    told = {"text": "a", "strokes": [[1, 2, 3, 4]]}
    for data in (json.dumps(told, indent=2), json.dumps([told]), "\ufeff" + json.dumps(told) + "\r\n\r\n"):
        assert one(tmp_path / "x.json", data).ink == from_deltas([[1, 2, 3, 4]], "a")
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(told)}\n{{\n{json.dumps(told)}\n")
    first, wrong, last = read_ink(tmp_path / "x.jsonl")
    assert isinstance(first, Sample) and isinstance(last, Sample) and last.place == "line 3"
    assert isinstance(wrong, ReadError) and wrong.line == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        (b"\xff\xfe{}", "is no UTF-8 text"),
        ("hello", ":1: is no JSON: expecting value at column 1"),
        ("[]", "holds no samples"),
        ("[3]", "sample 1: is a int; a sample is an object"),
        ('{"text": "a"}', 'has no "strokes"'),
        ('{"text": 3, "strokes": [[1, 2]]}', "has a text that is no string"),
        ('{"text": "\\ud800", "strokes": [[1, 2]]}', "has a text that is no string"),
        ('{"text": "a", "strokes": []}', "holds no strokes"),
        ('{"text": "a", "strokes": [[]]}', "stroke 1 has 0 numbers"),
        ('{"text": "a", "strokes": [[1, 2], [1, 2, 3]]}', "stroke 2 has 3 numbers"),
        ('{"text": "a", "strokes": [5]}', "stroke 1 has a int"),
        ('{"text": "a", "strokes": [[1, "2"]]}', "stroke 1 holds '2', which is no number"),
        ('{"text": "a", "strokes": [[1, true]]}', "stroke 1 holds 'True'"),
        ('{"text": "a", "strokes": [[1, null]]}', "stroke 1 holds 'None'"),
        ('{"text": "a", "strokes": [[1, NaN]]}', "holds NaN"),
        ('{"text": "a", "strokes": [[1, 1e999]]}', "stroke 1 has the point 1, inf"),
        ('{"text": "a", "strokes": [[1, 1e9]]}', "stroke 1 has the point 1, 1e+09"),
        ('{"text": "a", "strokes": [[1, 1' + "0" * 400 + "]]}", "has a number of more than 300 digits"),
        ('{"text": "a", "strokes": [[1, 1' + "0" * 5000 + "]]}", "Exceeds the limit"),
        ('{"text": "a", "strokes": ' + "[" * 100_000, "is nested too deep"),
        (json.dumps({"strokes": [[0, 0]] * 20_001}), "has 20,001 strokes; 20,000 are allowed"),
        (json.dumps({"strokes": [[0, 0] * 500_001]}), "has 500,001 points; 500,000 are allowed"),
    ],
)
def test_damaged_json(tmp_path: Path, data: str | bytes, reason: str) -> None:
    assert reason in refused(tmp_path / "x.json", data)


def test_other_suffixes_missing_files_and_files_beyond_bounds(tmp_path: Path) -> None:
    assert "files with .png hold no strokes" in refused(tmp_path / "x.png", "x")
    assert "files without a suffix" in refused(tmp_path / "x", "x")
    for name in ("gone.json", "gone.svg", "gone.inkml"):
        (found,) = read_ink(tmp_path / name)
        assert isinstance(found, ReadError) and "cannot be read: No such file" in str(found)
    for name, bound in (("large.json", 64), ("large.svg", 32), ("large.inkml", 32)):
        with (tmp_path / name).open("wb") as file:
            file.truncate((bound << 20) + 1)
        (found,) = read_ink(tmp_path / name)
        assert isinstance(found, ReadError) and f"has more than {bound} MB" in str(found)


# SVG


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<path d="M1 2 L3 4 5 6" {SHOWN}/>', [[[1, 2], [3, 4], [5, 6]]]),
        (f'<path d="M1 2h2v2M7 7l1 1" {SHOWN}/>', [[[1, 2], [3, 2], [3, 4]], [[7, 7], [8, 8]]]),
        (f'<polyline points="1,2 3,4" {SHOWN}/><line x1="1" y1="1" x2="2" y2="1" stroke="red"/>',
         [[[1, 2], [3, 4]], [[1, 1], [2, 1]]]),
        (f'<g transform="translate(10 0) scale(2)" {SHOWN}><path d="M1 2L3 4"/></g>', [[[12, 4], [16, 8]]]),
        (f'<svg x="10" y="0" width="20" height="20" viewBox="0 0 10 10" {SHOWN}><path d="M1 2L3 4"/></svg>',
         [[[12, 4], [16, 8]]]),
        ('<path d="M1 2L3 4"/>', [[[1, 2], [3, 4]]]),
        (f'<path d="M5 5L5 5" {SHOWN}/>', [[[5, 5]]]),
        ('<style>.pen{stroke:#123}</style><path class="pen" d="M1 2L3 4"/>', [[[1, 2], [3, 4]]]),
        (f'<rect width="96" height="96" fill="white"/><path d="M1 2L3 4" {SHOWN}/>', [[[1, 2], [3, 4]]]),
        ((f'<path d="M9 9L8 8" style="display:none" {SHOWN}/><path d="M9 9L8 8" visibility="hidden" {SHOWN}/>'
         f'<defs><path id="a" d="M1 2L3 4" {SHOWN}/></defs><clipPath><path d="M9 9L8 8" {SHOWN}/></clipPath>'
         '<use xlink:href="#a" x="1"/>'), [[[2, 2], [4, 4]]]),
        (f'<symbol id="a"><path d="M1 2L3 4" {SHOWN}/></symbol><use xlink:href="#a"/>', [[[1, 2], [3, 4]]]),
    ],
)  # fmt: skip
def test_what_a_pen_could_follow(tmp_path: Path, body: str, expected: list[list[list[float]]]) -> None:
    assert points(tmp_path / "x.svg", f"{SVG}{body}</svg>") == expected


def test_units_are_pixels_of_which_an_inch_has_96(tmp_path: Path) -> None:
    for size in ('width="1in" height="1in"', 'width="25.4mm" height="25.4mm"', 'width="72pt" height="72pt"'):
        data = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 10 10"><path d="M0 0L10 5" {SHOWN}/></svg>'
        assert np.allclose(points(tmp_path / "x.svg", data), [[[0, 0], [96, 48]]])


def test_curves_become_points_evenly_along_them(tmp_path: Path) -> None:
    drawn = f'{SVG}<path d="M0 0 A 40 40 0 0 1 40 40" {SHOWN}/><path d="M0 0Q10 20 20 0" {SHOWN}/></svg>'
    arc, bow = one(tmp_path / "x.svg", drawn).ink.strokes
    steps = np.hypot(*np.diff(arc, axis=0).T)
    assert len(arc) > 5 and steps.max() < 1.1 * steps.min()
    assert np.allclose(np.hypot(*(arc - (0, 40)).T), 40, atol=0.05)
    assert bow[[0, -1]].tolist() == [[0, 0], [20, 0]] and bow[:, 1].max() == pytest.approx(10, abs=0.3)


def test_letters_and_drawings_of_our_own_keep_their_text(tmp_path: Path) -> None:
    body = f'<title>so</title><g class="handwriting" {SHOWN}><path d="M1 2L3 4"/></g>'
    assert one(tmp_path / "x.svg", f"{SVG}{body}</svg>").ink.text == "so"
    assert one(tmp_path / "x.svg", f"{SVG}{body.replace('handwriting', 'other')}</svg>").ink.text == ""


OUTLINE = "is a filled outline"
NONE = "no stroke that a pen could follow; draw the text with a pen tool"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", f"holds {NONE}"),
        ("<text>hello</text>", f"holds letters of a font, and {NONE}"),
        ('<image href="scan.png"/>', f"holds a picture, and {NONE}"),
        ('<path d="" stroke="red"/><path stroke="red"/>', NONE),
        ('<path d="M1 1L2 2" stroke="red" stroke-width="0" fill="none"/>', NONE),
        ('<path d="M0 0L5 0 5 5Z" fill="black"/>', f":1: {OUTLINE}"),
        ('<path d="M0 0L5 0 5 5Z"/>', f":1: {OUTLINE}"),
        ('<g fill="red">\n<path d="M0 0L5 0 5 5"/></g>', f":2: {OUTLINE}"),
        (f'<path d="M1 2L3 4" {SHOWN}/><circle r="3" cx="5" cy="5"/>', f":1: {OUTLINE}"),
        (f'\n\n<path d="M1 NaN L3 4" {SHOWN}/>', ":3: <path> has 'NaN' in 'd', where numbers are allowed"),
        (f'<path d="M1 inf L3 4" {SHOWN}/>', "has 'inf' in 'd'"),
        (f'<path d="M1 1e999 L3 4" {SHOWN}/>', ":1: has a coordinate that is no number within 10,000,000"),
        (f'<path d="M1 1L3 4" transform="scale(1e300)" {SHOWN}/>', "has a coordinate that is no number within"),
        (f'<path d="M1 1L3 4" transform="scale(nan)" {SHOWN}/>', "has 'nan' in 'transform'"),
        (f'<path d="M1 1L3 4 oops" {SHOWN}/>', "has 'oops' in 'd'"),
        (f'<polyline points="1,1 a,2" {SHOWN}/>', "has 'a,2' in 'points'"),
        (f'<line x1="NaN" y1="0" x2="1" y2="1" {SHOWN}/>', "<line> has 'NaN' in 'x1'"),
        (f'<g id="a"><path d="M1 1L3 4" {SHOWN}/><use xlink:href="#a"/></g>', "has a <use> that refers to itself"),
        ('<g id="a0"/>' + "".join(f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(9)),
         "grows to more than 200,000 elements through <use>"),
        ("<g>" * 101 + "</g>" * 101, "is nested deeper than 100 elements"),
        (f'<path d="M0 0{"C9 9 0 9 0 0" * 100_001}" {SHOWN}/>', "takes more than 500,000 points"),
    ],
)  # fmt: skip
def test_drawings_that_no_pen_could_follow(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in refused(tmp_path / "x.svg", f"{SVG}{body}</svg>")


BOMB = '<!DOCTYPE x [<!ENTITY a "' + "a" * 50 + '"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        ("no xml", ":1: is no XML: syntax error at column 1"),
        ("<%s><g>", ":1: is no XML: no element found"),
        ("<%s></g>", ":1: is no XML: mismatched tag"),
        (BOMB + "<%s>&b;</%s>", ":1: declares the entity 'a', which is not allowed"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><%s>&a;</%s>', ":1: declares the entity 'a'"),
        ('<!DOCTYPE x [<!ENTITY % a SYSTEM "http://0.0.0.0/x"> %a;]><%s></%s>', ":1: declares the entity 'a'"),
        ('<?xml version="1.0" encoding="nonsense"?><%s></%s>', "unknown encoding"),
        ("<%s>&nbsp;</%s>", ":1: is no XML: undefined entity"),
        ("<html></html>", "begins with <html>; a file of this suffix begins with <%s>"),
    ],
)
@pytest.mark.parametrize(("suffix", "root"), [(".svg", "svg"), (".inkml", "ink")])
def test_damaged_xml(tmp_path: Path, data: str, reason: str, suffix: str, root: str) -> None:
    assert reason.replace("%s", root) in refused(tmp_path / f"x{suffix}", data.replace("%s", root))


# InkML


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<trace>1 2, 3 4</trace><trace>5 6</trace>", [[[1, 2], [3, 4]], [[5, 6]]]),
        ("<trace>\n 1.5 -2.5,\n 3e1 .5\n</trace>", [[[1.5, -2.5], [30, 0.5]]]),
        # the Recommendation's own example, section 3.2.1: velocity and acceleration
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
def test_traces(tmp_path: Path, body: str, expected: list[list[list[float]]]) -> None:
    assert points(tmp_path / "x.inkml", f"{INKML}{body}</ink>") == expected


def test_annotations_hold_text_and_writer(tmp_path: Path) -> None:
    body = '<annotation type="writer">w7</annotation><annotation type="truth"> so\nit </annotation><trace>1 2</trace>'
    sample = one(tmp_path / "x.inkml", f"{INKML}{body}</ink>")
    assert sample.ink.text == "so it" and sample.labels == {"writer": "w7"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "holds no strokes"),
        ("<trace></trace>", ":1: trace 1 has 0 values at point 1; its channels are X, Y"),
        ("<trace>1 2</trace>\n<trace>1 2, 3</trace>", ":2: trace 2 has 1 values at point 2"),
        ("<trace>1 2, NaN 4</trace>", ":1: trace 1 holds 'NaN 4' at point 2, which is no number"),
        ("<trace>1 ?</trace>", "has '?' at point 1 where X and Y are numbers"),
        ("<trace>1 1e999</trace>", "stroke 1 has the point 1, inf"),
        ("<trace>'1'1</trace>", "begins with a difference"),
        ("<trace>* *</trace>", "begins with *"),
        ('<traceFormat><channel name="X"/></traceFormat><trace>1</trace>', "has the channels X; X and Y are needed"),
        (('<traceFormat><channel name="X"/><channel name="Y"/></traceFormat><traceFormat><channel name="Y"/>'
         '<channel name="X"/></traceFormat><trace>1 2</trace>'), "has traces of several formats"),
        ("<trace>" + "0 0," * 500_000 + "0 0</trace>", "has 500,001 points; 500,000 are allowed"),
    ],
)  # fmt: skip
def test_damaged_traces(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in refused(tmp_path / "x.inkml", f"{INKML}{body}</ink>")


WHOLE = {
    ".svg": f'{SVG}<g transform="scale(2)" {SHOWN}><path d="M1 2C3 4 5 6 7 8L9 9"/><line x1="1" x2="3"/></g></svg>',
    ".inkml": f"{INKML}<trace>1 2,'3'4,5 6</trace><trace>7 8</trace></ink>",
    ".json": '{"writer":"w1","text":"ab","strokes":[[1,2,3,4],[5.5,6]]}',
}


@pytest.mark.parametrize("suffix", [*WHOLE])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    whole = bytearray(WHOLE[suffix].encode())
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=5)):
        whole[at] = value
    path = tmp_path_factory.mktemp("damaged") / f"x{suffix}"
    path.write_bytes(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    found = [*read_ink(path)]
    assert found
    for each in found:
        if isinstance(each, Sample):
            assert each.ink.strokes and np.isfinite(each.ink.points).all()
        else:
            assert str(each).startswith(str(path)) and "\n" not in each.reason
