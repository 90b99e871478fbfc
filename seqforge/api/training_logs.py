"""The metrics of a training for other programs: a table in CSV, TensorBoard, Weights & Biases. No torch."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from seqforge.api.runs import Run
from seqforge.core.extras import require
from seqforge.core.files import explain, write_text
from seqforge.errors import OptionsError, did_you_mean, listing

__all__ = ["LOGS", "TrainingLog", "check_logs", "log_values", "open_logs"]

COLUMNS = (
    "step",
    "minutes",
    "epoch",
    "train_nats_per_unit",
    "valid_nats_per_unit",
    "learning_rate",
    "units_per_second",
)
"""The columns of metrics.csv: the names of the values of a log, after the step."""
_NAMES = {
    "train": {
        "minutes": "minutes",
        "epoch": "epoch",
        "nats_per_unit": "train_nats_per_unit",
        "rate": "learning_rate",
        "units_per_second": "units_per_second",
    },
    "valid": {"minutes": "minutes", "nats_per_unit": "valid_nats_per_unit"},
}
"""The values of a log by kind of event: name of the attribute of the event, name in the log."""


class TrainingLog(Protocol):
    """Where the metrics of a training go.

    Example:
        log = CsvLog(Run("runs/abc/0001"), {}, resumed_at=0)
        log.record(100, {"valid_nats_per_unit": 1.5})
        log.close()
    """

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Record values of one step."""

    def record_text(self, step: int, text: str) -> None:
        """Record a sample that the model generated."""

    def close(self) -> None:
        """Write what is not written yet."""


class CsvLog:
    """The file metrics.csv in the folder of the run: one line per record, empty cells for values that it lacks.

    Args:
        run: The run.
        config: The configuration of the run; it is not used.
        resumed_at: Number of steps taken before. Later lines of an earlier session are removed.
    """

    def __init__(self, run: Run, config: Mapping[str, Any], *, resumed_at: int) -> None:
        self.path = run.folder / "metrics.csv"
        lines = []
        if resumed_at and self.path.exists():
            rows = csv.DictReader(self.path.read_text(encoding="utf-8", errors="replace").splitlines())
            lines = [row for row in rows if str(row.get("step")).isdigit() and int(row["step"]) <= resumed_at]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
        write_text(self.path, text.getvalue())

    def record(self, step: int, values: Mapping[str, float]) -> None:
        cells = [step, *(f"{values[name]:.6g}" if name in values else "" for name in COLUMNS[1:])]
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(cells)
        except OSError as error:
            raise explain(error, self.path) from error

    def record_text(self, step: int, text: str) -> None:
        """Record nothing: a table has no place for texts."""

    def close(self) -> None:
        """Do nothing: each line is written at once."""


class TensorBoardLog:
    """Event files for TensorBoard in the folder `tensorboard` of the run: `tensorboard --logdir runs`.

    Args:
        run: The run.
        config: The configuration of the run, shown as a text.
        resumed_at: Number of steps taken before. TensorBoard hides the later values of an earlier session.
    """

    def __init__(self, run: Run, config: Mapping[str, Any], *, resumed_at: int) -> None:
        library = require("torch.utils.tensorboard", extra="tensorboard", purpose="`log` tensorboard", field="log")
        purge = resumed_at + 1 if resumed_at else None
        self._writer = library.SummaryWriter(str(run.folder / "tensorboard"), purge_step=purge)
        if not resumed_at:
            self._writer.add_text("config", "\n".join(f"    {name} = {value!r}" for name, value in config.items()), 0)

    def record(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            kind, _, rest = name.partition("_")
            self._writer.add_scalar(f"{kind}/{rest}" if kind in ("train", "valid") else name, value, step)

    def record_text(self, step: int, text: str) -> None:
        self._writer.add_text("sample", "    " + text.replace("\n", "\n    "), step)  # an indented block in Markdown

    def close(self) -> None:
        self._writer.close()


class WandbLog:
    """A run of Weights & Biases in the project `seqforge-PLUGIN`; the library's own settings (WANDB_MODE) apply.

    A resumed run continues the same run there, since its id is stored in the folder of the run.

    Args:
        run: The run.
        config: The configuration of the run, stored there.
        resumed_at: Number of steps taken before.
    """

    def __init__(self, run: Run, config: Mapping[str, Any], *, resumed_at: int) -> None:
        library = require("wandb", extra="wandb", purpose="`log` wandb", field="log")
        path = run.folder / "wandb_id.txt"
        identity = path.read_text(encoding="utf-8").strip() if resumed_at and path.exists() else None
        self._run = library.init(
            project=f"seqforge-{config['plugin']}",
            name="/".join(run.folder.absolute().parts[-2:]),
            dir=str(run.folder),
            config=dict(config),
            id=identity,
            resume="allow" if identity else None,
        )
        write_text(path, f"{self._run.id}\n")

    def record(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def record_text(self, step: int, text: str) -> None:
        self._run.log({"sample": text}, step=step)

    def close(self) -> None:
        self._run.finish()


LOGS: Mapping[str, Callable[..., TrainingLog]] = {"csv": CsvLog, "tensorboard": TensorBoardLog, "wandb": WandbLog}
"""The logs by name."""
_MODULES = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb"}


def check_logs(names: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return the names of logs, each once; the libraries that they need are imported.

    >>> check_logs(["csv", "csv"])
    ('csv',)

    Raises:
        OptionsError: If there is no such log.
        UsageError: If its library is not installed.
    """
    listed = tuple(dict.fromkeys([names] if isinstance(names, str) else names or ()))
    for name in listed:
        if name not in LOGS:
            raise OptionsError(
                f"`log` is {name!r}; allowed are {listing(LOGS)}{did_you_mean(name, LOGS)}",
                field="log", value=name, allowed=listing(LOGS),
            )  # fmt: skip
        if name in _MODULES:
            require(_MODULES[name], extra=name, purpose=f"`log` {name}", field="log")
    return listed


def open_logs(names: Sequence[str], run: Run, config: Mapping[str, Any], *, resumed_at: int) -> list[TrainingLog]:
    """Return the logs of these names for a run that starts or is resumed.

    Args:
        names: The result of `check_logs`.
        run: The run.
        config: The configuration of the run, as plain JSON.
        resumed_at: Number of steps taken before; 0 for a new run.
    """
    return [LOGS[name](run, config, resumed_at=resumed_at) for name in names]


def log_values(kind: str, event: Any) -> dict[str, float]:
    """Return the values of an event for a log; {} for an event without values.

    Args:
        kind: The kind of the event, as in metrics.jsonl: "train", "valid".
        event: The event.
    """
    values = {name: getattr(event, attribute) for attribute, name in _NAMES.get(kind, {}).items()}
    return {name: float(value) for name, value in values.items() if value is not None}
