"""What a run is made of: plugin, corpus, model to start from, options. Resolved once, kept in config and state."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge.corpus import default_corpora, find_sources
from seqforge.errors import OptionsError, RunError
from seqforge.api.model_paths import choose
from seqforge.api.model import Model, load
from seqforge.api.settings import Settings, build, suited
from seqforge.plugin import Plugin, options_to_json

SHAPE = ("cell", "layers", "hidden", "embedding", "tie", "residual", "encoder")


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a run does; equal plans do the same.

    Attributes:
        plugin: the plugin's name.
        corpus: names of installed corpora, and absolute paths.
        init: the model file to start from, None for fresh weights.
        settings: the core's options, resolved.
        options: the plugin's.
    """

    plugin: str
    corpus: tuple[str, ...]
    init: str | None
    settings: Settings
    options: Any

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        return {
            "plugin": self.plugin,
            "corpus": list(self.corpus),
            "init": self.init,
            "settings": dataclasses.asdict(self.settings),
            "options": options_to_json(self.options),
        }


def new_run_config(
    plugin: Plugin, *, corpus: Sequence[str] | str | None, init: str | None, given: Mapping[str, Any]
) -> Plan:
    """Return the plan of a new run.

    Args:
        plugin: the domain.
        corpus: what was named; None takes the plugin's default corpora.
        init: a model to start from: a path, a shipped model's name, or "shipped".
        given: fields of Settings and of the plugin's Options, as the person gave them.

    Raises:
        UsageError: something named does not exist, or an option is not allowed.
        CorpusError: a folder holds no file of the domain.
    """
    own, others = _sorted(given)
    named = _names(corpus) or [each.name for each in default_corpora(plugin.name)]
    fitting: dict[str, Any] = {}
    for each in find_sources(named, reads=plugin.reads, domain=plugin.name).corpora:
        fitting.update(each.options)
    settings = build(Settings, suited(plugin.settings, own), what="seqforge").resolved()
    path = None if init is None else choose(plugin.name, init)[0]
    if path is not None:
        base = load(path)
        if base.plugin.name != plugin.name:
            raise OptionsError(
                f"--init {init} is a model of the plugin {base.plugin.name!r}, not {plugin.name!r}; name another"
            )
        settings, fitting = _shaped_as(base, settings, own, others), dict(base.header.options)
    options = build(plugin.Options, {**fitting, **others}, what=f"the plugin {plugin.name!r}")
    return Plan(plugin.name, _lasting(named), None if path is None else str(path.absolute()), settings, options)


def run_config_from_json(plugin: Plugin, told: Mapping[str, Any]) -> Plan:
    """Return the plan that `to_json` described.

    Raises:
        RunError: it is the plan of another plugin, or of another seqforge.
    """
    try:
        if told["plugin"] != plugin.name:
            raise RunError(f"it is a run of the plugin {told['plugin']!r}, not {plugin.name!r}")
        settings = build(Settings, told["settings"], what="seqforge")
        options = build(plugin.Options, told["options"], what=f"the plugin {plugin.name!r}")
        return Plan(plugin.name, tuple(told["corpus"]), told["init"], settings, options)
    except (KeyError, TypeError, OptionsError) as error:
        raise RunError(f"its options do not fit this seqforge ({error}); start a new run") from error


def check_unchanged(
    plan: Plan, *, corpus: Sequence[str] | str | None, init: str | None, given: Mapping[str, Any]
) -> None:
    """Compare what a person gave with --resume with what the run was started with.

    Raises:
        RunError: something differs; the message names it all.
    """
    own, others = _sorted(given)
    told = plan.to_json()
    build(type(plan.options), {**told["options"], **others}, what=f"the plugin {plan.plugin!r}")
    differing = [
        f"--{name.replace('_', '-')} {value} (the run has {table.get(name)})"
        for values, table in ((own, told["settings"]), (others, told["options"]))
        for name, value in values.items()
        if _plain(value) != table.get(name) and not (name == "precision" and value == "auto")
    ]
    named = _names(corpus)
    if named and _lasting(named) != plan.corpus:
        differing.append(f"--corpus {' '.join(named)} (the run has {' '.join(plan.corpus)})")
    if init is not None and str(choose(plan.plugin, init)[0].absolute()) != plan.init:
        differing.append(f"--init {init} (the run has {plan.init or 'none'})")
    if differing:
        verb = "differs" if len(differing) == 1 else "differ"
        raise RunError(
            f"a run is resumed with the options it was started with, and {', '.join(differing)} {verb};"
            " leave that out, or start a new run"
        )


def _shaped_as(model: Model, settings: Settings, own: Mapping[str, Any], others: Mapping[str, Any]) -> Settings:
    """Return the settings with the shape of the network taken from a model."""
    config, options = model.network.config, model.header.options
    if "size" in own:
        raise OptionsError("--size and --init are both given, and the model has its size; leave --size out")
    for name, value in own.items():
        if name in SHAPE and value != getattr(config, name):
            raise OptionsError(f"--{name} {value} does not fit --init: that model has {getattr(config, name)}")
    for name, value in others.items():
        if name in options and _plain(value) != options[name]:
            flag = name.replace("_", "-")
            raise OptionsError(f"--{flag} {value} does not fit --init: that model has {options[name]}")
    return dataclasses.replace(settings, **{name: getattr(config, name) for name in SHAPE})


def _sorted(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the core's options and the plugin's."""
    core = {field.name for field in dataclasses.fields(Settings)}
    own = {name: value for name, value in given.items() if name in core}
    return own, {name: value for name, value in given.items() if name not in core}


def _names(corpus: Sequence[str] | str | None) -> list[str]:
    return [str(corpus)] if isinstance(corpus, str | Path) else [str(name) for name in corpus or []]


def _lasting(named: Sequence[str]) -> tuple[str, ...]:
    """Return the names such that they mean the same from another folder."""
    return tuple(str(Path(name).absolute()) if Path(name).exists() else name for name in named)


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
