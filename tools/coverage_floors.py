"""Compare the coverage of each package with its floor, or record the measured coverage as the new floors.

A package is a subpackage of `seqforge` (`seqforge.network`), the modules directly in `seqforge`, or the package of a
plugin (`seqforge_abc`). Floors are percentages in the table `[tool.seqforge.coverage]` of pyproject.toml.

Usage:
    coverage json -o out/coverage.json
    python tools/coverage_floors.py out/coverage.json
    python tools/coverage_floors.py out/coverage.json --write
"""

import argparse
import json
import math
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

TABLE = "[tool.seqforge.coverage]"
SECTION = re.compile(rf"^{re.escape(TABLE)}\n(?:(?!\[).*\n?)*", re.MULTILINE)


@dataclass
class Coverage:
    """Counts of a package: statements and branches, as coverage.py adds them up.

    Attributes:
        covered: Number of statements and branches that the tests ran.
        total: Number of statements and branches.
    """

    covered: int = 0
    total: int = 0

    @property
    def percent(self) -> float:
        """Share of statements and branches that the tests ran, in percent; 100 for an empty package."""
        return 100 * self.covered / self.total if self.total else 100.0


def package_of(path: str) -> str:
    """Return the package that a source file counts for.

    >>> package_of("seqforge/network/heads/mixture.py")
    'seqforge.network'
    >>> package_of("seqforge/errors.py")
    'seqforge'
    >>> package_of("plugins/abc/src/seqforge_abc/theory.py")
    'seqforge_abc'
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    parts = parts[parts.index("src") + 1 :] if "src" in parts else parts
    return ".".join(parts[:2]) if parts[0] == "seqforge" and len(parts) > 2 else parts[0]


def coverage_by_package(report: Mapping[str, Any]) -> dict[str, Coverage]:
    """Return the coverage of each package, by name.

    Args:
        report: Content of the file that `coverage json` writes, with relative paths.
    """
    packages: dict[str, Coverage] = {}
    for path, entry in sorted(report["files"].items()):
        summary = entry["summary"]
        package = packages.setdefault(package_of(path), Coverage())
        package.covered += summary["covered_lines"] + summary.get("covered_branches", 0)
        package.total += summary["num_statements"] + summary.get("num_branches", 0)
    return packages


def violations(packages: Mapping[str, Coverage], floors: Mapping[str, float]) -> list[str]:
    """Return a sentence per package that is below its floor, has no floor, or has a floor but no source file."""
    messages = []
    for name in sorted({*packages, *floors}):
        if name not in floors:
            messages.append(f"{name} has no floor: run this command with --write, or add it to {TABLE}.")
        elif name not in packages:
            messages.append(f"{name} has a floor but no measured file: remove it from {TABLE}.")
        elif packages[name].percent < floors[name]:
            messages.append(
                f"{name} is covered to {packages[name].percent:.2f} %, below its floor of {floors[name]} %."
            )
    return messages


def table(packages: Mapping[str, Coverage], floors: Mapping[str, float]) -> str:
    """Return a table of the packages with their coverage and floors."""
    width = max(map(len, packages), default=7)
    rows = [f"{'package':{width}}  {'total':>6}  {'missed':>6}  {'cover':>7}  floor"]
    for name, package in sorted(packages.items()):
        missed = package.total - package.covered
        floor = floors.get(name, "-")
        rows.append(f"{name:{width}}  {package.total:6}  {missed:6}  {package.percent:6.2f}%  {floor:>5}")
    return "\n".join(rows)


def with_floors(config: str, packages: Mapping[str, Coverage]) -> str:
    """Return the text of pyproject.toml with the measured coverage, rounded down to 1 %, as floors."""
    rows = [f'"{name}" = {math.floor(package.percent)}' for name, package in sorted(packages.items())]
    section = "\n".join([TABLE, *rows, ""]) + "\n"
    if SECTION.search(config):
        return SECTION.sub(lambda _: section, config).rstrip("\n") + "\n"
    return f"{config.rstrip()}\n\n{section}".rstrip("\n") + "\n"


def main() -> int:
    """Run the command and return its exit code: 0 if every floor is kept, else 1."""
    parser = argparse.ArgumentParser(description="Compare the coverage of each package with its floor.")
    parser.add_argument("report", type=Path, help="JSON file that `coverage json` wrote")
    parser.add_argument("--config", type=Path, default=Path("pyproject.toml"), help="file with the table of floors")
    parser.add_argument("--write", action="store_true", help="record the measured coverage as floors")
    options = parser.parse_args()
    packages = coverage_by_package(json.loads(options.report.read_text(encoding="utf-8")))
    config = options.config.read_text(encoding="utf-8")
    if options.write:
        config = with_floors(config, packages)
        options.config.write_text(config, encoding="utf-8")
    floors = tomllib.loads(config).get("tool", {}).get("seqforge", {}).get("coverage", {})
    sys.stdout.write(table(packages, floors) + "\n")
    messages = violations(packages, floors)
    sys.stderr.write("".join(f"{message}\n" for message in messages))
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
