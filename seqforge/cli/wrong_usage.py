"""The errors of wrong command lines: one sentence for each mistake, with a suggestion.

typer raises exceptions of classes that it does not export, so they are recognised by their names and attributes.
"""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqforge.errors import SeqforgeError, UsageError, did_you_mean, listing

EXTRA_WORDS = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)$", re.DOTALL)
RULES = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
"""What is allowed, by the type of the error that pydantic, which checks the values for typer, reports."""

MAX_COMMANDS = 50
"""Largest number of commands that a message names."""


def wrong_usage(error: Exception, command: Any, path: str, words: Sequence[str]) -> Exception:
    """Return the error for a command line that typer rejects; any other exception is returned unchanged.

    Args:
        error: The exception of typer.
        command: The command, with `params`, `plugin` and `epilog`.
        path: The words by which the command is called: "seqforge plugins show".
        words: The words after them.
    """
    parameter = getattr(error, "param", None)
    match type(error).__name__:
        case "NoSuchOption":
            flag = str(getattr(error, "option_name", ""))
            flag = flag if flag.startswith("-") else f"--{flag}"
            return unknown_flag(flag, path, [*_flags(command), "--help"], command.plugin)
        case "MissingParameter" if parameter is not None:
            return _missing(parameter, command, path, words)
        case "BadParameter" if parameter is not None:
            return _bad_value(parameter, error)
        case "BadOptionUsage":
            return _option_without_value(str(getattr(error, "option_name", "")), command, str(error))
        case "UsageError" if match := EXTRA_WORDS.match(str(getattr(error, "message", ""))):
            return _extra_word(match[1], command, path)
    return error


def unknown_command(name: str, path: str, known: Sequence[str]) -> UsageError:
    """Return the error for an unknown command.

    >>> str(unknown_command("shw", "seqforge corpora", ["list", "show"]))
    "`seqforge corpora` has no command 'shw'; there are list, show. Did you mean 'show'?"

    Args:
        name: The unknown command.
        path: The words before it.
        known: The commands that there are.
    """
    subject = f"`{path}` has" if " " in path else "there is"
    message = f"{subject} no command {name!r}; there are {listing(known, most=MAX_COMMANDS)}{did_you_mean(name, known)}"
    return UsageError(message, field="command", value=name, allowed=listing(known, most=MAX_COMMANDS))


def plugins_with_flag(flag: str, command: str) -> list[str]:
    """Return the names of the installed plugins that have a flag, each imported in a child process.

    Args:
        flag: The flag with its dashes: "--prompt".
        command: The command that has the flag; `generate` has the fields of a Request, the others those of Options.
    """
    from seqforge.plugin import registry

    name = flag.lstrip("-").replace("-", "_")
    names = []
    for entry in registry.installed():
        try:
            fields = registry.describe(entry.name)["request" if command == "generate" else "options"]
        except SeqforgeError:
            continue
        if {field["name"] for field in fields} & {name, name.removeprefix("no_")}:
            names.append(entry.name)
    return names


def unknown_flag(flag: str, path: str, known: Sequence[str], plugin: str | None) -> UsageError:
    """Return the error for an unknown flag, with a suggestion of a flag or a plugin.

    Args:
        flag: The unknown flag.
        path: The words by which the command is called: "seqforge train".
        known: The flags of the command.
        plugin: The plugin whose flags the command has, None if it has those of no plugin.
    """
    owner = f"`{path}` has" if " " in path else "there is"
    if plugin:
        owner = f"`{path}` with the plugin {plugin!r} has"
    command = path.partition(" ")[2]
    close = difflib.get_close_matches(flag, known, n=1, cutoff=0.75)
    if close:
        return UsageError(f"{owner} no option {flag}. Did you mean {close[0]}?", field=flag)
    plugins = plugins_with_flag(flag, command) if command in ("train", "generate", "inspect") else []
    if plugins and not plugin:
        choices = " or ".join(f"--plugin {name}" for name in plugins)
        return UsageError(f"{owner} the option {flag} only with a plugin. Did you mean {choices}?", field=flag)
    if plugins:
        return UsageError(f"{owner} no option {flag}; it belongs to {listing(plugins)}", field=flag)
    return UsageError(f"{owner} no option {flag}; `{path} -h` lists its options", field=flag)


def _flags(command: Any) -> list[str]:
    return [flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)]


def _name(parameter: Any) -> str:
    """Return the name of a parameter in a message: the placeholder of an argument, the flag of an option."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(min(parameter.opts, key=len))


def _missing(parameter: Any, command: Any, path: str, words: Sequence[str]) -> UsageError:
    """Return the error of an argument or option that is required."""
    name = _name(parameter)
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    example = next((line for line in lines if line.startswith(path)), f"{path} -h")
    message = f"{name} is missing; write it as in `{example}`"
    if parameter.name == "output" and len(words) > 1 and not words[-1].startswith("-"):
        suffix = Path(words[-1]).suffix
        if suffix != Path(words[0]).suffix or not Path(words[-1]).exists():
            message = f"{name} is missing. Did you mean {name} {words[-1]}?"
    return UsageError(message, field=parameter.name)


def _bad_value(parameter: Any, error: Exception) -> UsageError:
    """Return the error of a value that has a wrong type or is out of range."""
    name = _name(parameter)
    details: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if not details:
        return UsageError(f"{name} cannot be used: {getattr(error, 'message', error)}", field=parameter.name)
    value, kind = details[0].get("input"), details[0].get("type")
    choices = str(parameter.metavar or "").split("|")
    if kind in RULES:
        allowed = RULES[kind].format_map(details[0].get("ctx", {}))
    elif len(choices) > 1:
        allowed = f"one of {', '.join(choices)}"
    else:
        allowed = str(details[0].get("msg", "another value"))
    suggestion = did_you_mean(str(value), choices)
    shown = value if kind in ("greater_than_equal", "less_than_equal") else repr(value)
    message = f"{name} is {shown}; it must be {allowed}" + suggestion
    return UsageError(message, field=parameter.name, value=value, allowed=allowed)


def _option_without_value(flag: str, command: Any, reason: str) -> UsageError:
    """Return the error of an option that lacks its value, or of a switch that has one."""
    parameter = next((item for item in command.params if flag in (*item.opts, *item.secondary_opts)), None)
    if parameter is None:
        return UsageError(reason, field=flag)
    if getattr(parameter, "is_flag", False):
        switches = " or ".join((*parameter.opts, *parameter.secondary_opts))
        return UsageError(f"{flag} takes no value; write {switches} alone", field=parameter.name)
    value = parameter.metavar or parameter.name.upper()
    return UsageError(f"{flag} lacks its value; write {flag} {value}", field=parameter.name)


def _extra_word(words: str, command: Any, path: str) -> UsageError:
    """Return the error of words that are neither options nor arguments of a command."""
    from seqforge.plugin import registry

    word = words.split(" ")[0]
    arguments = [_name(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    flags = _flags(command)
    close = difflib.get_close_matches(f"--{word}", flags, n=1, cutoff=0.75)
    if "--plugin" in flags and word in {entry.name for entry in registry.installed()}:
        advice = f". Did you mean --plugin {word}?"
    elif "--corpus" in flags and Path(word).exists():
        advice = f". Did you mean --corpus {word}?"
    elif close:
        advice = f". Did you mean {close[0]}?"
    else:
        advice = "; a value that contains spaces needs quotes" if " " in words else f"; `{path} -h` lists its options"
    place = f" after {' '.join(arguments)}" if arguments else ""
    message = f"`{path}` does not expect the word {word!r}{place}{advice}"
    return UsageError(message, field="arguments", value=word)
