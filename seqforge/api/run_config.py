"""The configuration of a run: plugin, corpus, initial model and options; resolved once and stored with the run."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqforge.api.budget import follows_from_budget
from seqforge.api.model import Model
from seqforge.api.model_loading import load
from seqforge.api.model_paths import resolve_model
from seqforge.core.files import path_kind
from seqforge.core.options import build_options, options_to_json
from seqforge.core.spaces import Categorical
from seqforge.corpus import Sources, SplitChoice, TableColumns, default_corpora, find_sources, has_sources
from seqforge.corpus.tables import TABLE_SUFFIXES, text_not_supported
from seqforge.errors import OptionsError, RunError, UsageError, listing
from seqforge.plugin import Aligns, AnyCodec, AnyPlugin, FromText
from seqforge.training.config import NETWORK_FIELDS, TrainingConfig, with_plugin_defaults

TRAINING_FIELDS = frozenset(field.name for field in dataclasses.fields(TrainingConfig))


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides the result of a run; equal configurations give equal results.

    Attributes:
        plugin: The name of the plugin.
        corpus: Names of installed corpora, and absolute paths.
        init: The path of the model to start from, None for fresh weights.
        training: The options of the training, resolved.
        options: The plugin's options.
        columns: The columns that are read from tables, None if none are.
        split: The split that the user chose; empty for the default.
        distil: The path of the model whose predictions are targets as well, None for the data alone.
    """

    plugin: str
    corpus: tuple[str, ...]
    init: str | None
    training: TrainingConfig
    options: Any
    columns: TableColumns | None = None
    split: SplitChoice = field(default_factory=SplitChoice)
    distil: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as plain JSON."""
        return {
            "plugin": self.plugin,
            "corpus": list(self.corpus),
            **(self.columns.to_json() if self.columns else {}),
            **self.split.to_json(),
            "init": self.init,
            **({"distil": self.distil} if self.distil else {}),
            "training": dataclasses.asdict(self.training),
            "options": options_to_json(self.options),
        }


@dataclass(frozen=True)
class NewRun:
    """A new run before its corpus is prepared.

    Attributes:
        config: The configuration.
        sources: The files of the corpus.
        base: The model to start from, None for fresh weights.
        open_training: The options of the training before those that nobody has set were resolved, if they follow from
            the budget (`api.budget`); None if all are settled.
        teacher: The model whose predictions are targets as well, None for the data alone.
    """

    config: RunConfig
    sources: Sources
    base: Model | None
    open_training: TrainingConfig | None = None
    teacher: Model | None = None

    @property
    def codec(self) -> AnyCodec | None:
        """The codec of the model to start from or to learn from; None if one is fitted on the corpus."""
        model = self.base or self.teacher
        return None if model is None else model.codec


def new_run(
    plugin: AnyPlugin,
    *,
    corpus: Sequence[str] | str | None,
    init: str | None,
    values: Mapping[str, Any],
    distil: str | None = None,
    columns: TableColumns | None = None,
    split: SplitChoice | None = None,
) -> NewRun:
    """Return the configuration of a new run, with its source files and initial model.

    Args:
        plugin: The plugin.
        corpus: Names of corpora, folders or files; None for the plugin's default corpora.
        init: The model to start from, in any form that `resolve_model` takes; None for fresh weights.
        values: The user's options by name: fields of TrainingConfig and of the plugin's Options.
        distil: The model whose predictions are targets as well, in the same forms; None for the data alone.
        columns: The columns that are read from tables, None if none are.
        split: The split that the user chose; None for the default.

    Raises:
        UsageError: If a name does not exist, an option is not allowed, or a table lacks a column.
        CorpusError: If a folder contains no file of the domain.
    """
    training_values, plugin_values = _separate(values)
    names = _names(corpus) or [default.name for default in default_corpora(plugin.name)]
    if columns is not None and not isinstance(plugin, FromText):
        raise text_not_supported(plugin)
    split = _absolute_split(split or SplitChoice())
    sources = find_sources(
        names,
        reads=plugin.reads,
        imports=plugin.imports,
        folder_imports=plugin.folder_imports,
        domain=plugin.name,
        columns=columns,
        split=split,
    )
    if columns is not None and not any(file.columns for file in sources.files):
        raise OptionsError(
            f"`text_column` is set, but `corpus` contains no table ({listing(TABLE_SUFFIXES)}); leave it out",
            field="text_column",
            value=columns.text,
        )
    defaults = sources.options
    training_values_or_defaults = with_plugin_defaults(plugin.training_defaults, training_values)
    unresolved = build_options(TrainingConfig, training_values_or_defaults, owner="seqforge")
    training = unresolved.resolved()
    if training.lookback and not issubclass(plugin.codec, Aligns):
        raise no_places(plugin, training.lookback)
    base = None if init is None else _load_base(init, plugin)
    if base is not None:
        training = _with_shape_of(base, training, training_values, plugin_values)
        defaults = dict(base.header.options)
    teacher = None if distil is None else _load_teacher(distil, plugin, base, plugin_values)
    if teacher is not None and base is None:
        defaults = dict(teacher.header.options)
    options = build_options(plugin.Options, {**defaults, **plugin_values}, owner=f"the plugin {plugin.name!r}")
    path, teacher_path = (
        None if model is None or model.path is None else str(model.path.absolute()) for model in (base, teacher)
    )
    config = RunConfig(plugin.name, _absolute(names), path, training, options, columns, split, teacher_path)
    is_open = base is None and "size" not in training_values_or_defaults and follows_from_budget(unresolved)
    return NewRun(config, sources, base, unresolved if is_open else None, teacher)


def run_config_from_json(plugin: AnyPlugin, values: Mapping[str, Any]) -> RunConfig:
    """Return the configuration that `to_json` described.

    Raises:
        RunError: If it belongs to another plugin or another version of seqforge.
    """
    try:
        if values["plugin"] != plugin.name:
            raise RunError(f"it is a run of the plugin {values['plugin']!r}, not {plugin.name!r}")
        stored = {"lookback": 0, **values["training"]}  # runs of earlier versions do not look back
        training = build_options(TrainingConfig, stored, owner="seqforge")
        options = build_options(plugin.Options, dict(values["options"]), owner=f"the plugin {plugin.name!r}")
        columns, split = TableColumns.from_json(values), SplitChoice.from_json(values)
        corpus, init, distil = tuple(values["corpus"]), values["init"], values.get("distil")
        if not all(isinstance(name, str) for name in (*corpus, init or "", distil or "")):
            raise TypeError("the names of the corpus and the models are not strings")
        return RunConfig(plugin.name, corpus, init, training, options, columns, split, distil)
    except (KeyError, TypeError, ValueError, OptionsError) as error:
        raise RunError(f"its options do not fit this version of seqforge ({error}); start a new run") from error


def resumed_request(plugin: AnyPlugin, config: RunConfig, *, corpus: Sequence[str] | str | None, data: str) -> NewRun:
    """Return the request of a run that is resumed.

    Args:
        plugin: The plugin.
        config: The configuration of the run.
        corpus: The new place of the corpus, None if it has not moved.
        data: The name of the prepared corpus of the run (the folder of `PreparedCorpus`).

    Raises:
        RunError: If the corpus is missing, or its files are not those of the run.
    """
    before = " ".join(config.corpus)
    names = _absolute(_names(corpus)) or config.corpus
    try:
        sources = find_sources(
            names,
            reads=plugin.reads,
            imports=plugin.imports,
            folder_imports=plugin.folder_imports,
            domain=plugin.name,
            columns=config.columns,
            split=config.split,
        )
    except UsageError as error:
        if corpus:
            raise
        raise RunError(f"the corpus of the run, {before!r}, is missing; name its new place with `corpus`") from error
    if not has_sources(data, plugin, sources):
        if names != config.corpus:
            raise RunError(
                f"`corpus` is {' '.join(_names(corpus))!r} and was {before!r}, and the contents differ; name a copy"
                " with the same files, or start a new run, perhaps with `init`"
            )
        raise RunError(
            f"the corpus of the run, {before!r}, has changed since the run was started; restore its files, or start a"
            " new run, perhaps with `init`"
        )
    base, teacher = (load(path) if path else None for path in (config.init, config.distil))
    return NewRun(dataclasses.replace(config, corpus=names), sources, base, teacher=teacher)


def no_places(plugin: AnyPlugin, lookback: int) -> OptionsError:
    """Return the error of a network that is to look back where the encoding names no places."""
    return OptionsError(
        f"`lookback` is {lookback}, but this encoding of the plugin {plugin.name!r} names no places to look back to;"
        " set `lookback` to 0, or leave it out",
        field="lookback",
        value=lookback,
        allowed="0",
    )


def check_unchanged(
    config: RunConfig,
    *,
    init: str | None,
    values: Mapping[str, Any],
    distil: str | None = None,
    columns: TableColumns | None = None,
    split: SplitChoice | None = None,
) -> None:
    """Check that the options given to a resumed run equal those that it was started with.

    Raises:
        RunError: If some differ; the message names them all.
    """
    training_values, plugin_values = _separate(values)
    stored = config.to_json()
    owner = f"the plugin {config.plugin!r}"
    build_options(type(config.options), {**stored["options"], **plugin_values}, owner=owner)
    differences = [
        f"`{name}` is {value} and was {table.get(name)}"
        for user_values, table in ((training_values, stored["training"]), (plugin_values, stored["options"]))
        for name, value in user_values.items()
        if _plain(value) != table.get(name) and (name, value) not in (("precision", "auto"), ("grad_clip", math.inf))
    ]
    differences += [
        f"`{name}` is {value} and was {config.split.to_json().get(name, 'not set')}"
        for name, value in _absolute_split(split or SplitChoice()).to_json().items()
        if value != config.split.to_json().get(name)
    ]
    if columns is not None and columns != config.columns:
        differences.append("`text_column` or `label_columns` is not what it was")
    for field_name, name, stored_path in (("init", init, config.init), ("distil", distil, config.distil)):
        if name is not None and str(resolve_model(name, plugin=config.plugin).path.absolute()) != stored_path:
            differences.append(f"`{field_name}` is {name} and was {stored_path or 'not set'}")
    if differences:
        raise RunError(
            f"a run is resumed with the options that it was started with, but {', '.join(differences)}; leave that out,"
            " or start a new run"
        )


def _load_base(init: str, plugin: AnyPlugin, field_name: str = "init") -> Model:
    base = load(resolve_model(init, plugin=plugin.name).path)
    if base.plugin.name != plugin.name:
        raise OptionsError(
            f"`{field_name}` is {init}, a model of the plugin {base.plugin.name!r}, not {plugin.name!r}; name another"
            " model",
            field=field_name,
            value=init,
        )
    return base


def _load_teacher(distil: str, plugin: AnyPlugin, base: Model | None, plugin_values: Mapping[str, Any]) -> Model:
    """Return the model whose predictions are targets as well.

    Raises:
        OptionsError: If its steps are not symbols, or have another meaning than those of the new model.
    """
    teacher = _load_base(distil, plugin, "distil")
    if not isinstance(teacher.header.space, Categorical):
        raise OptionsError(
            f"`distil` is {distil}, whose steps are real numbers; name a model of symbols",
            field="distil", value=distil, allowed="a model whose steps are symbols",
        )  # fmt: skip
    if base is not None and base.header.codec != teacher.header.codec:
        raise OptionsError(
            f"`distil` is {distil}, whose steps have another meaning than those of `init`; leave `init` out",
            field="distil", value=distil,
        )  # fmt: skip
    _check_options(plugin_values, teacher.header.options, "distil")
    return teacher


def _check_options(values: Mapping[str, Any], options: Mapping[str, Any], field_name: str) -> None:
    """Check that the options of the plugin that the user set are those of a model.

    Raises:
        OptionsError: If one differs.
    """
    for name, value in values.items():
        if name in options and _plain(value) != options[name]:
            raise OptionsError(
                f"`{name}` is {value} and does not fit `{field_name}`: that model has {options[name]}",
                field=name, value=value, allowed=str(options[name]),
            )  # fmt: skip


def _with_shape_of(
    base: Model, training: TrainingConfig, training_values: Mapping[str, Any], plugin_values: Mapping[str, Any]
) -> TrainingConfig:
    """Return the training options with the shape of a model's network.

    Raises:
        OptionsError: If the user gave another shape, or other options of the plugin.
    """
    network, options = base.network.config, base.header.options
    if "size" in training_values:
        raise OptionsError(
            "`size` and `init` are both set, and the model has its own size; leave `size` out", field="size"
        )
    conflicts = [
        (name, value, getattr(network, name))
        for name, value in training_values.items()
        if name in NETWORK_FIELDS and value != getattr(network, name)
    ]
    for name, value, expected in conflicts:
        raise OptionsError(
            f"`{name}` is {value} and does not fit `init`: that model has {expected}",
            field=name, value=value, allowed=str(expected),
        )  # fmt: skip
    _check_options(plugin_values, options, "init")
    shape = {name: getattr(network, name) for name in NETWORK_FIELDS}
    return dataclasses.replace(
        training, **{**shape, "attention": network.attention if network.source_symbols else None}
    )


def _separate(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the training and those of the plugin."""
    training = {name: value for name, value in values.items() if name in TRAINING_FIELDS}
    return training, {name: value for name, value in values.items() if name not in TRAINING_FIELDS}


def _names(corpus: Sequence[str] | str | None) -> list[str]:
    return [str(corpus)] if isinstance(corpus, str | Path) else [str(name) for name in corpus or []]


def _absolute(names: Sequence[str]) -> tuple[str, ...]:
    """Return names with absolute paths, so that they mean the same in another working directory."""
    return tuple(str(Path(name).absolute()) if path_kind(Path(name)) != "missing" else name for name in names)


def portable_names(corpus: Sequence[str]) -> list[str]:
    """Return names of corpora for a model file, which never contains an absolute path.

    A path inside the working directory is stored relative to it, so that `evaluate` finds it from the same directory.
    Of any other path, only the last part is stored. Names of installed corpora do not change.

    >>> portable_names(["ryans", str(Path.cwd() / "my" / "tunes"), str(Path.cwd().parent / "tunes.abc")])
    ['ryans', 'my/tunes', 'tunes.abc']
    """
    names = []
    for name in corpus:
        path = Path(name)
        if path.is_absolute():
            inside = path.is_relative_to(Path.cwd()) and path != Path.cwd()
            name = path.relative_to(Path.cwd()).as_posix() if inside else path.name
        names.append(name)
    return names


def portable_split(split: SplitChoice) -> SplitChoice:
    """Return a split for a model file, with the paths of `portable_names`."""
    return SplitChoice(split.shares, tuple(portable_names(split.valid)), tuple(portable_names(split.test)))


def _absolute_split(split: SplitChoice) -> SplitChoice:
    return SplitChoice(split.shares, _absolute(split.valid), _absolute(split.test))


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
