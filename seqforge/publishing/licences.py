"""The rule of the licence: an SPDX expression, and the text of the licence in the wheel."""

from collections.abc import Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from seqforge.publishing.wheel import Wheel

__all__ = ["licence_is_stated"]

MIN_CHARACTERS = 100
"""A file that is shorter than this contains no licence."""


def licence_is_stated(wheel: Wheel) -> Iterator[tuple[str, str]]:
    """`license` is an SPDX expression, and the wheel contains the text of the licence (PEP 639)."""
    metadata = wheel.metadata
    expression = metadata.get("license_expression", "")
    if not expression:
        legacy = metadata.get("license", "").split("\n")[0][:40]
        stated = f"is the text {legacy!r}" if legacy else "is missing"
        yield "`license`", f'{stated} in pyproject.toml; write an SPDX expression: license = "MIT"'
    else:
        try:
            canonicalize_license_expression(expression)
        except InvalidLicenseExpression as error:
            yield "`license`", f"is {expression!r}: {error}; the names are those of spdx.org/licenses"
    if not metadata.get("license_files"):
        message = 'names no file in pyproject.toml; add the text of the licence: license-files = ["LICENSE"]'
        yield "`license-files`", message
    for name in metadata.get("license_files", []):
        file = wheel.folder / wheel.info / "licenses" / name
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        if len(text.strip()) < MIN_CHARACTERS:
            state = "is almost empty" if file.is_file() else "is not in the wheel"
            yield name, f"{state}, but `license-files` names it; write the text of the licence there"
