"""Pages for plotters, through vpype and ezdxf: G-code, HPGL and DXF, and strokes in the order of least travel."""

import importlib
import inspect
import io
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import WriteError
from seqforge_handwriting.curves import flatten, smooth
from seqforge_handwriting.drawing import Layer, layers_of
from seqforge_handwriting.page import Page
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.samples import MAX_POINTS
from seqforge_handwriting.svg_reader import DOT_LENGTH

__all__ = ["PLOTTER_SUFFIXES", "shortest_order", "to_plotter"]

PLOTTER_SUFFIXES = (".gcode", ".hpgl", ".dxf")
"""Suffixes of the formats of this module."""
TOLERANCE = 0.02
"""Largest distance of a polyline from the curve of a stroke, millimetres."""
PIXELS_PER_MM = 96 / 25.4
"""Units of vpype per millimetre."""
HPGL_UNIT = 0.025
"""Length of a unit of HPGL, millimetres."""
GCODE = {
    "unit": "mm",
    "vertical_flip": True,
    "document_start": "G21 ; millimetres\nG90 ; absolute positions\nG0 Z5\n",
    "layer_start": "; layer {layer_id}\n",
    "segment_first": "G0 X{x:.3f} Y{y:.3f}\nG1 Z0 F1000\n",
    "segment": "G1 X{x:.3f} Y{y:.3f} F3000\n",
    "segment_last": "G1 X{x:.3f} Y{y:.3f} F3000\nG0 Z5\n",
    "document_end": "G0 X0 Y0\nM2\n",
}
"""The profile of vpype-gcode: the pen is down at Z0 and up at Z5, and the origin is the lower left corner."""
PROFILE = "seqforge"


def to_plotter(page: Page, pen: Pen, suffix: str) -> bytes:
    """Return a page as a file for plotters or machines; y grows upwards from the lower edge of the page.

    Example:
        Path("card.gcode").write_bytes(to_plotter(page, Pen(), ".gcode"))

    Args:
        page: The page.
        pen: The pen of a page that names none.
        suffix: The format: .gcode, .hpgl or .dxf.

    Raises:
        WriteError: If the extra is not installed.
    """
    layers = layers_of(page, pen)
    if suffix == ".dxf":
        return _dxf(page, layers)
    vpype = _library("vpype", suffix)
    document = _document(vpype, page, layers)
    if suffix == ".hpgl":
        return _hpgl(vpype, document, page)
    writer = inspect.unwrap(_library("vpype_gcode.gwrite", suffix).gwrite.callback)  # the command leaves its file open
    vpype.config_manager.config.setdefault("gwrite", {})[PROFILE] = GCODE
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        path = Path(folder) / "page.gcode"
        with path.open("w", encoding="ascii") as file:
            writer(document, file, PROFILE, ())
        return path.read_bytes()


def shortest_order(strokes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return strokes in an order with little travel of the lifted pen; some are drawn in the other direction.

    Example:
        strokes = shortest_order(page.ink.strokes)

    Args:
        strokes: The strokes, each of shape (points, 2).

    Raises:
        WriteError: If the extra is not installed.
    """
    vpype, cli = _library("vpype", "the shortest order"), _library("vpype_cli", "the shortest order")
    document = vpype.Document(vpype.LineCollection([_complex(stroke) for stroke in strokes]))
    lines = [np.asarray(line) for layer in cli.execute("linesort", document).layers.values() for line in layer]
    return [_points(line if np.ptp(line.real) or np.ptp(line.imag) else line[:1]) for line in lines]


def _library(name: str, purpose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        what = f"writing {purpose}" if purpose.startswith(".") else purpose
        raise WriteError(
            f'{what} needs an extra: pip install "seqforge-handwriting[plotter]"; or write .svg in the order of writing'
        ) from error


def _document(vpype: Any, page: Page, layers: Iterable[Layer]) -> Any:
    """Return a page as a document of vpype, whose unit is the pixel."""
    document = vpype.Document(page_size=(page.width * PIXELS_PER_MM, page.height * PIXELS_PER_MM))
    for layer in layers:
        lines = [_complex(line * PIXELS_PER_MM) for line in _polylines(layer)]
        document.add(vpype.LineCollection(lines), layer.number)
    return document


def _polylines(layer: Layer) -> list[np.ndarray]:
    """Return the strokes of a layer as polylines along their curves; a dot is a line of 0.1 mm."""
    lines = []
    for stroke in layer.strokes:
        curve = smooth(stroke)
        if len(curve):
            lines += flatten([curve], TOLERANCE, MAX_POINTS)
        else:
            half = np.array([DOT_LENGTH / 2, 0.0])
            lines.append(np.stack([stroke[0] - half, stroke[0] + half]))
    return lines


def _hpgl(vpype: Any, document: Any, page: Page) -> bytes:
    size = [f"{page.width}mm", f"{page.height}mm"]
    paper = {
        "name": "page", "paper_size": size, "y_axis_up": True, "origin_location": ["0mm", "0mm"],
        "origin_location_reference": "botleft", "final_pu_params": "0,0",
    }  # fmt: skip
    device = {"name": PROFILE, "plotter_unit_length": f"{HPGL_UNIT}mm", "pen_count": 8, "paper": [paper]}
    vpype.config_manager.config.setdefault("device", {})[PROFILE] = device
    output = io.StringIO()
    vpype.write_hpgl(
        output, document, "page", landscape=page.width > page.height, center=False, device=PROFILE, velocity=None,
        absolute=True, quiet=True,
    )  # fmt: skip
    return output.getvalue().encode("ascii")


def _dxf(page: Page, layers: Iterable[Layer]) -> bytes:
    ezdxf = _library("ezdxf", ".dxf")
    before = ezdxf.options.write_fixed_meta_data_for_testing
    ezdxf.options.write_fixed_meta_data_for_testing = True  # no dates: equal pages give equal files
    try:
        document = ezdxf.new("R2000", units=4)  # millimetres
        for layer in layers:
            document.layers.add(layer.label)
            for line in _polylines(layer):
                points = [(x, page.height - y) for x, y in line.tolist()]
                document.modelspace().add_lwpolyline(points, dxfattribs={"layer": layer.label})
        output = io.StringIO()
        document.write(output)
    finally:
        ezdxf.options.write_fixed_meta_data_for_testing = before
    return output.getvalue().encode("utf-8")


def _complex(stroke: np.ndarray) -> np.ndarray:
    """Return points as complex numbers; a single point twice, since a line of vpype has two."""
    line: np.ndarray = stroke[:, 0] + 1j * stroke[:, 1]
    return np.repeat(line, 2) if len(line) == 1 else line


def _points(line: np.ndarray) -> np.ndarray:
    return np.stack([line.real, line.imag], axis=1)
