"""From files to a dataset: scan, split, fit a codec on train, encode. What is done is kept, and taken up again."""

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.plugin.validation import validate_codec, validate_state
from seqforge.corpus.pool import run_tasks
from seqforge.corpus.pieces import UNDECIDED, read_pieces
from seqforge.corpus.sources import SourceFile, Sources
from seqforge.corpus.split import Groups, split_by_content
from seqforge.corpus.worker import MOST_REASONS, Chunks, done_path, scan_path
from seqforge.dataset import MANIFEST, SIDES, Dataset, open_datasets, read_manifest, write_manifest
from seqforge.errors import ContractError, CorpusError, DamagedFileError, ReadError
from seqforge.core.files import make_folder
from seqforge.plugin import Codec, Divides, Piece, Plugin, options_to_json
from seqforge.core.tensorfile import TensorFile, canonical_json, write_tensors

FORMAT = 2
CHUNK_BYTES = 4 << 20
FEW_PIECES = 20


@dataclass(frozen=True)
class PreparedCorpus:
    """A collection ready to train on.

    Attributes:
        codec: fitted on its train side, or as given.
        datasets: by side.
        folder: where it lies.
        report: what there was: files, pieces by side, skipped and reasons, unseen, remarks.
    """

    codec: Codec
    datasets: Mapping[str, Dataset]
    folder: Path
    report: Mapping[str, Any]


def cache_folder() -> Path:
    """Return where prepared collections are kept: $SEQFORGE_CACHE, else the system's cache folder."""
    own = os.environ.get("SEQFORGE_CACHE")
    if own:
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "seqforge"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "seqforge"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqforge"


def prepare(
    plugin: Plugin,
    options: Any,
    sources: Sources,
    *,
    codec: Codec | None = None,
    widen: bool = False,
    cache: Path | None = None,
    workers: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> PreparedCorpus:
    """Return the dataset of some sources, prepared now or taken from the cache.

    Args:
        plugin: reads and encodes.
        options: of the plugin.
        sources: the files.
        codec: to encode with, where it is not to be fitted.
        widen: the codec may learn what these pieces have (`Codec.extended_for`).
        cache: where to keep what is prepared; default: `cache_folder()`.
        workers: processes; default: one for each core. The result does not depend on it.
        tell: is told what is going on.

    Raises:
        CorpusError: nothing could be read.
        ContractError: the plugin breaks the contract.
        WriteError: the cache cannot be written.
    """
    paths = [_absolute(file) for file in sources.files]
    widen = widen and codec is not None and type(codec).extended_for is not Codec.extended_for
    key = _key(plugin, options, paths, codec, widen=widen)
    folder = make_folder((cache or cache_folder()) / "datasets" / f"{plugin.name}-{key}")
    work = _Work(plugin, options, paths, folder, workers or os.cpu_count() or 1, tell)
    work.widen = widen
    if not (folder / MANIFEST).exists():
        work.prepare(codec)
    try:
        return work.opened(codec)
    except DamagedFileError:
        for left in folder.iterdir():
            left.unlink()
        work.prepare(codec)
        return work.opened(codec)


class _Work:
    def __init__(
        self,
        plugin: Plugin,
        options: Any,
        files: list[SourceFile],
        folder: Path,
        workers: int,
        tell: Callable[[str], None],
    ) -> None:
        self.plugin, self.options, self.files, self.folder = plugin, options, files, folder
        self.workers, self.tell = workers, tell
        self.size = sum(file.path.stat().st_size for file in files)
        self.chunks = _chunks(files)
        self.divide = self.widen = False

    def opened(self, codec: Codec | None) -> PreparedCorpus:
        told = read_manifest(self.folder)["told"]
        if codec is None or self.widen:
            file = TensorFile(self.folder / "codec.safetensors", "codec")
            arrays = {name: np.array(file.array(name)) for name in file.tensors}
            codec = self.plugin.codec.from_json(file.metadata["data"], arrays, self.options)
        datasets = open_datasets(self.folder, codec.space, codec.source, dict(codec.labels))
        return PreparedCorpus(codec, datasets, self.folder, told)

    def prepare(self, codec: Codec | None) -> None:
        scanned = self._scan()
        sides, remark = self._split(scanned)
        if remark == "divide":
            self.divide = True
            scanned = self._scan()
            sides, _ = self._split(scanned)
            remark = f"fewer than {FEW_PIECES} pieces: each is divided, 90 % train, 5 % valid, 5 % test"
        write_tensors(self.folder / "sides.safetensors", {str(n): s for n, s in enumerate(sides)}, {"kind": "sides"})
        if codec is None:
            self.tell("fitting the codec on the training pieces")
            codec = validate_codec(self.plugin, self.plugin.fit(self._train(sides), self.options))
        elif self.widen:
            codec = validate_codec(self.plugin, codec.extended_for(self._train(sides)), "extended_for")
        data, arrays = validate_state(self.plugin, codec)
        write_tensors(self.folder / "codec.safetensors", arrays, {"kind": "codec", "data": data})
        encoded = self._encode()
        every = np.concatenate(sides)
        unseen: Counter[str] = Counter()
        for told in encoded:
            unseen.update(told["unseen"])
        report = {
            "files": len(self.files),
            "pieces": {side: int((every == number).sum()) for number, side in enumerate(SIDES)},
            "skipped": sum(told["skipped"] for told in scanned),
            "reasons": [reason for told in scanned for reason in told["reasons"]][:MOST_REASONS],
            "unseen": dict(unseen.most_common(100)),
            "unseen_total": sum(told["unseen_total"] for told in encoded),
            "remarks": [remark] if remark else [],
        }
        write_manifest(self.folder, [name for told in encoded for name in told["shards"]], report)

    def _scan(self) -> list[dict[str, Any]]:
        self.tell(f"reading {len(self.files):,} file{'s' * (len(self.files) != 1)}")
        known = self._known(lambda chunk: self._scanned(chunk).metadata["told"])
        known |= self._do("scan", [chunk for chunk in range(len(self.chunks)) if chunk not in known])
        told = [known[chunk] for chunk in range(len(self.chunks))]
        if not sum(each["pieces"] for each in told):
            reasons = [reason for each in told for reason in each["reasons"]]
            more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            raise CorpusError(
                "nothing could be read: " + ("; ".join(reasons[:3]) + more if reasons else "the files hold no piece")
            )
        return told

    def _split(self, scanned: list[dict[str, Any]]) -> tuple[list[np.ndarray], str]:
        """Return the sides of each chunk's pieces, and a remark; "divide" where pieces are to be divided."""
        groups, sides = Groups(), []
        for chunk, told in enumerate(scanned):
            file = self._scanned(chunk)
            groups.extend(file.array("keys"), file.array("owners"), told["pieces"])
            sides.append(np.array(file.array("sides")))
        every = np.concatenate(sides)
        open_ = every == UNDECIDED
        if not open_.any():
            return sides, ""
        if open_.sum() < FEW_PIECES and not self.divide and isinstance(self.plugin, Divides):
            return sides, "divide"
        split = split_by_content(groups.representatives()[open_])
        every[open_] = split.sides
        edges = np.cumsum([len(each) for each in sides])[:-1]
        return np.split(every, edges), split.remark

    def _train(self, sides: list[np.ndarray]) -> Iterator[Piece]:
        for chunk, numbers in enumerate(self.chunks):
            at = 0
            for number in numbers:
                for item in read_pieces(self.plugin, self.options, self.files[number], divide=self.divide):
                    if isinstance(item, ReadError):
                        continue
                    if sides[chunk][at] == 0:
                        yield item[0]
                    at += 1

    def _encode(self) -> list[dict[str, Any]]:
        self.tell("encoding")
        known = self._known(lambda chunk: json.loads(done_path(self.folder, chunk).read_text(encoding="utf-8")))
        known |= self._do("encode", [chunk for chunk in range(len(self.chunks)) if chunk not in known])
        return [known[chunk] for chunk in range(len(self.chunks))]

    def _scanned(self, chunk: int) -> TensorFile:
        return TensorFile(scan_path(self.folder, chunk, divide=self.divide), "scan")

    def _known(self, read: Callable[[int], dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Return what an earlier, interrupted preparation has left; what is damaged is done again."""
        known = {}
        for chunk in range(len(self.chunks)):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, DamagedFileError):
                known[chunk] = {**read(chunk)}
        return known

    def _do(self, what: str, chunks: list[int]) -> dict[int, dict[str, Any]]:
        work = {
            "plugin": self.plugin.name,
            "options": options_to_json(self.options),
            "folder": str(self.folder),
            "files": [
                {
                    "path": str(f.path),
                    "labels": dict(f.labels),
                    "side": f.side,
                    "fractions": list(f.fractions),
                }
                for f in self.files
            ],
            "chunks": self.chunks,
            "divide": self.divide,
        }
        tasks = [{"do": what, "chunk": chunk} for chunk in chunks]
        here = Chunks(self.plugin, self.options, self.folder, self.files, self.chunks, divide=self.divide)
        answers = run_tasks(here, work, tasks, workers=self.workers, size=self.size)
        return dict(zip(chunks, answers, strict=True))


def _absolute(file: SourceFile) -> SourceFile:
    return dataclasses.replace(file, path=file.path.absolute())


def _chunks(files: list[SourceFile]) -> list[list[int]]:
    """Return runs of files of about CHUNK_BYTES: the same whoever works on them."""
    chunks: list[list[int]] = [[]]
    size = 0
    for number, file in enumerate(files):
        if size >= CHUNK_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(number)
        size += file.path.stat().st_size
    return chunks


def _key(plugin: Plugin, options: Any, files: list[SourceFile], codec: Codec | None, *, widen: bool) -> str:
    """Return a name for the result: it covers files, split, options, the codec and the plugin's own code."""
    told = {
        "format": FORMAT,
        "plugin": plugin.name,
        "code": _code(plugin),
        "options": options_to_json(options),
        "widen": widen,
        "codec": None if codec is None else [codec.version, codec.to_json(), _arrays_digest(codec)],
        "files": [[str(f.path), _digest(f.path), dict(f.labels), f.side, list(f.fractions)] for f in files],
    }
    try:
        text = canonical_json(told)
    except (TypeError, ValueError) as error:
        raise ContractError(
            f"the plugin {plugin.name!r} ({plugin.distribution()}): Options or to_json hold something that is no"
            f" plain JSON: {error}"
        ) from error
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _arrays_digest(codec: Codec) -> list[list[str]]:
    """Return a digest of each of a codec's arrays."""
    arrays = sorted(codec.arrays().items())
    return [[name, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()] for name, array in arrays]


def _code(plugin: Plugin) -> str:
    """Return a digest of the plugin's package, so that an author who edits it gets fresh data."""
    module = sys.modules[type(plugin).__module__.partition(".")[0]]
    if hasattr(module, "__path__"):
        paths = sorted(path for folder in module.__path__ for path in Path(folder).rglob("*.py"))
    else:
        paths = [Path(module.__file__)] if module.__file__ else []
    return hashlib.sha256("".join(_digest(path) for path in paths).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "unreadable"  # reported when it is read
