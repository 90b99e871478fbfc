"""The files of a run while it trains: model, state, metrics, config and samples."""

import dataclasses
import logging
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.model import Model
from seqforge.api.run_config import RunConfig, portable_names, portable_split
from seqforge.api.runs import Run
from seqforge.api.text import text_of
from seqforge.api.training_logs import TrainingLog, log_values, open_logs
from seqforge.core.files import make_folder, replacing
from seqforge.corpus import Corpus, PreparedCorpus
from seqforge.errors import RequestError, SeqforgeError
from seqforge.inference import NetworkWeights
from seqforge.modelfile import ModelHeader, member_arrays, write_model
from seqforge.network import AnyNetwork, weight_arrays
from seqforge.plugin import AnyPlugin, registry
from seqforge.plugin.validation import validate_state, write_pieces
from seqforge.training import (
    CheckpointDue,
    DecayScheduled,
    Diagnosed,
    Ended,
    Estimated,
    Event,
    Progress,
    Trainer,
    Validated,
    write_state,
)
from seqforge.version import __version__

SAMPLES_PER_RUN = 8
SAMPLE_SHARE, SECONDS_BEFORE_SHARE = 0.01, 1.0
"""Share of the processor time that samples may take, and the processor seconds of samples from which it counts."""
EVENT_NAMES = {
    Progress: "train",
    DecayScheduled: "decay",
    Validated: "valid",
    Diagnosed: "diagnosis",
    Estimated: "estimate",
    Ended: "end",
}


@dataclass(frozen=True)
class SampleWritten:
    """The model in training has generated a sample.

    Attributes:
        t: Number of steps taken.
        path: The path of the sample.
        text: The sample as text, "" if the plugin's files are not text.
    """

    t: int
    path: Path
    text: str


class RunWriter:
    """Writes the files of a run for its events.

    Args:
        run: The folder of the run.
        config: The configuration of the run.
        plugin: The plugin.
        prepared: The prepared corpus.
        licences: What the model file records about the corpora (`licences_of`).
        trainer: The trainer.
        logs: Names of logs for other programs (`training_logs.LOGS`).
    """

    def __init__(
        self,
        run: Run,
        config: RunConfig,
        plugin: AnyPlugin,
        prepared: PreparedCorpus,
        licences: Sequence[Mapping[str, str]],
        trainer: Trainer,
        logs: Sequence[str] = (),
    ) -> None:
        self.run, self.config, self.plugin, self.trainer = run, config, plugin, trainer
        self.codec = prepared.codec
        self.data = {
            "data": prepared.folder.name,
            "content": prepared.content,
            "space": trainer.network.space.to_json(),
        }
        self.header = _header(config, plugin, prepared, licences, trainer.network)
        self._features = _sample_features(prepared)
        self._samples = self._progress_in_eighths()
        self._saved: tuple[int, bool] | None = None
        self._started = run.config_value("started") or datetime.now(UTC).strftime("%Y-%m-%d")
        if trainer.group.is_main:
            self._write_config()
            run.write_skipped(prepared.report["reasons"])
        self._logs: list[TrainingLog] = []
        if trainer.group.is_main:
            self._logs = open_logs(logs, run, config.to_json(), resumed_at=trainer.state.t)

    def handle(self, event: Event) -> None:
        """Write the files that follow from an event."""
        if not self.trainer.group.is_main:
            if isinstance(event, CheckpointDue | Validated | Ended):
                self._save_state()
            return
        if isinstance(event, CheckpointDue):
            self._save_state()
            return
        if not (isinstance(event, Validated) and event.nats_per_unit is None):
            values = dataclasses.asdict(event)
            rounded = {name: _rounded(value) for name, value in values.items()}
            self.run.append_metrics({"event": EVENT_NAMES[type(event)], **rounded})
            numbers = log_values(EVENT_NAMES[type(event)], event)
            for log in self._logs if numbers else ():
                log.record(event.t, numbers)
        if isinstance(event, DecayScheduled):
            self._write_config()
        elif isinstance(event, Validated):
            if event.best:
                with self.trainer.clock("saving"):
                    self._save_model(event.nats_per_unit)
            self._save_state()
        elif isinstance(event, Ended):
            self._save_state()

    def sample(self) -> SampleWritten | None:
        """Generate one piece with the current weights, once in every eighth of the run; None in between.

        Where generation is slow, fewer samples are written, so that they take about a hundredth of the time.
        """
        if self._progress_in_eighths() <= self._samples or not self.trainer.group.is_main:
            return None
        self._samples = self._progress_in_eighths()
        clock = self.trainer.clock
        if clock.processor_seconds("samples") > SECONDS_BEFORE_SHARE and clock.shares()["samples"] > SAMPLE_SHARE:
            return None
        with self.trainer.clock("samples"):
            return self._write_sample()

    def _write_sample(self) -> SampleWritten | None:
        t = self.trainer.state.t
        arrays = weight_arrays(self.trainer.optimiser.evaluation_weights())
        parts = member_arrays(arrays, self.header.members)
        weights = [NetworkWeights(self.header.space, self.header.network, part) for part in parts]
        model = Model(self.header, weights, self.plugin, self.codec, options=self.config.options)
        try:
            generated = next(Generation(model, GenerationRequest(seed=t, features=self._features)).run())
        except RequestError:
            return None  # the plugin generates nothing from its default request
        except SeqforgeError as error:
            logging.getLogger("seqforge").warning("no sample was generated at step %d: %s", t, error)
            return None
        path = make_folder(self.run.samples) / f"{t:07d}{self.plugin.writes[0]}"
        try:
            with replacing(path) as temporary:
                write_pieces(self.plugin, [generated.piece], temporary)
        except SeqforgeError as error:
            logging.getLogger("seqforge").warning("the sample of step %d was not written: %s", t, error)
            return None
        text = text_of(self.plugin, [generated.piece]) or ""
        for log in self._logs if text else ():
            log.record_text(t, text)
        return SampleWritten(t, path, text)

    def close(self) -> None:
        """Write a model for a run that was never validated."""
        if self.trainer.group.is_main and not self.run.model.exists():
            self._save_model(None)

    def close_logs(self) -> None:
        """Write what the logs for other programs have not written yet."""
        for log in self._logs:
            log.close()

    def _save_model(self, loss: float | None) -> None:
        """Write the current model; `loss` is its valid loss in nats per unit, None without a valid split."""
        state = self.trainer.state
        provenance = {
            **self.header.provenance,
            "steps": state.t,
            "valid_nats_per_unit": loss,
        }
        header = dataclasses.replace(self.header, provenance=provenance)
        write_model(self.run.model, header, weight_arrays(self.trainer.optimiser.evaluation_weights()))

    def _save_state(self) -> None:
        """Write the state, unless the last one is that of the same step; all processes take part in gathering it."""
        state = self.trainer.state
        if self._saved == (state.t, state.finished):
            return
        with self.trainer.clock("saving"):
            tensors = self.trainer.tensors()
            if self.trainer.group.is_main:
                write_state(self.run.state, state, tensors, self.config.to_json() | self.data)
        self._saved = (state.t, state.finished)

    def _write_config(self) -> None:
        decay = self.trainer.state.decay
        values = {
            "decay_steps": [decay.first, decay.last] if decay else None,
            **self.data,
            "started": self._started,
            "versions": _versions(self.plugin),
        }
        self.run.write_config({**self.config.to_json(), **values})

    def _progress_in_eighths(self) -> int:
        """Return the number of finished eighths of the run, as far as it can be estimated."""
        state, budget = self.trainer.state, self.trainer.config.budget
        share = state.t / state.decay.last if state.decay is not None else state.seconds / 60 / budget.amount
        return int(SAMPLES_PER_RUN * min(1.0, share))


def _sample_features(prepared: PreparedCorpus) -> tuple[tuple[float, ...], ...]:
    """Return the features of a held-out piece, for the samples of a run; () without features."""
    if not prepared.features or prepared.codec.features:
        return ()
    dataset = prepared.datasets["valid"] if len(prepared.datasets["valid"]) else prepared.datasets["train"]
    return (tuple(dataset.features[0].tolist()),)


def licence_of(corpus: Corpus) -> dict[str, str]:
    """Return what a model file records about a corpus: attribution, licence, name and source."""
    return {name: getattr(corpus, name) for name in ("attribution", "licence", "name", "source")}


def licences_of(corpora: Iterable[Corpus], models: Iterable[Model | None]) -> list[dict[str, str]]:
    """Return what a model file records about its corpora, and about those of the models that it was trained from.

    Args:
        corpora: The installed corpora among the training data.
        models: The model that the training starts from and the teacher; None where there is none.
    """
    entries = {corpus.name: licence_of(corpus) for corpus in corpora}
    for model in models:
        for entry in model.header.provenance.get("licences", []) if model is not None else []:
            entries.setdefault(entry["name"], dict(entry))
    return list(entries.values())


def _header(
    config: RunConfig,
    plugin: AnyPlugin,
    prepared: PreparedCorpus,
    licences: Sequence[Mapping[str, str]],
    network: AnyNetwork,
) -> ModelHeader:
    codec, units = prepared.codec, prepared.datasets["train"].units
    data, arrays = validate_state(plugin, codec)
    values = config.to_json()
    return ModelHeader(
        plugin=plugin.name,
        unit=plugin.unit,
        space=network.space,
        network=network.config,
        labels={name: tuple(labels) for name, labels in codec.labels.items()},
        codec={"version": codec.version, "data": data},
        options=values["options"],
        provenance={
            "corpus": portable_names(config.corpus),
            **(config.columns.to_json() if config.columns else {}),
            **({"split": portable_split(config.split).to_json()} if config.split else {}),
            "licences": [dict(licence) for licence in licences],
            "versions": _versions(plugin),
            "training": values["training"],
            "pieces": prepared.report["pieces"],
            "label_counts": _label_counts(prepared),
            "train_units": float(units.sum()),
            "longest_units": float(units.max()),
            "init": Path(config.init).name if config.init else None,
            **({"distil": _model_name(config.distil)} if config.distil else {}),
        },
        members=network.member_count,
        arrays=arrays,
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _model_name(path: str) -> str:
    """Return the name of a model file, or of its folder if all runs call the file the same."""
    return Path(path).parent.name if Path(path).name == Run(Path()).model.name else Path(path).name


def _label_counts(prepared: PreparedCorpus) -> dict[str, list[int]]:
    """Return the number of training pieces with each value of each label."""
    labels = prepared.datasets["train"].labels
    return {
        name: np.bincount(labels[:, column], minlength=len(values) + 1)[1:].tolist()
        for column, (name, values) in enumerate(prepared.codec.labels.items())
    }


def _versions(plugin: AnyPlugin) -> dict[str, str]:
    distributions = {entry.name: entry.distribution for entry in registry.installed()}
    return {
        "seqforge": __version__,
        "plugin": distributions.get(plugin.name, plugin.distribution()),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
