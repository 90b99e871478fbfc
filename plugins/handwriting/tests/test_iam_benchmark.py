"""The benchmark of IAM-OnDB, on lines of another corpus in the folders and files of IAM-OnDB."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from inks import corpus_samples

from seqforge_handwriting.ink import Ink

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "iam.py"
FORMS = {
    "trainset.txt": "a01-000u",
    "testset_v.txt": "a01-001w",
    "testset_f.txt": "b02-010",
    "testset_t.txt": "c03-100z",
}
LINES_PER_FORM = 3


def xml(ink: Ink) -> str:
    strokes = "".join(
        "<Stroke>" + "".join(f'<Point x="{x:.0f}" y="{y:.0f}" time="0"/>' for x, y in stroke) + "</Stroke>"
        for stroke in ink.strokes
    )
    return f"<WhiteboardCaptureSession><StrokeSet>{strokes}</StrokeSet></WhiteboardCaptureSession>"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    samples = iter([sample for sample in corpus_samples() if len(sample.ink.text) > 15])
    for name, form in FORMS.items():
        inks = [next(samples).ink for _ in range(LINES_PER_FORM)]
        group, folder = form[:3], form.rstrip("uwz")
        for part in ("lineStrokes", "ascii"):
            (tmp_path / part / group / folder).mkdir(parents=True)
        for number, ink in enumerate(inks, 1):
            path = tmp_path / "lineStrokes" / group / folder / f"{form}-{number:02}.xml"
            path.write_text(xml(ink), encoding="utf-8")
        text = "\n".join(ink.text for ink in inks)
        (tmp_path / "ascii" / group / folder / f"{form}.txt").write_text(f"OCR:\n\nCSR:\n\n{text}\n", encoding="utf-8")
        (tmp_path / "task1").mkdir(exist_ok=True)
        (tmp_path / "task1" / name).write_text(form + "\n", encoding="utf-8")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(BENCHMARK), *arguments])
    runpy.run_path(str(BENCHMARK), run_name="__main__")


def test_trains_on_three_sets_and_measures_the_fourth(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--data", str(database), "--steps", "2", "--hidden", "8")
    output = capsys.readouterr().out
    assert f"train: {3 * LINES_PER_FORM} lines" in output
    figures = json.loads(output[output.rindex("{\n") :])
    assert figures["lines"] == LINES_PER_FORM
    assert figures["refused lines"] == 0
    assert not figures["thinned points"]
    assert np.isclose(
        figures["nats per line"] * LINES_PER_FORM / figures["points"], figures["nats per point"], atol=1e-3
    )


def test_names_a_file_that_is_missing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (database / "task1" / "testset_v.txt").unlink()
    with pytest.raises(SystemExit, match=r"testset_v\.txt"):
        run(monkeypatch, "--data", str(database), "--steps", "2")
