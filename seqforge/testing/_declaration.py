"""Checks of what a plugin declares, before a single file is read."""

import dataclasses
import json
import subprocess
import sys
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqforge.api.settings import Settings, build
from seqforge.errors import SeqforgeError, listing
from seqforge.plugin import options_from_json, options_to_json, without_none
from seqforge.sampling import Controls
from seqforge.testing._results import CheckFailed
from seqforge.testing._subject import Subject

HEAVY = frozenset(
    """torch tensorflow jax scipy pandas sklearn matplotlib music21 symusic verovio pretty_midi librosa soundfile
    PIL cv2 transformers numba sympy nltk spacy""".split()  # noqa: SIM905 - readable as prose
)
MOST_MODULES = 100
"""A package from elsewhere that brings more modules is too heavy to import before it is needed."""

LOOK = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
import numpy, seqforge.plugin, seqforge.plugin.tokens
before = set(sys.modules)
importlib.import_module(sys.argv[2])
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""


def import_is_light(subject: Subject) -> str | None:
    """Importing the plugin brings neither torch nor a heavy library: import those inside the functions that use them.

    It is tried in a process of its own.
    """
    module = subject.entry.target.partition(":")[0]
    subject.note(f"import of {module}")
    done = subprocess.run(
        [sys.executable, "-c", LOOK, json.dumps(sys.path), module],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise CheckFailed(f"importing {module} alone fails: {last}")
    counts: dict[str, int] = {}
    for name in json.loads(done.stdout.strip().rpartition("\n")[2]):
        counts[name.partition(".")[0]] = counts.get(name.partition(".")[0], 0) + 1
    own = {module.partition(".")[0], "seqforge", "numpy"} | set(sys.stdlib_module_names)
    heavy = {n: c for n, c in counts.items() if n in HEAVY or (n not in own and c > MOST_MODULES)}
    if heavy:
        told = listing(f"{name} ({count} modules)" for name, count in sorted(heavy.items()))
        raise CheckFailed(f"importing {module} brings {told}; import that inside the functions that need it")
    others = sorted(set(counts) - own)
    return f"it brings {listing(others, most=6)}" if others else None


def declaration_is_right(subject: Subject) -> str | None:
    """Name, unit, suffixes and settings are such that the core can use them."""
    plugin, wrong = subject.plugin, []
    for name in ("reads", "writes", "books"):
        value = getattr(plugin, name)
        if not isinstance(value, tuple) or not all(isinstance(each, str) for each in value):
            wrong.append(f"`{name}` is {value!r}, and must be a tuple of suffixes: ('.abc',) - mind the comma")
            continue
        wrong += [
            f"`{name}` holds {each!r}; a suffix begins with a dot and is in lower case"
            for each in value
            if not each.startswith(".") or each != each.lower()
        ]
    wrong += [] if plugin.writes else ["`writes` is empty; name the suffix of the files that `write` writes"]
    wrong += [f"`books` has {each}, which `writes` lacks" for each in plugin.books if each not in plugin.writes]
    wrong += [f"`{n}` is empty; people read it" for n in ("summary", "unit") if not getattr(plugin, n).strip()]
    for kind in (plugin.Options, plugin.Request):
        silent = [field.name for field in dataclasses.fields(kind) if not field.metadata.get("help")]
        wrong += [f"{kind.__name__}.{name} has no help; write it as flag(default, help=...)" for name in silent]
    for name, kind, command in (("settings", Settings, "train"), ("controls", Controls, "generate")):
        values, known = getattr(plugin, name), {field.name for field in dataclasses.fields(kind)}
        strange = [each for each in values if each not in known]
        wrong += [f"`{name}` names {each!r}, which is no flag of {command}" for each in strange]
        try:
            build(kind, {each: value for each, value in values.items() if each in known}, what="seqforge")
        except SeqforgeError as error:
            wrong.append(f"`{name}` is refused: {error}")
    if wrong:
        raise CheckFailed(f"{type(plugin).__name__} ({subject.entry.distribution}): {'; '.join(wrong)}")
    return None


def options_survive_json(subject: Subject) -> str | None:
    """Options are made from their defaults, and come back equal from JSON: a model file and a resumed run hold them."""
    return _survives(subject, subject.plugin.Options, "Options")


def request_survives_json(subject: Subject) -> str | None:
    """A request is made from its defaults, and comes back equal from JSON."""
    return _survives(subject, subject.plugin.Request, "Request")


def _survives(subject: Subject, kind: type, what: str) -> str | None:
    whose = f"{type(subject.plugin).__name__}.{what} ({subject.entry.distribution})"
    try:
        made = kind()
    except Exception as error:
        raise CheckFailed(f"{whose} cannot be made from its defaults: {type(error).__name__}: {error}") from error
    tried, refused = [made], 0
    for name, value in _others(kind):
        try:
            tried.append(dataclasses.replace(made, **{name: value}))
        except SeqforgeError:
            refused += 1
        except Exception as error:
            raise CheckFailed(
                f"{whose} with {name}={value!r} raises {type(error).__name__}: {error}; where a value is not allowed,"
                " raise OptionsError"
            ) from error
    for each in tried:
        try:
            back = options_from_json(kind, json.loads(json.dumps(options_to_json(each), allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise CheckFailed(f"{whose}: {each} is no plain JSON: {error}") from error
        if back != each:
            raise CheckFailed(f"{whose}: {each} comes back from JSON as {back}")
    return f"{len(tried)} tried" + (f", {refused} refused with a sentence" if refused else "")


def _others(kind: type) -> list[tuple[str, Any]]:
    """Return other values than the defaults, where the type says which there are."""
    found: list[tuple[str, Any]] = []
    for name, hint in get_type_hints(kind).items():
        bare, optional = without_none(hint)
        if get_origin(bare) is Literal:
            found += [(name, value) for value in get_args(bare)]
        elif bare is bool:
            found += [(name, True), (name, False)]
        if optional:
            found.append((name, None))
    return found
