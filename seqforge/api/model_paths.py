"""The one resolver of model names: a file, a run folder, a plugin, or the name of a shipped model. No torch."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from seqforge.api.hub import download_model, is_hub_name
from seqforge.api.runs import Run, newest_model
from seqforge.core.files import path_kind
from seqforge.errors import RequestError, did_you_mean, listing
from seqforge.plugin import registry
from seqforge.plugin.entry_points import Entry, installed

__all__ = ["ModelPath", "resolve_model", "shipped_models"]

SHIPPED = "shipped"


@dataclass(frozen=True)
class ModelPath:
    """A model file and why it was chosen.

    Attributes:
        path: The path of the model file.
        reason: Why it was chosen, for the user: "the newest finished run".
    """

    path: Path
    reason: str


def resolve_model(name: str | Path | None = None, *, plugin: str | None = None) -> ModelPath:
    """Return the model file that a name stands for.

    Example:
        resolve_model("runs/abc/0001")           # the folder of a run
        resolve_model("abc")                     # a plugin: its newest finished run, else its default shipped model
        resolve_model("chorales")                # a shipped model
        resolve_model("midi:songs")              # a shipped model of one plugin
        resolve_model("shipped", plugin="text")  # the default shipped model of a plugin
        resolve_model("hf:ann/reels")            # a model on the Hugging Face Hub

    Args:
        name: The name; None stands for the plugin.
        plugin: The plugin to which the model belongs, if it is known.

    Raises:
        RequestError: If there is no such model, or the name is ambiguous.
        PluginError: If the plugin is not installed.
    """
    if name is None:
        if not plugin:
            raise RequestError("no model is named; set `model` or `plugin`", field="model")
        return _default_model(plugin)
    text, path = str(name), Path(name)
    if is_hub_name(text):
        return ModelPath(download_model(text), "the model on the Hugging Face Hub")
    kind = path_kind(path)
    if kind == "folder":
        model = Run(path).model
        if not model.exists():
            raise RequestError(f"the folder {path} contains no {model.name}", field="model", value=text)
        return ModelPath(model, "the given run")
    if kind == "file":
        return ModelPath(path, "the given file")
    if text == SHIPPED and plugin:
        return _shipped_default(plugin)
    if plugin in (None, text) and text in {entry.name for entry in installed()}:
        return _default_model(text)
    models = shipped_models()
    owner, colon, stem = text.rpartition(":")
    matches = [key for key in models if key[1] == stem and (key[0] == owner if colon else plugin in (None, key[0]))]
    if len(matches) == 1:
        return ModelPath(models[matches[0]], f"ships with the plugin {matches[0][0]!r}")
    if matches:
        choices = listing(f"{owner}:{stem}" for owner, stem in matches)
        raise RequestError(
            f"several plugins ship a model {text!r}; name one of {choices}", field="model", value=text, allowed=choices
        )
    raise _not_found(text, plugin, models)


def shipped_models() -> dict[tuple[str, str], Path]:
    """Return the model files in the packages of the installed plugins, by (plugin, name). No plugin is imported."""
    models = {}
    for entry in installed():
        for folder in _package_folders(entry):
            for path in sorted((folder / "models").glob("*.safetensors")):
                models[entry.name, path.stem] = path
    return models


def _package_folders(entry: Entry) -> list[Path]:
    try:
        spec = importlib.util.find_spec(entry.package)
    except (ImportError, ValueError):
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _default_model(plugin: str) -> ModelPath:
    registry.find_entry(plugin)
    newest = newest_model(plugin)
    if newest is not None:
        return ModelPath(newest, "the newest finished run")
    return _shipped_default(plugin)


def _shipped_default(plugin: str) -> ModelPath:
    paths = registry.shipped_models(registry.load(plugin))
    if not paths:
        raise RequestError(
            f"no model ships with the plugin {plugin!r} and there is no finished run in runs/{plugin}; train one:"
            f" seqforge train --plugin {plugin}",
            field="model",
        )
    return ModelPath(paths[0], f"ships with the plugin {plugin!r}")


def _not_found(name: str, plugin: str | None, models: dict[tuple[str, str], Path]) -> RequestError:
    names = [stem if plugin else f"{owner}:{stem}" for owner, stem in models if plugin in (None, owner)]
    where = f" of the plugin {plugin!r}" if plugin else ""
    suggestion = did_you_mean(name, [*names, *(stem for _, stem in models), *(entry.name for entry in installed())])
    return RequestError(
        f"there is no model {name!r}{where}: no such file or run folder, and no shipped model of that name; there are"
        f" {listing(names) or 'none'}{suggestion}",
        field="model", value=name, allowed=listing(names),
    )  # fmt: skip
