"""Invalid constraints on vectors, as changes to the G-code example: each is detected by the check of its rule."""

import re
import sys
from pathlib import Path

import pytest

from seqforge.testing import check_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import install  # noqa: E402
from sentences import assert_recorded  # noqa: E402

EXAMPLE = Path(__file__).parents[2] / "examples" / "gcode" / "src" / "seqforge_gcode" / "__init__.py"
LAWS = "constraint_follows_its_laws"
FAULTS = {
    "mask of bits of another shape": ("np.ones((1, 2), np.bool_)", "np.ones(2, np.bool_)", "task_has_prompts"),
    "projection moves its own result": ("+ step[:2] * GRID)", "+ step[:2] * GRID + 3)", LAWS),
    "projection changes its argument": ("        target = ", "        step[0] += 1\n        target = ", LAWS),
    "projection sets a forbidden bit": ("np.ones((1, 2), np.bool_)", "np.array([[True, False]])", LAWS),
    "projection returns one number": (".astype(np.float32)\n\n    def may_end", "[:1]\n\n    def may_end", LAWS),
    "state is not hashable": ("state[2] or step[2] > 0)", "[state[2] or step[2] > 0])", LAWS),
    "no bit leads to the end": ("return int(not state[2])", "return 1 + int(not state[2])", LAWS),
    "a book loses its separators": ('            lines.append("M2")\n', "", "written_files_read_back"),
    "the bed is smaller than the samples": ("width * GRID)", "width)", "constraint_allows_real_pieces"),
}


def valid_code() -> str:
    code = EXAMPLE.read_text(encoding="utf-8").replace('name = "gcode"', 'name = "good"')
    return re.sub(r"^class GCode\(", "class Good(", code, flags=re.MULTILINE)


def write_samples(folder: Path) -> Path:
    folder.mkdir()
    programs = []
    for number in range(15):
        moves = [f"G{step % 4 > 0:d} X{10 + (5 + number) * step % 97} Y{20 + 7 * step % 50}" for step in range(12)]
        programs.append("\n".join([*moves, "M2"]))
    (folder / "some.gcode").write_text("\n".join(programs) + "\n")
    return folder


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_invalid_constraint_on_vectors_is_detected(site: Path, tmp_path: Path, fault: str | None) -> None:
    old, new, check = FAULTS[fault] if fault else ("", "", "")
    code = valid_code()
    assert not fault or code.count(old) == 1
    install(site, code.replace(old, new) if fault else code)
    only = [
        LAWS,
        "task_has_prompts",
        "constraint_allows_real_pieces",
        "allowed_steps_decode",
        "written_files_read_back",
    ]
    report = check_plugin("good", samples=write_samples(tmp_path / "samples"), only=only, isolated=False)
    failed = {result.check: result.message for result in report.failed}
    assert failed.keys() >= ({check} if fault else set()), report.results
    assert fault or not failed, report.failed
    if fault:
        assert_recorded(f"vectors: {fault}", {check: failed[check]})
