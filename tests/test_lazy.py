import subprocess
import sys

import pytest

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
