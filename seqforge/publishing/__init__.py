"""The check of a plugin's package before it is uploaded: the files of its wheel and what its metadata state.

    from seqforge.publishing import build_package, check_wheel

    with build_package(Path("seqforge-chess")) as built:
        for finding in check_wheel(built.wheel).faults:
            print(finding.message)

It needs the extra `publish` (build, packaging and trove-classifiers). No code of the package is imported.
"""

from seqforge.publishing.building import BuiltPackage, build_package
from seqforge.publishing.findings import Finding, WheelReport
from seqforge.publishing.rules import RULES, check_wheel
from seqforge.publishing.wheel import Wheel, open_wheel

__all__ = ["RULES", "BuiltPackage", "Finding", "Wheel", "WheelReport", "build_package", "check_wheel", "open_wheel"]
