"""Lines of a letter that are written again: the strokes of all other lines stay exactly as they are."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge.api.generation import Generation, GenerationRequest
from seqforge_handwriting.letter_infill import read_letter
from seqforge_handwriting.plugin import Handwriting

PLUGIN = Handwriting()


@pytest.fixture(scope="module")
def model() -> seqforge.Model:
    return seqforge.load("handwriting:default")


@pytest.fixture(scope="module")
def letter(model: seqforge.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (piece,) = model.generate(text="ab\ncd\n\nef", seed=3, colour="navy")
    path = tmp_path_factory.mktemp("letter") / "letter.json"
    PLUGIN.write([piece], path)
    PLUGIN.write([piece], path.with_suffix(".svg"))
    return path


def paths_of_lines(path: Path) -> list[list[str]]:
    """Return the paths of each line of a drawing, whose lines the file of strokes beside it names."""
    paths = re.findall(r' d="([^"]+)"', path.with_suffix(".svg").read_text())
    counts = [line["strokes"] for line in json.loads(path.read_text())["lines"]]
    assert sum(counts) == len(paths)
    return [[paths.pop(0) for _ in range(count)] for count in counts]


@pytest.mark.parametrize("fields", [{}, {"text": "gh"}, {"style": "w001"}])
def test_other_lines_have_the_same_paths(
    model: seqforge.Model, letter: Path, fields: dict[str, Any], tmp_path: Path
) -> None:
    (piece,) = model.generate(**{**PLUGIN.edit("rewrite", str(letter), [2]), **fields}, seed=4)
    path = tmp_path / "new.json"
    PLUGIN.write([piece], path)
    PLUGIN.write([piece], path.with_suffix(".svg"))
    before, after = paths_of_lines(letter), paths_of_lines(path)
    assert (before[0], before[2]) == (after[0], after[2]) and before[1] != after[1]
    assert [line["text"] for line in json.loads(path.read_text())["lines"]] == ["ab", fields.get("text", "cd"), "ef"]
    assert 'stroke="navy"' in path.with_suffix(".svg").read_text()


def test_drafts_have_the_lines_that_are_complete(model: seqforge.Model, letter: Path) -> None:
    for fields, texts in (
        ({"text": "ab\n\ncd\nef"}, ["ab", "ab\n\ncd"]),
        ({"infill": f"{letter}:1,3"}, ["ab\ncd\nef"]),
    ):
        generation = Generation(model, GenerationRequest(request=fields))
        steps: list[Any] = []
        parts: list[Any] = []
        (generated,) = generation.run(steps.append, on_part=parts.append)
        drafts: list[Any] = [generation.draft(samples) for samples in parts]
        assert [draft.content.text for draft in drafts] == texts
        first = drafts[0].content.pages[0].lines[0].strokes
        for one, other in zip(drafts[0].content.strokes[:first], generated.piece.content.strokes[:first], strict=True):
            np.testing.assert_allclose(one - one[0], other - other[0], atol=1e-6)


def test_lines_of_a_letter_are_regions_and_samples(letter: Path) -> None:
    pages = read_letter(f"{letter}:1").pages
    assert [line.text for line in pages[0].lines] == ["ab", "cd", "ef"]
    samples = [piece for piece in PLUGIN.read(letter, PLUGIN.Options()) if isinstance(piece, seqforge.Piece)]
    assert [piece.content.text for piece in samples] == ["ab", "cd", "ef"]


def test_regions_are_in_the_picture(model: seqforge.Model) -> None:
    (piece,) = model.generate(text="ab\ncd", seed=3)
    preview = PLUGIN.preview(piece)
    assert [region.number for region in preview.regions] == [1, 2]
    assert all(f'id="{region.element}"' in preview.svg for region in preview.regions)


@pytest.mark.parametrize(
    ("infill", "change"),
    [
        ("letter.json", {}), ("letter.json:0", {}), ("letter.json:3-2", {}), ("letter.json:4", {}), ("none.json:1", {}),
        ("letter.json:1", {"lines": 5}), ("letter.json:1", {"lines": []}), ("letter.json:1", {"page": {"width": "a"}}),
        ("letter.json:1", {"lines": [{"text": "a", "strokes": 10**9, "baseline": 1.0, "left": 1.0}]}),
        ("letter.json:1", {"lines": [{"text": "a", "strokes": True, "baseline": 1.0, "left": 1.0}]}),
        ("letter.json:1", {"lines": [{"text": "a"}]}), ("letter.json:1", {"page": {"width": 1e999, "height": 1}}),
    ],
)  # fmt: skip
def test_wrong_files_and_lines_are_refused(letter: Path, infill: str, change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "letter.json").write_text(json.dumps({**json.loads(letter.read_text()), **change}))
    with pytest.raises(seqforge.RequestError) as error:
        read_letter(str(tmp_path / infill))
    assert error.value.field == "infill"


def test_text_must_have_one_line_for_each(model: seqforge.Model, letter: Path) -> None:
    with pytest.raises(seqforge.RequestError) as error:
        model.generate(infill=f"{letter}:1-2", text="only one")
    assert error.value.field == "text"
    with pytest.raises(seqforge.RequestError) as error:
        model.generate(infill=f"{letter}:1", paper="a5")
    assert error.value.field == "paper"
