"""Wheels with one fault each, as changes to the files of a valid wheel."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from seqforge.version import __version__

Files = dict[str, bytes]
"""The content of each file of a wheel, by its name; `INFO/` stands for the folder of the metadata."""

MAJOR, MINOR = map(int, __version__.split(".")[:2])
INFO = "seqforge_toy-0.1.0.dist-info"
PACKAGE = "seqforge_toy"


def read_files(wheel: Path) -> Files:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def write_wheel(files: Files, path: Path) -> Path:
    """Write files as a wheel."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def replace(name: str, old: str, new: str) -> Callable[[Files], None]:
    """Return a change of a text that stands once in a file."""

    def change(files: Files) -> None:
        text = files[name].decode()
        assert text.count(old) == 1, (name, old)
        files[name] = text.replace(old, new).encode()

    return change


def header(old: str, new: str) -> Callable[[Files], None]:
    """Return a change of the metadata."""
    return replace(f"{INFO}/METADATA", old, new)


def add(name: str, content: bytes = b"text\n") -> Callable[[Files], None]:
    """Return a change that adds a file."""
    return lambda files: files.update({name: content})


def remove(name: str) -> Callable[[Files], None]:
    """Return a change that removes a file."""

    def change(files: Files) -> None:
        del files[name]

    return change


RELEASE, FOLLOWING = (f"{MAJOR}.{MINOR + number}" for number in (0, 1))
CORE = f"seqforge-core<{FOLLOWING},>={RELEASE}"
CODE, TOML = f"{PACKAGE}/__init__.py", f"{PACKAGE}/samples/corpus.toml"
ENTRIES = f"{INFO}/entry_points.txt"

FAULTS: dict[str, tuple[Callable[[Files], None], str]] = {
    "a version that is not valid": (header("Version: 0.1.0", "Version: first"), "metadata_is_valid"),
    "a local version": (header("Version: 0.1.0", "Version: 0.1.0+mine"), "metadata_is_valid"),
    "no summary": (header("Summary: The toy plugin of seqforge.\n", ""), "metadata_is_valid"),
    "a dependency on a URL": (
        header("Requires-Dist: numpy>=1.26", "Requires-Dist: numpy @ https://example.org/numpy.whl"),
        "metadata_is_valid",
    ),
    "no entry point": (replace(ENTRIES, "[seqforge.plugins]", "[other.plugins]"), "plugin_is_announced"),
    "an entry point to a class that does not exist": (
        replace(ENTRIES, "seqforge_toy:Toy", "seqforge_toy:Tox"),
        "plugin_is_announced",
    ),
    "an entry point without a class": (replace(ENTRIES, "seqforge_toy:Toy", "seqforge_toy"), "plugin_is_announced"),
    "the package is missing": (remove(CODE), "plugin_is_announced"),
    "no licence": (header("License-Expression: MIT\n", ""), "licence_is_stated"),
    "a licence that is no SPDX expression": (
        header("License-Expression: MIT", "License-Expression: my licence"),
        "licence_is_stated",
    ),
    "no file of the licence": (header("License-File: LICENSE\n", ""), "licence_is_stated"),
    "the file of the licence is missing": (remove(f"{INFO}/licenses/LICENSE"), "licence_is_stated"),
    "the file of the licence is almost empty": (add(f"{INFO}/licenses/LICENSE", b"MIT\n"), "licence_is_stated"),
    "an unknown classifier": (
        header("License-File:", "Classifier: Topic :: Artistic Stuff\nLicense-File:"),
        "classifiers_are_known",
    ),
    "a licence as classifier": (
        header("License-File:", "Classifier: License :: OSI Approved :: MIT License\nLicense-File:"),
        "classifiers_are_known",
    ),
    "a classifier that forbids the upload": (
        header("License-File:", "Classifier: Private :: Do Not Upload\nLicense-File:"),
        "classifiers_are_known",
    ),
    "a classifier of a Python that is excluded": (
        header("License-File:", "Classifier: Programming Language :: Python :: 3.9\nLicense-File:"),
        "classifiers_are_known",
    ),
    "no requires-python": (header("Requires-Python: >=3.11\n", ""), "python_has_a_lower_bound"),
    "requires-python admits 3.9": (header("Python: >=3.11", "Python: >=3.9"), "python_has_a_lower_bound"),
    "requires-python excludes this Python": (header("Python: >=3.11", "Python: >=3.99"), "python_has_a_lower_bound"),
    "no dependency on seqforge-core": (
        lambda files: files.update({f"{INFO}/METADATA": without_core(files[f"{INFO}/METADATA"])}),
        "core_has_a_range",
    ),
    "seqforge-core without an upper bound": (
        header(CORE, f"seqforge-core>={RELEASE}"),
        "core_has_a_range",
    ),
    "seqforge-core without a lower bound": (header(CORE, f"seqforge-core<{FOLLOWING}"), "core_has_a_range"),
    "seqforge-core of another release": (header(CORE, "seqforge-core~=7.0"), "core_has_a_range"),
    "an import that no dependency provides": (
        replace(CODE, "from typing import Any", "import loom\nfrom typing import Any"),
        "imports_are_declared",
    ),
    "an import without its dependency": (header("Requires-Dist: numpy>=1.26\n", ""), "imports_are_declared"),
    "tests at the top of the wheel": (add("tests/test_contract.py"), "content_belongs_to_the_plugin"),
    "tests in the package": (add(f"{PACKAGE}/tests/test_contract.py"), "content_belongs_to_the_plugin"),
    "a cache": (add(f"{PACKAGE}/__pycache__/__init__.cpython-311.pyc"), "content_belongs_to_the_plugin"),
    "a run": (add(f"{PACKAGE}/runs/toy/0001/config.json"), "content_belongs_to_the_plugin"),
    "credentials": (add(f"{PACKAGE}/.pypirc"), "content_belongs_to_the_plugin"),
    "a backup of an editor": (add(f"{PACKAGE}/__init__.py~"), "content_belongs_to_the_plugin"),
    "data outside of a corpus": (add(f"{PACKAGE}/scores.bin", bytes((1 << 20) + 1)), "files_are_small"),
    "a model that is too large": (add(f"{PACKAGE}/models/big.safetensors", bytes((50 << 20) + 1)), "files_are_small"),
    "a damaged model": (add(f"{PACKAGE}/models/default.safetensors"), "models_can_be_loaded"),
    "a model in another folder": (add(f"{PACKAGE}/default.safetensors"), "models_can_be_loaded"),
    "a corpus without a licence": (replace(TOML, 'licence = "CC0-1.0"\n', ""), "corpora_are_valid"),
    "a corpus without files": (replace(TOML, '"*.toy"', '"*.txt"'), "corpora_are_valid"),
    "a corpus that no entry point names": (
        replace(ENTRIES, "[seqforge.corpora]", "[other.corpora]"),
        "corpora_are_valid",
    ),
    "no README": (header("Description-Content-Type: text/markdown\n", ""), "readme_is_rendered"),
    "a README without a heading": (header("# seqforge-toy", "seqforge-toy"), "readme_is_rendered"),
    "a README with a picture by a path": (header("# seqforge-toy", "# toy\n\n![a](docs/a.png)"), "readme_is_rendered"),
    "a README with a script": (header("# seqforge-toy", "# toy\n\n<script>1</script>"), "readme_is_rendered"),
}
"""The change and the rule that it breaks, by the name of the fault."""


def without_core(metadata: bytes) -> bytes:
    """Return metadata without the dependency on seqforge-core."""
    return b"".join(line for line in metadata.splitlines(keepends=True) if b"seqforge-core" not in line)
