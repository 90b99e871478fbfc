"""Checks of a plugin's declaration, before a file is read."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.core.options import build_options, options_from_json, options_to_json, without_none
from seqforge.errors import SeqforgeError, listing
from seqforge.plugin import LaysOut
from seqforge.sampling import Controls
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject
from seqforge.training import TrainingConfig

HEAVY = frozenset(
    """torch tensorflow jax scipy pandas sklearn matplotlib music21 symusic verovio pretty_midi librosa soundfile
    PIL cv2 transformers numba sympy nltk spacy""".split()  # noqa: SIM905 - readable as prose
)
MAX_MODULES = 100
"""Largest number of modules that another package may load when the plugin is imported."""

LIST_MODULES = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
import numpy, seqforge.plugin, seqforge.plugin.tokens
before = set(sys.modules)
importlib.import_module(sys.argv[2])
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""
"""A program that imports a module and prints the names of all modules that this loads."""


def import_is_light(subject: Subject) -> str | None:
    """Importing the plugin imports neither torch nor another large library; functions import those when called.

    The import runs in a separate process.
    """
    module = subject.entry.target.partition(":")[0]
    subject.on_call(f"import of {module}")
    process = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, json.dumps(sys.path), module],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if process.returncode:
        reason = process.stderr.strip().rpartition("\n")[2] or f"exit code {process.returncode}"
        raise CheckFailed(f"{subject.owner_text}: {module} cannot be imported on its own: {reason}")
    counts: dict[str, int] = {}
    for name in json.loads(process.stdout.strip().rpartition("\n")[2]):
        counts[name.partition(".")[0]] = counts.get(name.partition(".")[0], 0) + 1
    expected = {module.partition(".")[0], "seqforge", "numpy"} | set(sys.stdlib_module_names)
    heavy = {n: c for n, c in counts.items() if n in HEAVY or (n not in expected and c > MAX_MODULES)}
    if heavy:
        packages = listing(f"{name} ({count} modules)" for name, count in sorted(heavy.items()))
        raise CheckFailed(
            f"{subject.owner_text}: importing {module} imports {packages}; import that inside the"
            " functions that need it"
        )
    others = sorted(set(counts) - expected)
    return f"it imports {listing(others, most=6)}" if others else None


def declaration_is_valid(subject: Subject) -> str | None:
    """Name, unit, suffixes, help texts and defaults of the plugin are complete and can be used by the core."""
    plugin, problems = subject.plugin, []
    for name in ("reads", "imports", "folder_imports", "writes", "multi_piece"):
        suffixes = getattr(plugin, name)
        if not isinstance(suffixes, tuple) or not all(isinstance(suffix, str) for suffix in suffixes):
            problems.append(f"`{name}` is {suffixes!r}; it must be a tuple of suffixes, ('.abc',) with the comma")
            continue
        problems += [
            f"`{name}` contains {suffix!r}; a suffix starts with a dot and is in lower case"
            for suffix in suffixes
            if not suffix.startswith(".") or suffix != suffix.lower()
        ]
    if not plugin.writes:
        problems.append("`writes` is empty; it must contain the suffix of the files that `write` writes")
    twice = [suffix for suffix in plugin.imports if suffix in plugin.reads]
    problems += [f"`imports` contains {suffix}, which `reads` contains too" for suffix in twice]
    others = [suffix for suffix in plugin.folder_imports if suffix not in plugin.imports]
    problems += [f"`folder_imports` contains {suffix}, which `imports` does not contain" for suffix in others]
    extra = [suffix for suffix in plugin.multi_piece if suffix not in plugin.writes]
    problems += [f"`multi_piece` contains {suffix}, which `writes` does not contain" for suffix in extra]
    for name in ("summary", "unit"):
        if not getattr(plugin, name).strip():
            problems.append(f"`{name}` is empty; `seqforge plugins show` prints it")
    for kind in (plugin.Options, plugin.Request, *([plugin.Layout] if isinstance(plugin, LaysOut) else [])):
        fields = [field.name for field in dataclasses.fields(kind) if not field.metadata.get("help")]
        problems += [f"{kind.__name__}.{name} has no help; write it as flag(default, help=...)" for name in fields]
    problems += _default_problems("training_defaults", plugin.training_defaults, TrainingConfig, "train")
    problems += _default_problems("sampling_defaults", plugin.sampling_defaults, Controls, "generate")
    if problems:
        raise CheckFailed(f"{subject.owner_text}: {'; '.join(problems)}")
    return None


def options_survive_json(subject: Subject) -> str | None:
    """Options are constructed from their defaults and are equal after a round trip through JSON."""
    return _json_round_trip(subject, subject.plugin.Options)


def request_survives_json(subject: Subject) -> str | None:
    """A request is constructed from its defaults and is equal after a round trip through JSON."""
    return _json_round_trip(subject, subject.plugin.Request)


def _default_problems(attribute: str, defaults: Mapping[str, Any], kind: type, command: str) -> list[str]:
    """Return the problems of `training_defaults` or `sampling_defaults`."""
    known = {field.name for field in dataclasses.fields(kind)}
    problems = [
        f"`{attribute}` sets {name!r}, which is not a flag of {command}" for name in defaults if name not in known
    ]
    try:
        build_options(kind, {name: value for name, value in defaults.items() if name in known}, owner="seqforge")
    except SeqforgeError as error:
        problems.append(f"`{attribute}` is not accepted: {error}")
    return problems


def _json_round_trip(subject: Subject, kind: type) -> str:
    owner = f"{subject.owner_text}: {kind.__name__}"
    try:
        default = kind()
    except Exception as error:
        raise CheckFailed(
            f"{owner} cannot be constructed from its defaults: {type(error).__name__}: {error}"
        ) from error
    instances, rejected = [default], 0
    for name, value in _other_values(kind):
        try:
            instances.append(dataclasses.replace(default, **{name: value}))
        except SeqforgeError:
            rejected += 1
        except Exception as error:
            raise CheckFailed(
                f"{owner} with {name}={value!r} raises {type(error).__name__}: {error}; raise OptionsError for a value"
                " that is not allowed"
            ) from error
    for instance in instances:
        try:
            restored: Any = options_from_json(kind, json.loads(json.dumps(options_to_json(instance), allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise CheckFailed(f"{owner}: {instance} is not plain JSON: {error}") from error
        if restored != instance:
            raise CheckFailed(f"{owner}: {instance} becomes {restored} after a round trip through JSON")
    return f"{len(instances)} values" + (f", {rejected} rejected with an error message" if rejected else "")


def _other_values(kind: type) -> list[tuple[str, Any]]:
    """Return field names with values other than the default, for fields whose type lists its values."""
    values: list[tuple[str, Any]] = []
    for name, hint in get_type_hints(kind).items():
        plain, optional = without_none(hint)
        if get_origin(plain) is Literal:
            values += [(name, value) for value in get_args(plain)]
        elif plain is bool:
            values += [(name, True), (name, False)]
        if optional:
            values.append((name, None))
    return values
