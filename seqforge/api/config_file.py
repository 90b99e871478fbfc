"""A file of training options in TOML: any flag of `seqforge train`, or the config.toml of a run. No torch."""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.core.options import build_options
from seqforge.errors import OptionsError, did_you_mean, listing
from seqforge.plugin import AnyPlugin, registry
from seqforge.training.config import NETWORK_FIELDS, TrainingConfig, with_plugin_defaults

__all__ = ["ARGUMENTS", "ConfigFile", "config_from_values", "read_config", "read_toml"]

ARGUMENTS: Mapping[str, tuple[type, ...]] = {
    "corpus": (str, list),
    "text_column": (str,),
    "label_columns": (str, list),
    "split": (str,),
    "valid": (str, list),
    "test": (str, list),
    "init": (str,),
    "distil": (str,),
    "run": (str,),
    "resume": (str, bool),
    "stop_at": (int,),
    "workers": (int,),
    "log": (str, list),
    "quiet": (bool,),
}
"""The flags of `seqforge train` beside the options, with the types that a file may give them."""
RECORDS = frozenset(("decay_steps", "data", "content", "started", "versions", "parameters", "space"))
"""What the config.toml of a run records beside its options."""
TABLES = ("training", "options")
"""The tables of the config.toml of a run. Their values may also stand at the top level."""


@dataclass(frozen=True)
class ConfigFile:
    """The options of a training that a file names.

    Example:
        config = read_config(Path("reels.toml"))
        seqforge.train(config.plugin, corpus=config.arguments.get("corpus"), **config.options)

    Attributes:
        plugin: The name of the plugin; "" if the file names none.
        arguments: Values by the name of a flag of `ARGUMENTS`: corpus, valid, init, run.
        options: Values by the name of an option: fields of `TrainingConfig` and of the plugin's Options.
    """

    plugin: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def merged(self, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> "ConfigFile":
        """Return the config with other values, which take precedence over those of the file.

        A budget of any kind replaces the budget of the file. A size replaces what it sets: layers, hidden, dropout. A
        model to start from replaces the shape of the network.

        >>> ConfigFile("abc", {}, {"minutes": 5.0}).merged({}, {"steps": 100}).options
        {'steps': 100}

        Args:
            arguments: Flags of `ARGUMENTS`.
            options: Fields of `TrainingConfig` and of the plugin's Options.
        """
        merged = {**self.arguments, **arguments}
        stored = dict(self.options)
        if merged.get("init"):
            stored = {name: value for name, value in stored.items() if name not in ("size", *NETWORK_FIELDS)}
        return ConfigFile(self.plugin, merged, with_plugin_defaults(stored, options))


def read_config(path: Path, *, plugin: str = "") -> ConfigFile:
    """Return the options in a TOML file: a file of flags, or the config.toml of a run.

    Names are those of the flags, with dashes or underscores. What a run records beside its options, such as the
    versions of packages, is ignored.

    Example:
        read_config(Path("runs/abc/0001/config.toml")).options["hidden"]

    Args:
        path: The path of the file.
        plugin: The plugin, if it is known; "" for the one that the file names.

    Raises:
        OptionsError: If the file is missing or not TOML, a name is unknown, or a value has a wrong type.
        PluginError: If the plugin is not installed.
    """
    return config_from_values(read_toml(path), source=str(path), plugin=plugin)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        OptionsError: If the file is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionsError(
            f"`config` is {path}, which cannot be read: {error.strerror or error}; name a TOML file or the config.toml"
            " of a run",
            field="config", value=str(path),
        ) from error  # fmt: skip
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise OptionsError(
            f"`config` is {path}, which is not a TOML file: {error}; write one option per line, such as hidden = 384",
            field="config", value=str(path),
        ) from error  # fmt: skip


def config_from_values(values: Mapping[str, Any], *, source: str, plugin: str = "") -> ConfigFile:
    """Return the options that the values of a TOML file describe.

    Args:
        values: The content of the file.
        source: The path of the file, for messages.
        plugin: The plugin, if it is known; "" for the one that the values name.

    Raises:
        OptionsError: If a name is unknown, is set twice, or a value has a wrong type.
        PluginError: If the plugin is not installed.
    """
    flat = _flat(values, source)
    name = flat.pop("plugin", "")
    if not isinstance(name, str):
        raise _wrong_type("plugin", name, source, "the name of a plugin")
    if plugin and name and name != plugin:
        raise OptionsError(
            f"`plugin` is {plugin!r}, but {source} is for the plugin {name!r}; leave out one of them",
            field="plugin", value=plugin, allowed=name,
        )  # fmt: skip
    owner = registry.load(plugin or name) if plugin or name else None
    arguments = {key: flat.pop(key) for key in list(flat) if key in ARGUMENTS}
    for key, value in arguments.items():
        is_list = isinstance(value, list)
        if type(value) not in ARGUMENTS[key] or (is_list and not all(isinstance(item, str) for item in value)):
            words = {str: "a text", int: "a whole number", bool: "true or false", list: "a list of texts"}
            raise _wrong_type(key, value, source, " or ".join(words[kind] for kind in ARGUMENTS[key]))
    _check_options(flat, owner, source)
    return ConfigFile(plugin or name, arguments, flat)


def _flat(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return values by field name, those of the tables included and those that a run only records left out."""
    is_run = "training" in values and "versions" in values
    flat: dict[str, Any] = {}
    tables = [("", {key: value for key, value in values.items() if key not in TABLES})]
    tables += [(name, values[name]) for name in TABLES if name in values]
    for table, content in tables:
        if not isinstance(content, Mapping):
            raise _wrong_type(table, content, source, "a table")
        for key, value in content.items():
            name = key.replace("-", "_")
            if is_run and not table and name in RECORDS:
                continue
            if isinstance(value, Mapping):
                raise OptionsError(
                    f"{source} has a table [{key}]; options stand at the top level, or in the tables"
                    f" {listing(f'[{name}]' for name in TABLES)}",
                    field="config", value=key,
                )  # fmt: skip
            if name in flat:
                raise OptionsError(f"{source} sets {name!r} twice; set it once", field=name, value=value)
            flat[name] = value
    return flat


def _check_options(options: Mapping[str, Any], plugin: AnyPlugin | None, source: str) -> None:
    """Check the names of options and the types of their values."""
    kinds = [(TrainingConfig, "seqforge")]
    if plugin is not None:
        kinds.append((plugin.Options, f"the plugin {plugin.name!r}"))
    names = {item.name: (kind, owner) for kind, owner in kinds for item in dataclasses.fields(kind)}
    for name, value in options.items():
        if name not in names:
            known = ["plugin", *ARGUMENTS, *names]
            hint = "" if plugin is not None else "; an option of a plugin needs `plugin`"
            raise OptionsError(
                f"{source} sets {name!r}, which is no option of a training{hint}{did_you_mean(name, known)}",
                field=name, value=value,
            )  # fmt: skip
        kind, owner = names[name]
        try:
            build_options(kind, {name: value}, owner=owner)
        except OptionsError as error:
            raise OptionsError(f"{source}: {error}", field=error.field, value=value, allowed=error.allowed) from error


def _wrong_type(name: str, value: Any, source: str, allowed: str) -> OptionsError:
    return OptionsError(
        f"{source} sets {name!r} to {value!r}; it must be {allowed}", field=name, value=value, allowed=allowed
    )
