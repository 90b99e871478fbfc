import json
from pathlib import Path

import inks
import pytest
import reading
from hypothesis import given

from seqforge import ReadError
from seqforge_handwriting.ink import Ink, from_deltas
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.stroke_json import json_line


def test_corpus_is_read_with_its_labels() -> None:
    samples = inks.corpus_samples()
    assert len(samples) == 133
    assert samples[0].labels.keys() == {"writer", "kind"} and samples[0].place == "line 1"
    assert {sample.labels["kind"] for sample in samples} == {"line", "word"}
    assert all(sample.ink.text and sample.ink.strokes for sample in samples)


def test_splits_of_the_corpus_share_no_writer_and_no_text() -> None:
    splits = [inks.corpus_samples(split) for split in ("train", "valid", "test")]
    for key in (lambda sample: sample.labels["writer"], lambda sample: sample.ink.text):
        sets = [{key(sample) for sample in split} for split in splits]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])


@given(inks.inks)
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, ink: Ink) -> None:
    path = tmp_path_factory.mktemp("json") / "one.json"
    sample = reading.read_sample(path, json_line(ink, {"writer": "w1", "kind": "line"}) + "\n")
    assert sample.ink == ink and sample.labels == {"writer": "w1", "kind": "line"}
    assert json_line(sample.ink, sample.labels) + "\n" == path.read_text(encoding="utf-8")


def test_file_is_an_object_a_list_or_lines(tmp_path: Path) -> None:
    value = {"text": "a", "strokes": [[1, 2, 3, 4]]}
    for data in (json.dumps(value, indent=2), json.dumps([value]), "\ufeff" + json.dumps(value) + "\r\n\r\n"):
        assert reading.read_sample(tmp_path / "x.json", data).ink == from_deltas([[1, 2, 3, 4]], "a")
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(value)}\n{{\n{json.dumps(value)}\n")
    first, error, last = read_ink(tmp_path / "x.jsonl")
    assert isinstance(first, Sample) and isinstance(last, Sample) and last.place == "line 3"
    assert isinstance(error, ReadError) and error.line == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        (b"\xff\xfe{}", "is not UTF-8 text"),
        ("hello", ":1: is not JSON: expecting value at column 1"),
        ("[]", "contains no samples"),
        ("[3]", "sample 1: is a int; a sample must be an object"),
        ('{"text": "a"}', 'has no "strokes"'),
        ('{"text": 3, "strokes": [[1, 2]]}', "has a text that is not a string"),
        ('{"text": "\\ud800", "strokes": [[1, 2]]}', "has a text that is not a string"),
        ('{"text": "a", "strokes": []}', "contains no strokes"),
        ('{"text": "a", "strokes": [[]]}', "stroke 1 has 0 numbers"),
        ('{"text": "a", "strokes": [[1, 2], [1, 2, 3]]}', "stroke 2 has 3 numbers"),
        ('{"text": "a", "strokes": [5]}', "stroke 1 is a int"),
        ('{"text": "a", "strokes": [[1, "2"]]}', "stroke 1 contains '2', which is not a number"),
        ('{"text": "a", "strokes": [[1, true]]}', "stroke 1 contains 'True'"),
        ('{"text": "a", "strokes": [[1, null]]}', "stroke 1 contains 'None'"),
        ('{"text": "a", "strokes": [[1, NaN]]}', "contains NaN"),
        ('{"text": "a", "strokes": [[1, 1e999]]}', "stroke 1 has the point 1, inf"),
        ('{"text": "a", "strokes": [[1, 1e9]]}', "stroke 1 has the point 1, 1e+09"),
        ('{"text": "a", "strokes": [[1, 1' + "0" * 400 + "]]}", "has a number of more than 300 digits"),
        ('{"text": "a", "strokes": [[1, 1' + "0" * 5000 + "]]}", "Exceeds the limit"),
        ('{"text": "a", "strokes": ' + "[" * 100_000, "is nested too deeply"),
        (json.dumps({"strokes": [[0, 0]] * 20_001}), "has 20,001 strokes; at most 20,000 are allowed"),
        (json.dumps({"strokes": [[0, 0] * 500_001]}), "has 500,001 points; at most 500,000 are allowed"),
    ],
)
def test_damaged_json_is_rejected(tmp_path: Path, data: str | bytes, reason: str) -> None:
    assert reason in reading.read_error(tmp_path / "x.json", data)
