"""The arguments of `Model.generate` and `Model.stream`: sampling controls, options, and the fields of a request."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqforge.errors import OptionsError, did_you_mean, listing
from seqforge.plugin import AnyPlugin
from seqforge.sampling import Controls

__all__ = ["CONTROLS", "GENERATION_OPTIONS", "FieldValue", "request_fields"]

CONTROLS = frozenset(field.name for field in dataclasses.fields(Controls))
FieldValue = str | int | Path | None
"""The type of a field of a request that is set by its name."""
GENERATION_OPTIONS = frozenset(
    (
        "n",
        "seed",
        "length",
        "max_steps",
        "max_seconds",
        "max_copy",
        "labels",
        "beams",
        "length_penalty",
        "coverage_penalty",
        "beam_groups",
        "beam_diversity",
        "candidates",
        "best_of",
        "guidance",
        "features",
    )
)
"""The arguments of `generate` that are fields of `GenerationRequest`."""


def request_fields(plugin: AnyPlugin, request: Any, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a request object, or the fields that are set one by one if there is no object.

    Example:
        request_fields(plugin, TextRequest(prompt="ROMEO:"), {})["prompt"]

    Args:
        plugin: The plugin.
        request: A request of the plugin, or None.
        fields: The fields that are set by their names; they must be empty if `request` is set.

    Raises:
        OptionsError: If the object is not the plugin's Request, both are set, or the plugin has no such field.
    """
    _check_field_names(plugin, fields)
    if request is None:
        return fields
    kind = plugin.Request
    if not isinstance(request, kind):
        raise OptionsError.invalid("request", request, f"a {kind.__name__}, or None")
    if fields:
        name = next(iter(fields))
        raise OptionsError(
            f"`request` and `{name}` are both set; set `{name}` in the request", field=name, value=fields[name],
            allowed="None if `request` is set",
        )  # fmt: skip
    return {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}


def _check_field_names(plugin: AnyPlugin, values: Mapping[str, Any]) -> None:
    """Check that every name is that of a sampling control or of a field of the plugin's request.

    Raises:
        OptionsError: If one is not.
    """
    fields = [field.name for field in dataclasses.fields(plugin.Request)]
    names = [*fields, *sorted(CONTROLS)]
    for name, value in values.items():
        if name not in names:
            plugin_part = f" and the plugin {plugin.name!r} has {listing(fields)}" if fields else ""
            raise OptionsError(
                f"there is no option {name!r}; the sampler has {listing(sorted(CONTROLS), most=30)}{plugin_part}"
                f"{did_you_mean(name, names)}",
                field=name, value=value, allowed=listing(names, most=60),
            )  # fmt: skip
