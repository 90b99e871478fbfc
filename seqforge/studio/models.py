"""The models that the studio offers: those that ship with plugins, and those of the runs below ./runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.api.model_paths import resolve_model, shipped_models
from seqforge.api.runs import ROOT, Run, runs_of
from seqforge.core.options import flag_name
from seqforge.core.spaces import Categorical
from seqforge.errors import RequestError, SeqforgeError, listing
from seqforge.modelfile import read_header
from seqforge.plugin import Edits, registry
from seqforge.sampling.controls import Controls
from seqforge.studio.forms import form_of

__all__ = ["Catalogue", "Entry", "all_runs"]


@dataclass(frozen=True)
class Entry:
    """A model that can be chosen by its name.

    Attributes:
        name: Its name, which `--model` accepts.
        plugin: The name of its plugin.
        path: The path of the model file.
        kind: "shipped", "run" or "file".
    """

    name: str
    plugin: str
    path: Path
    kind: str


class Catalogue:
    """The models by name. Names are chosen from this list, so a client never names a path.

    >>> Catalogue().find("text:default").plugin
    'text'

    Args:
        models: Names or paths of further models, as `--model` accepts them.
    """

    def __init__(self, models: tuple[str, ...] = ()) -> None:
        self._named = []
        for name in models:
            path = resolve_model(name).path.resolve()
            self._named.append(Entry(str(name), read_header(path).plugin, path, "file"))

    def entries(self) -> list[Entry]:
        """Return all models, those that were named at the start first."""
        entries = list(self._named)
        shipped = shipped_models()
        for plugin in dict.fromkeys(owner for owner, _ in shipped):
            try:
                paths = registry.shipped_models(registry.load(plugin))
            except SeqforgeError:
                continue
            entries += [Entry(f"{plugin}:{path.stem}", plugin, path, "shipped") for path in paths]
        for run in all_runs():
            if run.model.exists():
                entries.append(Entry(run.folder.as_posix(), run.plugin(), run.model.resolve(), "run"))
        return list({entry.name: entry for entry in entries}.values())

    def find(self, name: Any) -> Entry:
        """Return a model.

        Raises:
            RequestError: If there is no model of this name.
        """
        entries = {entry.name: entry for entry in self.entries()}
        if not isinstance(name, str) or name not in entries:
            raise RequestError.invalid("model", name, f"one of {listing(entries)}")
        return entries[name]

    def card(self, entry: Entry) -> dict[str, Any]:
        """Return what the page shows of a model: its corpus, licences and figures, and the form of a request."""
        header = read_header(entry.path)
        plugin = registry.load(header.plugin)
        provenance = header.provenance
        is_symbolic = isinstance(header.space, Categorical)
        edits = list(plugin.edits) if isinstance(plugin, Edits) else []
        return {
            "name": entry.name,
            "plugin": plugin.name,
            "summary": plugin.summary,
            "unit": plugin.unit,
            "kind": entry.kind,
            "corpus": provenance.get("corpus", []),
            "licences": provenance.get("licences", []),
            "loss": provenance.get("valid_nats_per_unit"),
            "steps": provenance.get("steps"),
            "pieces": provenance.get("pieces", {}),
            "network": f"{header.network.layers} layers of {header.network.hidden}, {header.network.cell.upper()}",
            "changed": int(entry.path.stat().st_mtime),
            "labels": {name: list(values) for name, values in header.labels.items()},
            "request": form_of(plugin.Request),
            "controls": [field for field in form_of(Controls) if is_symbolic == (field["name"] != "bias")],
            "defaults": {"temperature": 1.0, **dict(plugin.sampling_defaults)},
            "length_flag": flag_name("length"),
            "candidates": 1 if is_symbolic else 0,
            "reads": [*plugin.reads, *plugin.imports],
            "writes": list(plugin.writes),
            "edits": edits,
        }


def all_runs() -> list[Run]:
    """Return the runs below ./runs, the newest first."""
    runs = (
        [run for parent in ROOT.iterdir() if parent.is_dir() for run in runs_of(parent.name)] if ROOT.is_dir() else []
    )
    return sorted(runs, key=lambda run: run.folder.stat().st_mtime, reverse=True)
