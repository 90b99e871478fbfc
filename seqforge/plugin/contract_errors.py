"""The error of a plugin that breaks the contract."""

from typing import Any

import numpy as np

from seqforge.errors import ContractError
from seqforge.plugin.plugin import AnyPlugin

__all__ = ["contract_error", "kind_of"]


def contract_error(
    plugin: AnyPlugin, method: str, problem: str, rule: str = "", *, owner: object = None
) -> ContractError:
    """Return the error of a method that breaks the contract.

    Example:
        raise contract_error(plugin, "read", "returns None", "an iterator of Piece and ReadError")

    Args:
        plugin: The plugin.
        method: The name of the method.
        problem: What the method does, as half a sentence ("returns None").
        rule: What it must return.
        owner: The object or class that has the method, if it is not the plugin itself.
    """
    subject = plugin if owner is None else owner
    kind = (subject if isinstance(subject, type) else type(subject)).__qualname__
    must = f"; it must return {rule}" if rule else ""
    return ContractError(
        f"the plugin {plugin.name!r} ({plugin.distribution()}): {kind}.{method} {problem}{must};"
        f" run `seqforge plugins check {plugin.name}` for details"
    )


def kind_of(value: Any) -> str:
    """Return the type of a value in a few words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, list | tuple | dict | str) and not value:
        return f"an empty {type(value).__name__}"
    return f"a {type(value).__name__}"
