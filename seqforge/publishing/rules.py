"""The rules of a wheel, in the order of the report."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seqforge.publishing.content import content_belongs_to_the_plugin, imports_are_declared, plugin_is_announced
from seqforge.publishing.data import corpora_are_valid, files_are_small, models_can_be_loaded
from seqforge.publishing.findings import Finding, WheelReport
from seqforge.publishing.licences import licence_is_stated
from seqforge.publishing.metadata import (
    classifiers_are_known,
    core_has_a_range,
    metadata_is_valid,
    python_has_a_lower_bound,
)
from seqforge.publishing.readme import readme_is_rendered
from seqforge.publishing.wheel import Wheel, open_wheel

__all__ = ["RULES", "check_wheel"]

Rule = Callable[[Wheel], Iterator[tuple[str, str]]]

RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        metadata_is_valid,
        plugin_is_announced,
        licence_is_stated,
        classifiers_are_known,
        python_has_a_lower_bound,
        core_has_a_range,
        imports_are_declared,
        content_belongs_to_the_plugin,
        files_are_small,
        models_can_be_loaded,
        corpora_are_valid,
        readme_is_rendered,
    )
}
"""The name of each rule with its function, whose docstring states the rule. It yields the place and the message of each
fault."""


def check_wheel(path: Path) -> WheelReport:
    """Return the report of a wheel. No code of the wheel is imported.

    Example:
        report = check_wheel(Path("dist/seqforge_chess-1.0-py3-none-any.whl"))
        print([fault.message for fault in report.faults])

    Raises:
        UsageError: If the file is no wheel.
    """
    with open_wheel(path) as wheel:
        faults = [
            Finding(name, place, f"{place} {message}") for name, rule in RULES.items() for place, message in rule(wheel)
        ]
    return WheelReport(path.name, path.stat().st_size, tuple(RULES), tuple(faults))
