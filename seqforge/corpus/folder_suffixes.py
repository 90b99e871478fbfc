"""Which files of a folder a plugin reads, by their suffixes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqforge.errors import listing


@dataclass(frozen=True)
class FolderSuffixes:
    """The suffixes of the files that are read if a folder is searched.

    A file that is imported is left out if a file that is read stands beside it with the same name, because both are the
    same piece.

    >>> suffixes = FolderSuffixes((".mid",), (".mxl",))
    >>> [path.name for path in suffixes.supported([Path("a.mid"), Path("a.mxl"), Path("b.mxl"), Path("c.txt")])]
    ['a.mid', 'b.mxl']

    Attributes:
        reads: The suffixes of the files that the plugin reads; () for any.
        imports: The suffixes of other files that it reads in folders.
    """

    reads: Sequence[str]
    imports: Sequence[str] = ()

    def __str__(self) -> str:
        return listing((*self.reads, *self.imports))

    def supported(self, paths: Iterable[Path]) -> list[Path]:
        """Return the paths that are read, in their order."""
        paths = list(paths)
        pieces = {path.with_suffix("") for path in paths if path.suffix.lower() in self.reads}
        return [path for path in paths if self.is_read(path, lambda path: path.with_suffix("") in pieces)]

    def is_read(self, path: Path, has_piece: Callable[[Path], bool]) -> bool:
        """Return whether a path is read.

        Args:
            path: The path.
            has_piece: Function that returns whether a file that is read stands beside a path with the same name.
        """
        suffix = path.suffix.lower()
        return not self.reads or suffix in self.reads or (suffix in self.imports and not has_piece(path))

    def is_beside(self, path: Path, spellings: Iterable[str]) -> bool:
        """Return whether a file that is read stands beside a path with the same name.

        Args:
            path: The path.
            spellings: The suffixes of all files, as they are spelt: ".mid", ".MID".
        """
        return any(path.with_suffix(s).is_file() for s in spellings if s.lower() in self.reads)

    def kind_of_other(self, path: Path) -> str:
        """Return what a path is that is not read, for a message: its suffix, perhaps with the reason.

        >>> FolderSuffixes((".mid",), (".mxl",)).kind_of_other(Path("a.mxl"))
        '.mxl beside a file of the same name'
        """
        suffix = path.suffix.lower()
        return f"{suffix} beside a file of the same name" if suffix in self.imports else suffix or "no suffix"
