"""A wheel as data: its files, its metadata and its entry points."""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path, PurePosixPath

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seqforge.corpus.description import FILE
from seqforge.errors import UsageError

__all__ = ["Wheel", "open_wheel"]

MAX_UNPACKED = 4 << 30
"""Largest size of the files of a wheel, in bytes."""


@dataclass(frozen=True)
class Wheel:
    """An unpacked wheel (Python Packaging User Guide, Binary distribution format).

    Attributes:
        path: The file.
        folder: The folder of its files.
        sizes: The size of each file in bytes, by its name in the wheel.
        info: The name of the folder of its metadata, `NAME-VERSION.dist-info`.
    """

    path: Path
    folder: Path
    sizes: Mapping[str, int]
    info: str

    @cached_property
    def metadata(self) -> RawMetadata:
        """The fields of METADATA, not validated."""
        return parse_email((self.folder / self.info / "METADATA").read_bytes())[0]

    @cached_property
    def entry_points(self) -> tuple[EntryPoint, ...]:
        """The entry points."""
        return tuple(PathDistribution(self.folder / self.info).entry_points)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """The dependencies that parse, with those of extras."""
        requirements = []
        for text in self.metadata.get("requires_dist", []):
            try:
                requirements.append(Requirement(text))
            except InvalidRequirement:
                continue  # the rule `metadata_is_valid` reports it
        return tuple(requirements)

    def requirement(self, name: str) -> Requirement | None:
        """Return the dependency on a distribution; None if there is none."""
        named = (item for item in self.requirements if canonicalize_name(item.name) == canonicalize_name(name))
        return next(named, None)

    def plugins(self) -> tuple[EntryPoint, ...]:
        """Return the entry points of plugins."""
        return tuple(point for point in self.entry_points if point.group == "seqforge.plugins")

    def module_file(self, module: str) -> str | None:
        """Return the name of the file of a module; None if the wheel lacks it."""
        base = module.replace(".", "/")
        return next((name for name in (f"{base}/__init__.py", f"{base}.py") if name in self.sizes), None)

    def packages(self) -> set[str]:
        """Return the top-level packages and modules that entry points name, without those of other distributions."""
        named = {point.module.partition(".")[0] for point in self.entry_points}
        return {name for name in named if self.module_file(name) or any(f.startswith(f"{name}/") for f in self.sizes)}

    def content(self) -> list[PurePosixPath]:
        """Return the names of the files beside the metadata, sorted."""
        return [PurePosixPath(name) for name in sorted(self.sizes) if not name.startswith(f"{self.info}/")]

    def corpus_folders(self) -> set[PurePosixPath]:
        """Return the folders that contain a corpus.toml."""
        return {path.parent for path in self.content() if path.name == FILE}


@contextmanager
def open_wheel(path: Path) -> Iterator[Wheel]:
    """Unpack a wheel into a temporary folder, which is removed at the end of the `with` block.

    Example:
        with open_wheel(Path("seqforge_chess-1.0-py3-none-any.whl")) as wheel:
            print(sorted(wheel.sizes))

    Raises:
        UsageError: If the file is no wheel.
    """
    try:
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory(prefix="seqforge-") as name:
            sizes = {entry.filename: entry.file_size for entry in file.infolist() if not entry.is_dir()}
            infos = {item.partition("/")[0] for item in sizes if item.endswith(".dist-info/METADATA")}
            if len(infos) != 1 or sum(sizes.values()) > MAX_UNPACKED:
                raise zipfile.BadZipFile("it has no METADATA, or is larger than 4 GiB")
            file.extractall(name)
            yield Wheel(path, Path(name), sizes, infos.pop())
    except (OSError, zipfile.BadZipFile) as error:
        message = f"{path} is not a wheel ({error}); build one with `python -m build`"
        raise UsageError(message, field="folder", value=path, allowed="a folder, or a wheel (.whl)") from error
