"""Which model file a person means. Light: no torch."""

from pathlib import Path

from seqforge.plugin import registry
from seqforge.errors import RequestError, did_you_mean, listing
from seqforge.api.runs import newest_model


def locate(named: str | Path) -> Path:
    """Return the model file that is meant by a file, a run's folder, or a plugin's name ("text").

    By a plugin's name its newest finished run under ./runs is meant, else what ships with it.
    """
    path = Path(named)
    if path.is_dir():
        return path / "model.safetensors"
    if not path.exists() and any(entry.name == str(named) for entry in registry.installed()):
        return choose(str(named))[0]
    return path


def choose(plugin: str, wanted: str | None = None) -> tuple[Path, str]:
    """Return the model file to use for a plugin, and how it was chosen.

    Args:
        plugin: the plugin's name.
        wanted: a path, a shipped model's name, or "shipped"; None: the newest finished run, else shipped.

    Raises:
        RequestError: there is none.
    """
    if wanted is not None and (Path(wanted).exists() or wanted.endswith(".safetensors")):
        path = Path(wanted)
        return (path / "model.safetensors" if path.is_dir() else path), "as asked"
    if wanted is None and (newest := newest_model(plugin)) is not None:
        return newest, "the newest finished run"
    shipped = registry.shipped(registry.load(plugin))
    if wanted in (None, "shipped") and shipped:
        return shipped[0], f"ships with the plugin {plugin!r}"
    for path in shipped:
        if path.stem == wanted:
            return path, f"ships with the plugin {plugin!r}"
    if wanted in (None, "shipped"):
        raise RequestError(
            f"no model ships with the plugin {plugin!r} and no finished run is under runs/{plugin}; train one:"
            f" seqforge train --plugin {plugin}"
        )
    names = [path.stem for path in shipped]
    raise RequestError(
        f"there is no model {wanted!r}: no such file, and the plugin {plugin!r} ships {listing(names) or 'none'}."
        f"{did_you_mean(wanted or '', names)}"
    )
