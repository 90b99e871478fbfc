"""Help pages as plain text: options in sections, one definition per flag, and examples at the end.

The pages are printed by typer's plain formatter. Its tables cut long flags in a terminal of 80 columns.
"""

from typing import Any

import typer.core

from seqforge.cli.plain_values import convert_plain_values
from seqforge.cli.wrong_usage import unknown_command, wrong_usage

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""Settings of the context of every command."""
FLAG_COLUMNS = 26
"""Width of the column of flags; a longer flag stands on its own line."""


def examples(*lines: str) -> str:
    """Return the epilog of a help page that shows command lines.

    >>> examples("seqforge models").split(chr(10))[1:]
    ['Examples:', '  seqforge models']
    """
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def definition(parameter: Any) -> tuple[str, str]:
    """Return the flags or the name of a parameter with its value, and its help with the default.

    Args:
        parameter: An option or argument of typer.
    """
    metavar = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        return metavar, parameter.help or ""
    is_switch = getattr(parameter, "is_flag", False)
    flags = ", ".join(sorted(parameter.opts, key=len))
    flags += "".join(f" / {flag}" for flag in parameter.secondary_opts)
    default = parameter.default
    notes = []
    if parameter.show_default and default not in (None, "", ()) and not (is_switch and not parameter.secondary_opts):
        notes.append(f"default: {_shown(default)}")
    if getattr(parameter, "min", None) is not None:
        notes.append(f"at least {parameter.min:g}")
    if parameter.required:
        notes.append("required")
    text = (parameter.help or "") + (f"  [{'; '.join(notes)}]" if notes else "")
    return flags if is_switch else f"{flags} {metavar}", text


def plugin_names(incomplete: str) -> list[str]:
    """Return the installed plugins whose names begin so, for shell completion."""
    from seqforge.plugin import registry

    return [entry.name for entry in registry.installed() if entry.name.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    """Return the plugins and shipped models whose names begin so, for shell completion."""
    from seqforge.api.model_paths import shipped_models

    stems = [stem for _, stem in shipped_models() if stem.startswith(incomplete)]
    return sorted({*plugin_names(incomplete), *stems})


class _PlainHelp:
    """Formatting shared by commands and groups."""

    params: Any
    plugin: str | None = None

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line."""
        arguments = [parameter for parameter in self.params if parameter.param_type_name == "argument"]
        names = [definition(parameter)[0] for parameter in arguments]
        more = [getattr(self, "subcommand_metavar", "")]
        return ["[OPTIONS]", *names, *(piece for piece in more if piece)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then options by section in the order of their definition, then the commands of a group."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):  # type: ignore[attr-defined]
            if getattr(parameter, "hidden", False):
                continue
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            name = getattr(parameter, "rich_help_panel", None) or default
            sections.setdefault(name, []).append(definition(parameter))
        general = sections.pop("Options", [])
        for name, rows in [*sections.items(), ("Options", general)]:
            with formatter.section(name):
                formatter.write_dl(rows, col_max=FLAG_COLUMNS)
        if isinstance(self, HelpGroup):
            self.format_commands(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of the command.

        Raises:
            UsageError: If a flag is unknown, or a value is missing, not allowed or too much.
        """
        words = list(args)
        convert_plain_values(self.get_params(ctx))  # type: ignore[attr-defined]
        try:
            result: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]
            return result
        except Exception as error:
            raise wrong_usage(error, self, ctx.command_path, words) from error


class HelpCommand(_PlainHelp, typer.core.TyperCommand):
    """A command whose help page is plain text."""


class HelpGroup(_PlainHelp, typer.core.TyperGroup):
    """A group of commands whose help page is plain text."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with the first sentence of its help."""
        rows = [(name, (command.help or "").partition("\n\n")[0]) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([(name, text.replace("\n", " ").partition(". ")[0]) for name, text in rows])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and arguments of the command that is run.

        Raises:
            UsageError: If there is no such command.
        """
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            raise unknown_command(args[0], ctx.command_path, list(self.commands))
        return super().resolve_command(ctx, args)


def command_group(text: str, epilog: str) -> typer.Typer:
    """Return a group of commands that also runs without the name of one.

    Args:
        text: What the group does, for its help page.
        epilog: Its examples, as `examples` returns them.
    """
    return typer.Typer(cls=HelpGroup, rich_markup_mode=None, help=text, epilog=epilog, invoke_without_command=True)


def command_class(plugin: str | None) -> type[HelpCommand]:
    """Return the class of a command that has the flags of a plugin."""
    return type("PluginCommand", (HelpCommand,), {"plugin": plugin})


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
