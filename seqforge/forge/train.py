"""The verb `train`: files in, a run's folder out."""

import dataclasses
import json
import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqforge import registry
from seqforge.corpus import Prepared, default_corpora, find_sources, prepare
from seqforge.corpus.prepare import check_some_train
from seqforge.errors import OptionsError, RunError
from seqforge.files import make_folder, replacing
from seqforge.forge.model import Model, choose, load
from seqforge.forge.runs import Run, new_run, resumable, run_at
from seqforge.forge.settings import Settings, build
from seqforge.modelfile import ModelHeader, write_model
from seqforge.network import Dropout, Network, NetworkConfig
from seqforge.plugin import Augments, Plugin
from seqforge.sampling import Controls
from seqforge.training import (
    Budget,
    Ended,
    Event,
    Placed,
    Progress,
    Trainer,
    TrainingConfig,
    Validated,
    read_state,
    write_state,
)

SAMPLES_IN_RUN = 8


@dataclass(frozen=True)
class Started:
    """A run begins or goes on.

    Attributes:
        folder: of the run.
        report: what was prepared (`corpus.Prepared.report`).
        parameters: trained numbers.
        settings: everything resolved.
        resumed_at: steps taken before, 0 for a new run.
        unit: the natural unit.
        prepared: where the prepared collection lies.
    """

    folder: Path
    report: Mapping[str, Any]
    parameters: int
    settings: Settings
    resumed_at: int
    unit: str
    prepared: Path


@dataclass(frozen=True)
class Sampled:
    """The model as it stands wrote something.

    Attributes:
        t: steps taken.
        path: where it was put.
        text: how it looks, "" where the codec cannot show it as text.
    """

    t: int
    path: Path
    text: str


def train(
    plugin: str,
    *,
    corpus: Sequence[str] | str | None = None,
    init: str | None = None,
    run: str | Path | None = None,
    resume: str | Path | bool | None = None,
    stop_at: int | None = None,
    workers: int | None = None,
    on_event: Callable[[Event | Started | Sampled], Any] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    **options: Any,
) -> Model:
    """Train a generator and return the best model on the valid split.

    Args:
        plugin: its name.
        corpus: names of installed corpora, folders or files; default: the plugin's default corpora.
        init: a model to start from: a path, a shipped model's name, or "shipped".
        run: the folder to write to; default: the next of runs/PLUGIN/.
        resume: the folder of a run to go on with; True: the newest unfinished one.
        stop_at: save and leave after so many steps, as an interruption would.
        workers: processes that prepare; default: one for each core.
        on_event: is told what happens.
        tell: is told what is being prepared.
        stopping: asked after every step; True saves and leaves.
        options: fields of `forge.settings.Settings` and of the plugin's Options.

    Raises:
        OptionsError: an option is unknown or not allowed.
        CorpusError: nothing could be read.
        RunError: the run cannot be resumed.
        WriteError: the run cannot be written.
    """
    found = registry.load(plugin)
    session = _Session.resumed(found, resume, corpus, init, options, run) if resume else None
    if session is None:
        session = _Session.fresh(found, corpus, init, options)
    return session.go(run, stop_at=stop_at, workers=workers, on_event=on_event, tell=tell, stopping=stopping)


class _Session:
    """One sitting of a run: from the options to the last event."""

    def __init__(self, plugin: Plugin, config: dict[str, Any], run: Run | None) -> None:
        self.plugin, self.config, self.run = plugin, config, run
        self.settings: Settings = build(Settings, config["settings"], what="seqforge")
        self.options = build(plugin.Options, config["options"], what=f"the plugin {plugin.name!r}")

    @classmethod
    def fresh(
        cls, plugin: Plugin, corpus: Sequence[str] | str | None, init: str | None, given: Mapping[str, Any]
    ) -> "_Session":
        """Return the session of a new run."""
        own, others = _sort(plugin, given)
        named = [corpus] if isinstance(corpus, str) else list(corpus or [])
        chosen = named or [c.name for c in default_corpora(plugin.name)]
        sources = find_sources(chosen, reads=plugin.reads, domain=plugin.name)
        suited: dict[str, Any] = {}
        for each in sources.corpora:
            suited.update(each.options)
        settings = build(Settings, own, what="seqforge").resolved()
        if init is not None:
            model = load(choose(plugin.name, init)[0])
            settings, suited = _as_in(model, settings, own, others), dict(model.header.options)
        config = {
            "plugin": plugin.name,
            "corpus": [str(Path(name).absolute()) if Path(name).exists() else name for name in chosen],
            "init": str(choose(plugin.name, init)[0]) if init is not None else None,
            "options": dataclasses.asdict(build(plugin.Options, {**suited, **others}, what=f"the plugin {plugin.name!r}")),
            "settings": dataclasses.asdict(settings),
        }
        return cls(plugin, config, None)

    @classmethod
    def resumed(
        cls,
        plugin: Plugin,
        resume: str | Path | bool,
        corpus: Sequence[str] | str | None,
        init: str | None,
        given: Mapping[str, Any],
        folder: str | Path | None,
    ) -> "_Session":
        """Return the session that goes on with a run.

        Raises:
            RunError: there is no such run, it is another plugin's, or an option differs from the run's.
        """
        where = folder if resume is True else Path(str(resume))
        run = resumable(plugin.name) if where is None else Run(Path(where))
        if not run.state.exists():
            raise RunError(f"{run.folder} holds no state to resume from (state.safetensors)")
        _, _, config = read_state(run.state)
        if config.get("plugin") != plugin.name:
            raise RunError(f"{run.folder} is a run of the plugin {config.get('plugin')!r}, not {plugin.name!r}")
        session = cls(plugin, config, run)
        own, others = _sort(plugin, given)
        differing = [
            f"--{name.replace('_', '-')} {value} (the run has {table[name]})"
            for values, table in ((own, config["settings"]), (others, config["options"]))
            for name, value in values.items()
            if _differs(value, table[name])
        ]
        named = [corpus] if isinstance(corpus, str) else list(corpus or [])
        now = [str(Path(name).absolute()) if Path(name).exists() else name for name in named]
        if now and now != config["corpus"]:
            differing.append(f"--corpus {' '.join(named)} (the run has {' '.join(config['corpus'])})")
        if init is not None and str(choose(plugin.name, init)[0]) != config["init"]:
            differing.append(f"--init {init} (the run has {config['init']})")
        if differing:
            raise RunError(
                f"a run is resumed with the options it was started with, and {', '.join(differing)} differ(s);"
                " leave them out, or start a new run"
            )
        return session

    def go(
        self,
        folder: str | Path | None,
        *,
        stop_at: int | None,
        workers: int | None,
        on_event: Callable[[Any], Any] | None,
        tell: Callable[[str], None],
        stopping: Callable[[], bool],
    ) -> Model:
        """Prepare, train, save; return the best model."""
        settings, plugin = self.settings, self.plugin
        emit = on_event or (lambda _: None)
        if self.run is None:
            # before hours of preparing: can the run be written at all?
            self.run = run_at(Path(folder)) if folder is not None else new_run(plugin.name)
        base = load(self.config["init"]) if self.config["init"] else None
        sources = find_sources(self.config["corpus"], reads=plugin.reads, domain=plugin.name)
        prepared = prepare(
            plugin, self.options, sources, codec=base.codec if base else None, workers=workers, tell=tell
        )
        check_some_train(prepared)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        network = self._network(prepared, base)
        trainer = self._trainer(network, prepared)
        resumed_at = self._restore(trainer, prepared)
        self._write_config(trainer)
        emit(
            Started(
                self.run.folder, prepared.report, network.parameter_count(), self.settings, resumed_at,
                plugin.unit, prepared.folder,
            )
        )  # fmt: skip
        header = self._header(prepared, network, sources)
        self._run(trainer, header, stop_at, emit, stopping)
        if not self.run.model.exists():
            self._save_model(trainer, header, float("nan"))
        return load(self.run.model)

    # -- building -----------------------------------------------------------------------------

    def _network(self, prepared: Prepared, base: Model | None) -> Network:
        settings, codec = self.settings, prepared.codec
        torch.manual_seed(settings.seed)
        config = NetworkConfig(
            cell=settings.cell,
            layers=settings.layers or 1,
            hidden=settings.hidden or 1,
            embedding=settings.embedding or 1,
            tie=settings.tie,
            labels=tuple(len(values) for values in codec.labels.values()),
            features=codec.features,
        )
        network = Network(codec.space, config)
        if base is not None:
            network.load_state_dict(base.network.state_dict())
        try:
            return network.to(torch.device(settings.device))
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            first = str(error).partition("\n")[0]
            raise OptionsError(f"--device {settings.device} cannot be used here: {first}") from error

    def _trainer(self, network: Network, prepared: Prepared) -> Trainer:
        s, codec = self.settings, prepared.codec
        kind, amount = next(
            (kind, getattr(s, kind)) for kind in ("steps", "epochs", "minutes") if getattr(s, kind) is not None
        )
        config = TrainingConfig(
            budget=Budget(float(amount), kind),
            batch_size=s.batch_size,
            window=s.window,
            learning_rate=s.learning_rate,
            warmup=s.warmup,
            weight_decay=s.weight_decay,
            clip=s.clip,
            dropout=Dropout(
                input=s.dropout_input,
                between=s.dropout or 0.0,
                output=s.dropout_output or 0.0,
                recurrent=s.dropout_recurrent or 0.0,
                labels=s.label_dropout,
            ),
            average=s.average,
            patience=s.patience,
            seed=s.seed,
            precision=s.precision,
        )
        valid = prepared.datasets["valid"]
        augment = codec.augment if isinstance(codec, Augments) else None
        trainer = Trainer(network, prepared.datasets["train"], valid if len(valid) else None, config, augment=augment)
        self.settings = dataclasses.replace(s, precision=trainer.precision)
        self.config["settings"] = dataclasses.asdict(self.settings)
        return trainer

    def _restore(self, trainer: Trainer, prepared: Prepared) -> int:
        assert self.run is not None
        if not self.run.state.exists():
            self.config["data"] = prepared.folder.name
            return 0
        standing, tensors, config = read_state(self.run.state)
        if config.get("data") != prepared.folder.name:
            raise RunError(
                f"the corpus of {self.run.folder} has changed since the run was started (or the plugin has);"
                " start a new run, perhaps with --init"
            )
        self.config["data"] = config["data"]
        trainer.restore(standing, tensors)
        self.run.cut_metrics(standing.t)
        return standing.t

    def _write_config(self, trainer: Trainer) -> None:
        assert self.run is not None
        decay = trainer.standing.decay
        told = {
            "plugin": self.config["plugin"],
            "corpus": self.config["corpus"],
            "init": self.config["init"],
            "data": self.config["data"],
            "decay_steps": [decay.first, decay.last] if decay else None,
            "settings": self.config["settings"],
            "options": self.config["options"],
            "versions": _versions(self.plugin),
        }
        self.run.write_config(told)

    def _header(self, prepared: Prepared, network: Network, sources: Any) -> ModelHeader:
        codec, plugin, train = prepared.codec, self.plugin, prepared.datasets["train"]
        provenance = {
            "corpus": self.config["corpus"],
            "licences": [
                {"name": c.name, "licence": c.licence, "source": c.source, "attribution": c.attribution}
                for c in sources.corpora
            ],
            "versions": _versions(plugin),
            "settings": self.config["settings"],
            "pieces": prepared.report["pieces"],
            "train_units": float(train.units.sum()),
            "longest_units": float(train.units.max()),
            "init": Path(self.config["init"]).name if self.config["init"] else None,
            "started": datetime.now(UTC).strftime("%Y-%m-%d"),
        }
        return ModelHeader(
            plugin=plugin.name,
            unit=plugin.unit,
            space=codec.space,
            network=network.config,
            labels={name: tuple(values) for name, values in codec.labels.items()},
            codec={"version": codec.version, "data": codec.to_json()},
            options=self.config["options"],
            provenance=provenance,
            arrays=codec.arrays(),
        )

    # -- running ------------------------------------------------------------------------------

    def _run(
        self,
        trainer: Trainer,
        header: ModelHeader,
        stop_at: int | None,
        emit: Callable[[Any], Any],
        stopping: Callable[[], bool],
    ) -> None:
        run = self.run
        assert run is not None
        trainer.stop_at = stop_at
        sampled = time_of_sample(trainer)
        events = trainer.run()
        for event in events:
            trainer.stopping = trainer.stopping or stopping()
            if isinstance(event, Progress):
                run.note(_line("train", event))
            elif isinstance(event, Placed):
                run.note(_line("decay", event))
                self._write_config(trainer)
            elif isinstance(event, Validated):
                if trainer.valid is not None:
                    run.note(_line("valid", event))
                if event.best:
                    self._save_model(trainer, header, event.nats_per_unit)
                self._save_state(trainer)
            elif isinstance(event, Ended):
                self._save_state(trainer)
                run.note(_line("end", event))
            emit(event)
            if isinstance(event, Validated) and time_of_sample(trainer) > sampled:
                sampled = time_of_sample(trainer)
                emit(self._sample(trainer, header))

    def _save_state(self, trainer: Trainer) -> None:
        assert self.run is not None
        write_state(self.run.state, trainer.standing, trainer.tensors(), self.config)

    def _save_model(self, trainer: Trainer, header: ModelHeader, loss: float) -> None:
        assert self.run is not None
        told = {
            **header.provenance,
            "steps": trainer.standing.t,
            "minutes": round(trainer.standing.seconds / 60, 2),
            "valid_nats_per_unit": None if math.isnan(loss) else loss,
        }
        weights = {name: value for name, value in trainer.optimiser.weights().items()}
        write_model(self.run.model, dataclasses.replace(header, provenance=told), weights)

    def _sample(self, trainer: Trainer, header: ModelHeader) -> Sampled:
        """Write one piece with the weights as they stand."""
        assert self.run is not None
        t = trainer.standing.t
        network = Network(header.space, header.network)
        network.load_state_dict({name: value.cpu() for name, value in trainer.optimiser.weights().items()})
        model = Model(header, network, self.plugin)
        found = next(
            model.stream(1, seed=t, length=None, where=None, controls=Controls(), request={})
        )
        path = make_folder(self.run.samples) / f"{t:07d}{self.plugin.writes[0]}"
        with replacing(path) as temporary:
            self.plugin.write([found.piece], temporary)
        streamer = model.streamer()
        text = found.piece.content if streamer is not None and isinstance(found.piece.content, str) else ""
        return Sampled(t, path, text)


def time_of_sample(trainer: Trainer) -> int:
    """Return how many eighths of the run are over, as far as one can tell."""
    standing, budget = trainer.standing, trainer.config.budget
    if standing.decay is not None:
        share = standing.t / standing.decay.last
    else:
        share = standing.seconds / 60 / budget.amount if budget.kind == "minutes" else 0.0
    return int(SAMPLES_IN_RUN * min(1.0, share))


def _sort(plugin: Plugin, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the core's options and the plugin's."""
    own = {field.name for field in dataclasses.fields(Settings)}
    mine = {name: value for name, value in given.items() if name in own}
    return mine, {name: value for name, value in given.items() if name not in own}


def _as_in(model: Model, settings: Settings, own: Mapping[str, Any], others: Mapping[str, Any]) -> Settings:
    """Return the settings with the shape of the network taken from a model.

    Raises:
        OptionsError: an option asks for another shape or another encoding.
    """
    config, header = model.network.config, model.header
    for name in ("cell", "layers", "hidden", "embedding", "tie"):
        if name in own and own[name] != getattr(config, name):
            raise OptionsError(f"--{name} {own[name]} does not fit --init: that model has {getattr(config, name)}")
    for name, value in others.items():
        if name in header.options and _differs(value, header.options[name]):
            flag = name.replace("_", "-")
            raise OptionsError(f"--{flag} {value} does not fit --init: that model has {header.options[name]}")
    shape = {name: getattr(config, name) for name in ("cell", "layers", "hidden", "embedding", "tie")}
    return dataclasses.replace(settings, **shape)


def _differs(value: Any, stored: Any) -> bool:
    plain = json.loads(json.dumps(value, default=str))
    return bool(plain != stored)


def _line(kind: str, event: Event) -> dict[str, Any]:
    values = {
        name: (round(value, 6) if isinstance(value, float) else value)
        for name, value in dataclasses.asdict(event).items()
    }
    return {"event": kind, **values}


def _versions(plugin: Plugin) -> dict[str, str]:
    entry = next((e.distribution for e in registry.installed() if e.name == plugin.name), plugin.distribution())
    from seqforge import __version__

    return {
        "seqforge": __version__,
        "plugin": entry,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
