from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqforge.core.model_metadata import MODEL_FORMAT, read_metadata
from seqforge.core.tensorfile import write_tensors
from seqforge.errors import DamagedFileError

METADATA = {"format": MODEL_FORMAT, "kind": "model", "plugin": "text"}


def write(path: Path, metadata: Any) -> Path:
    write_tensors(path, {"x": np.zeros(1, np.float32)}, metadata)
    return path


def test_metadata_are_read(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path / "m", {**METADATA, "unit": "note"})) == {**METADATA, "unit": "note"}


FAULTS = {
    "no object": [1],
    "another kind": {**METADATA, "kind": "state"},
    "no kind": {"format": MODEL_FORMAT, "plugin": "text"},
    "later format": {**METADATA, "format": MODEL_FORMAT + 1},
    "no format": {"kind": "model", "plugin": "text"},
    "no plugin": {"format": MODEL_FORMAT, "kind": "model"},
    "plugin is no text": {**METADATA, "plugin": 3},
}


@pytest.mark.parametrize("metadata", FAULTS.values(), ids=FAULTS)
def test_file_that_is_no_model_has_one_error_class_everywhere(tmp_path: Path, metadata: Any) -> None:
    from seqforge.cli.main import main
    from seqforge.modelfile import read_header, read_model

    path = write(tmp_path / "m", metadata)
    for read in (read_metadata, read_header, read_model):
        with pytest.raises(DamagedFileError) as caught:
            read(path)
        assert str(path) in str(caught.value)
    for arguments in (["generate", "--model", str(path)], ["generate", "--plugin=text", "--model", str(path)]):
        with pytest.raises(SystemExit) as exit_code:
            main(arguments)
        assert exit_code.value.code == DamagedFileError.exit_code


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError):
        read_metadata(tmp_path / "m")
