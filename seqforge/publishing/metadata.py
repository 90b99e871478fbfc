"""Rules of the metadata: what an index demands, and which versions of Python and seqforge the plugin runs with."""

import platform
import re
from collections.abc import Iterator

from packaging.metadata import InvalidMetadata, Metadata
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from trove_classifiers import classifiers as known_classifiers

from seqforge.publishing.wheel import Wheel
from seqforge.version import __version__

__all__ = ["classifiers_are_known", "core_has_a_range", "metadata_is_valid", "python_has_a_lower_bound"]

CORE = "seqforge-core"
OLDEST_PYTHON = (3, 11)
PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (\d+\.\d+)")


def metadata_is_valid(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The metadata have a summary, and a name, a version and dependencies that an index accepts.

    An index rejects local versions such as 1.0+mine and dependencies on a URL. The fields follow the core metadata
    specification.
    """
    try:
        Metadata.from_raw(wheel.metadata)
    except ExceptionGroup as group:
        for error in group.exceptions:
            field = error.field if isinstance(error, InvalidMetadata) else "METADATA"
            yield f"`{field}`", f"is not valid: {' '.join(str(error).split())}; correct it in pyproject.toml"
    if not wheel.metadata.get("summary", "").strip():
        yield "`description`", "is missing in pyproject.toml; write one sentence about the plugin"
    if "+" in wheel.metadata.get("version", ""):
        yield "`version`", f"is {wheel.metadata['version']}, a local version; remove the + and what follows it"
    for requirement in wheel.requirements:
        if requirement.url:
            message = f"names {requirement.name} by a URL, which no index accepts; name a range of versions"
            yield "`dependencies`", message


def classifiers_are_known(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The classifiers are known to PyPI, and those of Python versions fit `requires-python`.

    The licence is an SPDX expression and no classifier.
    """
    names = wheel.metadata.get("classifiers", [])
    python = _python_range(wheel)
    for name in names:
        version = PYTHON_CLASSIFIER.fullmatch(name)
        if name.startswith("Private ::"):
            yield "`classifiers`", f"contains {name!r}, which no index accepts; remove it to publish the package"
        elif name not in known_classifiers:
            yield "`classifiers`", f"contains {name!r}, which PyPI does not know; choose one of pypi.org/classifiers"
        elif name.startswith("License ::"):
            message = f"contains {name!r}, which is deprecated; remove it and set `license` to an SPDX expression"
            yield "`classifiers`", message
        elif version and python is not None and not python.contains(f"{version[1]}.99"):
            yield "`classifiers`", f"contains {name!r}, but `requires-python` is {python}; remove one of them"


def python_has_a_lower_bound(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """`requires-python` admits the Python of this process and none before 3.11, the oldest that seqforge runs on."""
    oldest = ".".join(map(str, OLDEST_PYTHON))
    python = _python_range(wheel)
    if python is None:
        yield "`requires-python`", f'is missing or not valid; set it to ">={oldest}" or a later version'
    elif python.contains(f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1] - 1}.99"):
        message = (
            f'is "{python}" and admits a Python before {oldest}, on which seqforge does not run; write ">={oldest}"'
        )
        yield "`requires-python`", message
    elif not python.contains(platform.python_version(), prereleases=True):
        yield "`requires-python`", f'is "{python}" and excludes Python {platform.python_version()}, which built it'


def core_has_a_range(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """The package depends on seqforge-core with a lower bound, and an upper bound at the next minor version.

    The contract may change with a minor version.
    """
    release = Version(__version__)
    following = f"{release.major}.{release.minor + 1}"
    advice = f'write "{CORE}>={release.major}.{release.minor},<{following}"'
    requirement = wheel.requirement(CORE)
    if requirement is None:
        yield "`dependencies`", f"does not name {CORE}; {advice}"
    elif not requirement.specifier.contains(__version__, prereleases=True):
        yield "`dependencies`", f"contains {requirement}, which excludes {CORE} {__version__} of this process; {advice}"
    elif not _has_lower_bound(requirement):
        yield "`dependencies`", f"contains {requirement}, which has no lower bound; {advice}"
    elif requirement.specifier.contains(following) or requirement.specifier.contains(f"{release.major + 1}.0"):
        message = f"contains {requirement}, which admits {following} and its changes of the contract; {advice}"
        yield "`dependencies`", message


def _has_lower_bound(requirement: Requirement) -> bool:
    return any(part.operator in (">=", ">", "==", "~=", "===") for part in requirement.specifier)


def _python_range(wheel: Wheel) -> SpecifierSet | None:
    """Return `requires-python`; None if it is missing or not valid."""
    text = wheel.metadata.get("requires_python", "")
    try:
        return SpecifierSet(text) if text else None
    except InvalidSpecifier:
        return None
