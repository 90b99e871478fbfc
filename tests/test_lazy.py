import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import seqforge
from seqforge._lazy import lazy_attributes


def test_module_is_imported_with_the_first_use_of_its_name() -> None:
    script = (
        "import sys\n"
        "from seqforge._lazy import lazy_attributes\n"
        "attribute = lazy_attributes('package', {'Fraction': 'fractions'})\n"
        "before = 'fractions' in sys.modules\n"
        "print(before, attribute('Fraction').__name__, 'fractions' in sys.modules)"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert child.stdout.split() == ["False", "Fraction", "True"]


def test_unknown_name_is_an_attribute_error() -> None:
    attribute = lazy_attributes("package", {"Fraction": "fractions"})
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'Nothing'"):
        attribute("Nothing")


def test_no_public_name_is_hidden_by_a_submodule() -> None:
    """The import of a submodule sets the attribute of its package, which hides a lazy attribute of the same name."""
    for module in pkgutil.walk_packages(seqforge.__path__, "seqforge."):
        if not module.ispkg or module.name.startswith("seqforge.scaffold."):
            continue
        package = importlib.import_module(module.name)
        submodules = {submodule.name for submodule in pkgutil.iter_modules(package.__path__)}
        for name in submodules.intersection(getattr(package, "__all__", ())):
            importlib.import_module(f"{module.name}.{name}")
            assert not inspect.ismodule(getattr(package, name)), f"{module.name}.{name}"
