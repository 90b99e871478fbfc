"""Which plugins are installed: names from metadata, import only the chosen one."""

import dataclasses
import importlib.metadata
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from seqforge.errors import ContractError, PluginError, did_you_mean, listing
from seqforge.plugin import API, GROUP, RESERVED, Codec, Plugin, describe_fields, unflaggable

__all__ = ["GROUP", "Entry", "describe", "installed", "load"]


@dataclass(frozen=True)
class Entry:
    """An announced plugin: known from metadata, not imported.

    Attributes:
        name: the entry point's name.
        target: what it points to, "package.module:Class".
        distribution: name and version of the package that announces it.
        clash: the other distributions that announce the same name; such a plugin is not loaded.
    """

    name: str
    target: str
    distribution: str
    clash: tuple[str, ...] = ()


def installed() -> list[Entry]:
    """Return every announced plugin, sorted by name. Nothing is imported."""
    found: dict[tuple[str, str, str], Entry] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        owner = f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
        found[point.name, point.value, owner] = Entry(point.name, point.value, owner)
    entries = sorted(found.values(), key=lambda entry: (entry.name, entry.distribution))
    owners = {entry.name: tuple(e.distribution for e in entries if e.name == entry.name) for entry in entries}
    return [
        dataclasses.replace(entry, clash=tuple(o for o in owners[entry.name] if o != entry.distribution))
        for entry in entries
    ]


def load(name: str) -> Plugin:
    """Import one plugin and return it.

    Raises:
        PluginError: it is unknown, or announced twice.
        ContractError: it is broken, of another api, or its flags clash with the core's.
    """
    entries = [entry for entry in installed() if entry.name == name]
    if not entries:
        known = sorted({entry.name for entry in installed()})
        offer = f"installed are {listing(known)}" if known else "none is installed (try pip install seqforge-text)"
        raise PluginError(f"there is no plugin {name!r}; {offer}.{did_you_mean(name, known)}")
    entry = entries[0]
    if entry.clash:
        owners = listing([entry.distribution, *entry.clash])
        raise PluginError(f"the plugin name {name!r} is announced by {owners}; uninstall all but one of them")
    module, _, attribute = entry.target.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | MemoryError):
            raise
        raise ContractError(
            f"the plugin {name!r} of {entry.distribution} does not import: {type(error).__name__}: {error}"
        ) from error
    return checked(found, entry)


def checked(found: Any, entry: Entry) -> Plugin:
    """Return an instance of a plugin's class, once its declaration keeps the contract's rules.

    Raises:
        ContractError: it does not; the message names the distribution and the rule.
    """
    whose = f"the plugin {entry.name!r} of {entry.distribution}"
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise ContractError(f"{whose} points to {entry.target}, which is no subclass of seqforge.Plugin")
    if found.api != API:
        raise ContractError(f"{whose} is built for api {found.api}, and this seqforge has api {API}; update it")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    missing += [name for name in ("name", "writes", "codec") if not hasattr(found, name)]
    if missing:
        raise ContractError(f"{whose} lacks {listing(missing)}, which every plugin must have")
    if found.name != entry.name:
        raise ContractError(f"{whose} calls itself {found.name!r}; its `name` must equal its entry point's name")
    if not issubclass(found.codec, Codec):
        raise ContractError(f"{whose} has a `codec` that is no subclass of seqforge.Codec")
    for kind in ("Options", "Request"):
        declared = getattr(found, kind)
        rules = getattr(declared, "__dataclass_params__", None)
        if rules is None or not rules.frozen:
            raise ContractError(f"{whose} has {kind} that is no frozen dataclass")
        clash = sorted({field.name for field in dataclasses.fields(declared)} & RESERVED)
        if clash:
            raise ContractError(
                f"{whose} has {kind} with {listing(clash)}, which the core uses for flags of its own; rename them"
            )
        for name in unflaggable(declared):
            raise ContractError(
                f"{whose}: {kind}.{name} has type {get_type_hints(declared)[name]}; flags are made of bool, int, float,"
                " str, Path, Literal, and each of them or None"
            )
    try:
        return found()
    except Exception as error:
        raise ContractError(f"{whose} cannot be constructed: {type(error).__name__}: {error}") from error


def describe(name: str) -> dict[str, Any]:
    """Return what a plugin says of itself, found out in a child process so that nothing is imported here.

    Raises:
        PluginError: see `load`.
    """
    path = json.dumps(sys.path)
    script = "import json,sys; sys.path[:] = json.loads(sys.argv[1]); from seqforge import registry; registry.tell()"
    child = subprocess.run(
        [sys.executable, "-c", script, path, name],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    try:
        told: dict[str, Any] = json.loads(child.stdout.strip().rpartition("\n")[2])
    except ValueError:
        last = child.stderr.strip().rpartition("\n")[2] or f"exit code {child.returncode}"
        raise ContractError(f"the plugin {name!r} breaks the process that imports it: {last}") from None
    if "error" in told:
        raise (ContractError if told["broken"] else PluginError)(told["error"])
    return told


def tell() -> None:
    """Write one plugin's description, or the reason why there is none, as JSON. For the child process."""
    name = sys.argv[2]
    try:
        plugin = load(name)
        entry = next(entry for entry in installed() if entry.name == name)
        told: dict[str, Any] = {
            "name": plugin.name,
            "summary": plugin.summary,
            "distribution": entry.distribution,
            "api": plugin.api,
            "unit": plugin.unit,
            "reads": list(plugin.reads),
            "writes": list(plugin.writes),
            "books": list(plugin.books),
            "options": describe_fields(plugin.Options),
            "request": describe_fields(plugin.Request),
            "models": [str(path) for path in shipped(plugin)],
        }
    except PluginError as error:
        told = {"error": str(error), "broken": isinstance(error, ContractError)}
    sys.stdout.write(json.dumps(told, default=str) + "\n")


def shipped(plugin: Plugin) -> list[Path]:
    """Return the model files inside a plugin's package (its folder `models`), the default first."""
    module = sys.modules[type(plugin).__module__.partition(".")[0]]
    folders = [Path(folder) / "models" for folder in getattr(module, "__path__", [])]
    found = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    return sorted(found, key=lambda path: path.stem != type(plugin).default_model)
