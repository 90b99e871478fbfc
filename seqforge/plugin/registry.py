"""Loading of plugins: only the chosen plugin is imported."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from seqforge.core.options import describe_fields
from seqforge.errors import ContractError, PluginError, SeqforgeError, did_you_mean, listing
from seqforge.plugin.entry_points import GROUP, Entry, installed
from seqforge.plugin.plugin import AnyPlugin
from seqforge.plugin.validation import validate_plugin

__all__ = ["GROUP", "Entry", "describe", "find_entry", "installed", "load", "shipped_models"]


def find_entry(name: str) -> Entry:
    """Return the entry of an installed plugin.

    Raises:
        PluginError: If no plugin or more than one has this name.
    """
    entries = {entry.name: entry for entry in installed()}
    if name not in entries:
        offer = f"installed are {listing(entries)}" if entries else "none is installed (try pip install seqforge-text)"
        raise PluginError(
            f"there is no plugin {name!r}; {offer}{did_you_mean(name, entries)}",
            field="plugin", value=name, allowed=listing(entries),
        )  # fmt: skip
    entry = entries[name]
    if entry.clash:
        owners = listing(sorted([entry.distribution, *entry.clash]))
        raise PluginError(f"the plugin name {name!r} is announced by {owners}; uninstall all but one of them")
    return entry


def load(name: str) -> AnyPlugin:
    """Import one plugin and return it.

    Example:
        plugin = registry.load("text")
        pieces = list(plugin.read(Path("book.txt"), plugin.Options()))

    Raises:
        PluginError: If it is unknown, or two distributions announce it.
        ContractError: If it does not import, has another api, or its declaration breaks the contract.
    """
    entry = find_entry(name)
    module, _, attribute = entry.target.partition(":")
    try:
        kind: Any = importlib.import_module(module)
        for part in attribute.split("."):
            kind = getattr(kind, part)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | MemoryError):
            raise
        raise ContractError(
            f"the plugin {name!r} of {entry.distribution} does not import: {type(error).__name__}: {error}"
        ) from error
    return validate_plugin(kind, entry)


def describe(name: str) -> dict[str, Any]:
    """Return the description of a plugin. It is imported in a child process, not here.

    Example:
        print(registry.describe("abc")["writes"])

    Raises:
        PluginError: If it is unknown, or two distributions announce it.
        ContractError: If it is broken, or ends the process that imports it.
    """
    path = json.dumps(sys.path)
    script = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
        " from seqforge.plugin import registry; registry.print_description(sys.argv[2])"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, path, name],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    try:
        description: dict[str, Any] = json.loads(child.stdout.strip().rpartition("\n")[2])
    except ValueError:
        reason = child.stderr.strip().rpartition("\n")[2] or f"exit code {child.returncode}"
        raise ContractError(f"the plugin {name!r} ends the process that imports it: {reason}") from None
    if "error" in description:
        raise (ContractError if description["broken"] else PluginError)(description["error"])
    return description


def print_description(name: str) -> None:
    """Print a plugin's description, or the reason why there is none, as JSON. For the child process of `describe`."""
    try:
        plugin = load(name)
        description: dict[str, Any] = {
            "name": plugin.name,
            "summary": plugin.summary,
            "distribution": find_entry(name).distribution,
            "api": plugin.api,
            "unit": plugin.unit,
            "reads": list(plugin.reads),
            "imports": list(plugin.imports),
            "writes": list(plugin.writes),
            "multi_piece": list(plugin.multi_piece),
            "options": describe_fields(plugin.Options),
            "request": describe_fields(plugin.Request),
            "models": [str(path) for path in shipped_models(plugin)],
        }
    except SeqforgeError as error:
        description = {"error": str(error), "broken": isinstance(error, ContractError)}
    sys.stdout.write(json.dumps(description, default=str) + "\n")


def shipped_models(plugin: AnyPlugin) -> list[Path]:
    """Return the model files in a plugin's package (its folder `models`), the default first."""
    module = sys.modules[type(plugin).__module__.partition(".")[0]]
    folders = [Path(folder) / "models" for folder in getattr(module, "__path__", [])]
    paths = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    return sorted(paths, key=lambda path: path.stem != type(plugin).default_model)
