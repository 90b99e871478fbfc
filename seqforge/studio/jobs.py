"""The jobs of a worker: takes, files of the user, downloads, distributions and losses."""

import dataclasses
import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.api.display import bounded_wav
from seqforge.api.generation import Generation
from seqforge.api.generation_request import GenerationRequest
from seqforge.api.model_loading import load
from seqforge.api.previews import preview_of
from seqforge.api.provenance import digest, named_file, provenance_of, record_text
from seqforge.api.record_format import FileEntry
from seqforge.api.text import file_bytes, text_of
from seqforge.core.files import path_kind
from seqforge.core.safe_svg import safe_svg
from seqforge.core.spaces import Categorical
from seqforge.corpus import probe
from seqforge.errors import DecodeError, ReadError, RequestError, SeqforgeError
from seqforge.plugin import Edits, Piece, Preview, Previews
from seqforge.plugin.records import carries_provenance, embed_record
from seqforge.plugin.validation import write_pieces

__all__ = ["Jobs"]

GROW_SECONDS = 0.2
"""The shortest time between two pictures of a take that grows."""
MAX_SVG, MAX_TEXT, MAX_AUDIO = 8_000_000, 200_000, 16_000_000
MAX_GROWING = 3000
"""The largest number of characters of a take that grows; its last ones are shown."""
MAX_SCORES = 4000
"""The largest number of steps whose probability is shown; more are averaged."""
MAX_OPENED = 12
"""The largest number of pieces of one file that become takes."""

Send = Callable[[str, Any], None]


class Jobs:
    """The jobs of one model. Each method `do_NAME` takes plain values and returns plain values.

    Args:
        path: The model file.
        folder: The folder of the session.
        pieces: The pieces of takes by id, the least recently used first.
        most: The number of pieces that are remembered.
    """

    def __init__(self, path: Path, folder: Path, pieces: "OrderedDict[str, Piece[Any]]", most: int) -> None:
        self.model = load(path)
        self.plugin = self.model.plugin
        self.folder, self.pieces, self.most = folder, pieces, most

    def do_warm(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Load the model before it is needed."""
        _ = self.model.engine
        return {}

    def do_take(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Generate a take, and write its picture, sound and text."""
        fields = self._fields(values)
        request = self._request(values, fields)
        generation = Generation(self.model, request, cancel=stop)
        growth = _Growth(self, generation, send) if values.get("grow", True) else None
        on_part = growth.show_parts if growth is not None else None
        generated = next(iter(generation.run(growth, on_part=on_part)), None)
        if generated is None:
            raise RequestError("the take was stopped")
        self._remember(values["id"], generated.piece)
        is_text = growth is not None and isinstance(generated.piece.content, str)
        return {
            **self._show(values["id"], generated.piece),
            "ended": generated.ended,
            "nats": -generated.log_probability,
            "scores": _thinned([-score for score in generated.scores]),
            "tokens": growth.texts if growth is not None and is_text and len(growth.texts) <= MAX_SCORES else [],
            "labels": dict(generated.piece.labels),
            "resolved": {k: v for k, v in generation.request.request.items() if k not in fields and _is_plain(v)},
            "fields": _without_folders(fields),
        }

    def do_open(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Read a file of the user; each of its first pieces becomes a take."""
        read, skipped = self._read(Path(values["path"]), values["name"])
        if not read:
            raise _unreadable(values["name"], skipped)
        shown = []
        for take, piece in zip(values["ids"], read, strict=False):
            self._remember(take, piece)
            place = piece.origin.place if piece.origin else ""
            shown.append({**self._show(take, piece), "place": place, "labels": dict(piece.labels)})
        return {"takes": shown, "pieces": len(read), "skipped": skipped[:20]}

    def do_file(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Write a take as a file; the piece is made again if it is no longer remembered."""
        path = Path(values["path"])
        write_pieces(self.plugin, [self._piece(values, stop)], path)
        if not values.get("upload") and carries_provenance(self.plugin, path.suffix):
            generation = Generation(self.model, self._request(values, self._fields(values)))
            entry = FileEntry(values.get("file_name", path.name), (0,), digest(path))
            _ = generation.prompts  # the request is resolved with them
            record = _named_only(provenance_of(generation, [entry]), self.folder)
            embed_record(self.plugin, path, record_text(record))
        return {}

    def do_score(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Return the loss of a piece, and the surprise of each step."""
        piece = self._piece(values, stop)
        surprisal = self.model.surprisal(piece)
        is_text = isinstance(piece.content, str) and len(surprisal) <= MAX_SCORES
        tokens = [str(token) for token, _ in surprisal[:-1]] if is_text else []
        scores = _thinned([nats for _, nats in surprisal])
        return {**self.model.score(piece).to_json(), "scores": scores, "tokens": tokens}

    def do_score_file(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Return the loss of each piece of a file."""
        read, skipped = self._read(Path(values["path"]), values["name"])
        if not read:
            raise RequestError(
                f"{values['name']} cannot be read: {skipped[0] if skipped else 'it is empty'}", field="file"
            )
        return {"pieces": [result.to_json() for result in self.model.score_many(read)], "skipped": skipped[:20]}

    def do_next(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Return the most probable next steps after a prompt."""
        if not isinstance(self.model.header.space, Categorical):
            raise RequestError(
                "`next` applies to models of symbols, and the steps of this model are vectors", field="model"
            )
        prompt = values.get("prompt") or None
        distribution = self.model.next(prompt, labels=values.get("labels") or {})
        rows = list(distribution.items())[: values.get("top", 20)]
        return {"next": [{"token": None if t is None else str(t), "probability": p} for t, p in rows]}

    def do_classify(self, values: Any, stop: threading.Event, send: Send) -> dict[str, Any]:
        """Return the probability of each value of a label, for the first piece of a file."""
        read, skipped = self._read(Path(values["path"]), values["name"])
        if not read:
            raise RequestError(
                f"{values['name']} cannot be read: {skipped[0] if skipped else 'it is empty'}", field="file"
            )
        options = {name: values[name] for name in ("label", "prior", "temperature")}
        return self.model.classify(read[0], **options).to_json()

    def _piece(self, values: Any, stop: threading.Event) -> Piece[Any]:
        take = values["id"]
        if take not in self.pieces:
            if values.get("upload"):
                pieces, _ = self._read(Path(values["upload"]), values["name"])
                self._remember(take, pieces[values.get("place", 0)])
            else:
                request = self._request(values, self._fields(values))
                self._remember(take, next(iter(Generation(self.model, request, cancel=stop).run())).piece)
        self.pieces.move_to_end(take)
        return self.pieces[take]

    def _remember(self, take: str, piece: Piece[Any]) -> None:
        self.pieces[take] = piece
        while len(self.pieces) > self.most:
            self.pieces.popitem(last=False)

    def _read(self, path: Path, name: str) -> tuple[list[Piece[Any]], list[str]]:
        fault = probe(self.plugin, self.model.options, path)
        if fault is not None:
            return [], [fault.reason]
        pieces: list[Piece[Any]] = []
        skipped: list[str] = []
        for item in self.plugin.read(path, self.model.options):
            if isinstance(item, ReadError):
                skipped.append(f"{item.place}: {item.reason}" if item.place else item.reason)
            else:
                origin = dataclasses.replace(item.origin, file=name) if item.origin else None
                pieces.append(dataclasses.replace(item, origin=origin))
            if len(pieces) >= MAX_OPENED or len(skipped) >= 1000:
                break
        return pieces, skipped

    def _fields(self, values: Any) -> dict[str, Any]:
        """Return the fields of the plugin's Request; those of an edit name the file of the parent."""
        fields = dict(values["request"])
        for name, value in fields.items():
            if isinstance(value, str) and (path_kind(Path(value)) != "missing" or named_file(value) or value == "-"):
                raise RequestError(
                    f"`{name}` is {value!r}, which names a file of the server; drop the file into the page instead",
                    field=name,
                )
        fields.update(values.get("files", {}))
        edit = values.get("edit")
        if edit is None:
            return fields
        if not isinstance(self.plugin, Edits) or edit["kind"] not in self.plugin.edits:
            raise RequestError(f"the plugin {self.plugin.name!r} cannot {edit['kind']} a piece", field="edit")
        source = Path(edit["folder"]) / f"{edit['name']}{self.plugin.edit_suffix}"
        if not source.exists():
            write_pieces(self.plugin, [self._piece(edit["source"], threading.Event())], source)
        return {**fields, **self.plugin.edit(edit["kind"], str(source), edit["numbers"])}

    def _request(self, values: Any, fields: Mapping[str, Any]) -> GenerationRequest:
        return GenerationRequest(
            models=(str(self.model.path),), n=1, seed=values["seed"], length=values["length"],
            candidates=values["candidates"], labels=values["labels"], controls=values["controls"], request=fields,
            precision=self.model.precision,
            device=self.model.device,
        )  # fmt: skip

    def _show(self, take: str, piece: Piece[Any]) -> dict[str, Any]:
        """Write picture, sound and text of a piece, and return where its regions are."""
        preview = self.preview(piece)
        svg = safe_svg(preview.svg) if len(preview.svg) <= MAX_SVG else ""
        sound = bounded_wav(preview.audio, MAX_AUDIO) if preview.audio else b""
        text = preview.text or ("" if svg else text_of(self.plugin, [piece]) or repr(piece.content))
        (self.folder / f"{take}.picture").write_text(svg, encoding="utf-8")
        (self.folder / f"{take}.sound").write_bytes(sound)
        return {
            "picture": bool(svg),
            "sound": bool(sound),
            "drawn": preview.drawn,
            "text": text[:MAX_TEXT],
            "regions": [dataclasses.asdict(region) for region in preview.regions[:2000]],
            "digest": hashlib.sha256(file_bytes(self.plugin, [piece], self.plugin.writes[0])).hexdigest(),
        }

    def preview(self, piece: Piece[Any], *, quick: bool = False) -> Preview:
        """Return the preview of a piece, or the one that takes little time."""
        if not quick:
            return preview_of(self.plugin, piece)
        try:
            return self.plugin.sketch(piece) if isinstance(self.plugin, Previews) else Preview()
        except SeqforgeError:
            return Preview()


class _Growth:
    """Sends what a take consists of so far, several times per second; it is called with each step.

    Args:
        jobs: The jobs of the model.
        generation: The generation.
        send: Sends an event.
    """

    def __init__(self, jobs: Jobs, generation: Generation, send: Send) -> None:
        self._jobs, self._send = jobs, send
        self._generation, self._prompts = generation, generation.prompts
        self._streamer = jobs.model.streamer() if len(self._prompts) == 1 else None
        self._steps: list[Any] = []
        self._due = time.monotonic() + GROW_SECONDS
        self.texts: list[str] = []

    def __call__(self, step: Any) -> None:
        self._steps.append(step)
        if self._streamer is not None:
            self.texts.append(self._streamer(step))
        if time.monotonic() < self._due:
            return
        self._send("grown", {"steps": len(self._steps), **self._content()})
        self._due = time.monotonic() + GROW_SECONDS

    def show_parts(self, samples: Sequence[Any]) -> None:
        """Send the picture of a take of several parts when a further part is complete."""
        piece = self._generation.draft(samples)
        if piece is not None:
            self._send("grown", {"steps": len(self._steps), **self._picture(piece)})
            self._due = time.monotonic() + GROW_SECONDS

    def _content(self) -> dict[str, Any]:
        if self._streamer is not None:
            return {"text": "".join(self.texts)[-MAX_GROWING:]}
        if len(self._prompts) != 1:
            return {}
        prompt = self._prompts[0]
        steps = np.concatenate([prompt.example.steps[: prompt.keep], np.stack(self._steps)])
        try:
            return self._picture(self._jobs.model.codec.decode(dataclasses.replace(prompt.example, steps=steps)))
        except (DecodeError, ValueError):
            return {}

    def _picture(self, piece: Piece[Any]) -> dict[str, Any]:
        """Return the picture of a piece, or its text."""
        preview = self._jobs.preview(piece, quick=True)
        svg = safe_svg(preview.svg) if 0 < len(preview.svg) <= MAX_SVG // 8 else ""
        return {"svg": svg} if svg else {"text": preview.text[-MAX_GROWING:]}


def _unreadable(name: str, skipped: list[str]) -> RequestError:
    reason = skipped[0] if skipped else "it contains no piece"
    return RequestError(f"{name} cannot be read: {reason}", field="file")


def _thinned(scores: list[float]) -> list[float]:
    """Return surprises in nats, of at most MAX_SCORES stretches of steps."""
    size = math.ceil(len(scores) / MAX_SCORES) or 1
    means = [sum(scores[i : i + size]) / len(scores[i : i + size]) for i in range(0, len(scores), size)]
    return [round(min(value, 99.0), 3) for value in means]


def _named_only(record: Any, folder: Path) -> Any:
    """Return a record in which files of the session folder are names only."""
    if isinstance(record, Mapping):
        return {name: _named_only(value, folder) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [_named_only(value, folder) for value in record]
    text = str(record) if isinstance(record, str | Path) else ""
    return text.rpartition("/")[2] if text.startswith(f"{folder}/") else record


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _without_folders(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in which the paths of the session's files are names only, for the command line."""
    return {
        name: value if not isinstance(value, str) or not value.startswith("/") else value.rpartition("/")[2]
        for name, value in fields.items()
    }
