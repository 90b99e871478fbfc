import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import seqforge
from seqforge.testing import parametrize_with_checks
from seqforge_gcode import Bed, GCode


def zigzag(rng: np.random.Generator) -> str:
    """Return a program that fills a rectangle with lines."""
    x, y, width, gap = (float(value) for value in rng.uniform((10, 10, 20, 1), (100, 100, 80, 5)))
    lines = [f"G0 X{x:.2f} Y{y:.2f}"]
    for number in range(int(rng.integers(4, 12))):
        lines += [
            f"G1 X{x + width * (number % 2 == 0):.2f} Y{y + gap * number:.2f}",
            f"G1 Y{y + gap * (number + 1):.2f}",
        ]
    return "\n".join([*lines, "M2"])


def write_samples(folder: Path) -> Path:
    """Write two files of 15 programs each."""
    rng = np.random.default_rng(1)
    for number in range(2):
        (folder / f"{number}.gcode").write_text("\n".join(zigzag(rng) for _ in range(15)) + "\n")
    return folder


SAMPLES = write_samples(Path(tempfile.mkdtemp(prefix="gcode-")))
NO_OPTIONS = seqforge.NoOptions()


@parametrize_with_checks("gcode", samples=SAMPLES, requests=[{"width": 30.0, "height": 20.0}])
def test_contract(check: Callable[[], None]) -> None:
    check()


def test_moves_of_a_program_are_read() -> None:
    path = SAMPLES / "one.txt"
    path.write_text("G90 ; absolute\nG0 X1 Y2.5\nG1 X3\nY4.004 F100\nM2\nG0 X5000 Y0\n")
    piece, error = GCode().read(path, NO_OPTIONS)
    assert isinstance(piece, seqforge.Piece) and isinstance(error, seqforge.ReadError)
    assert piece.content == ((100, 250, False), (300, 250, True), (300, 400, True))
    assert error.line == 6 and "1 m" in error.reason


def test_move_beyond_the_edge_ends_at_the_edge() -> None:
    step = Bed((3000, 2000)).project((2900, 100, True), np.array([7.0, -3.0, 1.0], np.float32))
    assert step.tolist() == [1.0, -1.0, 1.0]
