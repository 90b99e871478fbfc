"""Libraries that seqforge imports only where a feature needs them: the extras of its distribution."""

from importlib import import_module
from typing import Any

from seqforge.errors import UsageError

__all__ = ["require"]


def require(module: str, *, extra: str, purpose: str, field: str = "", kind: type[UsageError] = UsageError) -> Any:
    """Return a module of a library that is installed with an extra.

    >>> require("json", extra="plot", purpose="drawing curves").__name__
    'json'

    Args:
        module: The module to import.
        extra: The extra of seqforge-core that installs it.
        purpose: What needs it, as the start of a sentence: "drawing curves".
        field: The name of the argument that asks for it.
        kind: The class of the error.

    Raises:
        UsageError: If the library is not installed; an error of the class `kind`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise kind(
            f"{purpose} needs {package}, which cannot be imported ({error}): pip install 'seqforge-core[{extra}]'",
            field=field,
        ) from error
