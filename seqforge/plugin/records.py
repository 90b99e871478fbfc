"""Provenance records inside files: calls of the capability `CarriesProvenance`, with its law checked."""

from pathlib import Path

from seqforge.plugin.capabilities import CarriesProvenance
from seqforge.plugin.plugin import AnyPlugin
from seqforge.plugin.validation import contract_error

__all__ = ["carries_provenance", "embed_record", "extract_record"]


def carries_provenance(plugin: AnyPlugin, suffix: str) -> bool:
    """Return whether files with a suffix carry the record of their generation."""
    return isinstance(plugin, CarriesProvenance) and suffix in plugin.provenance_suffixes


def embed_record(plugin: AnyPlugin, path: Path, record: str) -> None:
    """Write a record into a file that the plugin wrote; the suffix must be one of `provenance_suffixes`.

    Args:
        plugin: The plugin.
        path: The file.
        record: One line of ASCII.

    Raises:
        ContractError: If the plugin does not return the record and the content before embedding when it extracts.
    """
    assert isinstance(plugin, CarriesProvenance)
    data, suffix = path.read_bytes(), path.suffix.lower()
    try:
        content = plugin.embed(data, record, suffix)
    except ValueError as error:
        raise contract_error(plugin, "embed", f"rejects a {suffix} file that `write` wrote ({error})") from error
    if not isinstance(content, bytes) or plugin.extract(content, suffix) != (record, data):
        problem = f"returns a {suffix} file from which `extract` does not return the record and the content before"
        raise contract_error(plugin, "embed", problem)
    path.write_bytes(content)


def extract_record(plugin: AnyPlugin, data: bytes, suffix: str) -> tuple[str, bytes] | None:
    """Return the record in the content of a file and the content without it; None if there is no record."""
    if isinstance(plugin, CarriesProvenance) and suffix in plugin.provenance_suffixes:
        return plugin.extract(data, suffix)
    return None
