"""seqforge plugins publish: check the package of a plugin before it is uploaded, and build it."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqforge.cli.console import count, data, data_json, message
from seqforge.cli.flags import AsJson
from seqforge.core.extras import require
from seqforge.core.files import make_folder, replacing
from seqforge.errors import UsageError

if TYPE_CHECKING:
    from seqforge.publishing import BuiltPackage, WheelReport

LIBRARIES = ("build", "packaging.licenses", "trove_classifiers", "markdown_it")


def publish(
    folder: Annotated[
        Path,
        typer.Argument(metavar="[FOLDER]", help="Folder of the package, or a wheel to check. Default: this folder."),
    ] = Path(),
    check: Annotated[bool, typer.Option("--check", help="Only check; write no file.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FOLDER", help="Folder of the built files. Default: dist.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace built files of the same version.")] = False,
    json: AsJson = False,
) -> None:
    """Build and check the package of a plugin: its files, metadata, licence, dependencies, models and README."""
    for library in LIBRARIES:
        require(library, extra="publish", purpose="checking a package", field="check")
    from seqforge.publishing import build_package, check_wheel

    is_wheel = folder.suffix == ".whl"
    if is_wheel and output is not None:
        raise UsageError(
            f"{folder} is a wheel, which is only checked; leave out --output", field="output", value=output
        )
    with nullcontext() if is_wheel else build_package(folder) as built:
        report = check_wheel(built.wheel if built else folder)
        _print(report, json=json)
        if not report.ok:
            raise typer.Exit(1)
        if built and not check:
            _write(built, output or folder / "dist", replace=force)


def _print(report: "WheelReport", *, json: bool) -> None:
    if json:
        data_json(report.to_json())
    else:
        for rule in report.rules:
            faults = report.of(rule)
            for fault in faults:
                data(f"FAILED  {rule:29}  {fault.message}")
            if not faults:
                data(f"ok      {rule}")
    number = count(len(report.faults), "fault")
    message(f"{report.wheel} ({report.size / 1024:,.0f} KiB): {count(len(report.rules), 'rule')}, {number}")


def _write(built: "BuiltPackage", folder: Path, *, replace: bool) -> None:
    """Copy the built files to a folder.

    Raises:
        UsageError: If a file of the same name is there.
    """
    targets = {source: folder / source.name for source in (built.archive, built.wheel)}
    existing = next((target for target in targets.values() if target.exists()), None)
    if existing is not None and not replace:
        text = f"{existing} exists, and an index accepts each version once; raise the version, or add --force"
        raise UsageError(text, field="force", value=False)
    make_folder(folder)
    for source, target in targets.items():
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        message(f"wrote {target}")
    message(f"next: twine upload {' '.join(map(str, targets.values()))}")
