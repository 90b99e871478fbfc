"""The metadata of a model file: the part of its header that is read without torch."""

from pathlib import Path
from typing import Any

from seqforge.core.tensorfile import TensorFile

__all__ = ["MODEL_FORMAT", "check_metadata", "read_metadata"]

MODEL_FORMAT = 1


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a model file as plain JSON; the weights are not read.

    Example:
        read_metadata(Path("model.safetensors"))["plugin"]

    Args:
        path: The path of the model file.

    Raises:
        DamagedFileError: If the file is missing, is not a model file, or has another format.
    """
    return check_metadata(TensorFile(path, "model"))


def check_metadata(file: TensorFile) -> dict[str, Any]:
    """Return the metadata of an opened model file after checks of its kind, its format and its plugin.

    Raises:
        DamagedFileError: If the file is not a model file, or has another format.
    """
    metadata = file.metadata
    if not isinstance(metadata, dict) or metadata.get("kind") != "model":
        raise file.damage("it is not a seqforge model")
    if metadata.get("format") != MODEL_FORMAT:
        raise file.damage(
            f"its format is {metadata.get('format')!r} and this version of seqforge reads {MODEL_FORMAT};"
            " update seqforge"
        )
    if not isinstance(metadata.get("plugin"), str):
        raise file.damage("its header does not name its plugin")
    return metadata
