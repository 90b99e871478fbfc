import subprocess
import sys

import pytest

import seqforge

HEAVY = (
    "torch",
    "seqforge.network",
    "seqforge.training",
    "seqforge_text",
    "seqforge_abc",
    "seqforge_midi",
    "seqforge_handwriting",
    "music21",
    "symusic",
    "mido",
    "seqforge_corpora",
)


@pytest.mark.parametrize(
    "line", ["import seqforge", "import seqforge.errors, seqforge.plugin, seqforge.plugin.registry"]
)
def test_a_light_import_brings_neither_torch_nor_a_plugin(line: str) -> None:
    code = f"{line}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", seqforge.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(seqforge, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        seqforge.nonsense  # noqa: B018
