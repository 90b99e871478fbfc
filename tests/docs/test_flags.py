"""The tables of flags in the pages of the plugins are up to date."""

from pathlib import Path

import pytest

from seqforge.core.options import flag_name
from seqforge.errors import UsageError
from seqforge.plugin import registry
from tools.flag_tables import flag_tables, update_page

ROOT = Path(__file__).parents[2]
PLUGINS = [path.name for path in sorted((ROOT / "plugins").iterdir()) if (path / "pyproject.toml").exists()]


@pytest.mark.parametrize("name", PLUGINS)
def test_tables_of_a_page_are_up_to_date(name: str) -> None:
    page = ROOT / "docs" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    assert f"<!-- flags of {name} -->" in text
    assert text == update_page(text, page.name), f"run: python -m tools.flag_tables docs/{name}.md"


@pytest.mark.parametrize("name", PLUGINS)
def test_each_field_has_a_row_with_a_description(name: str) -> None:
    plugin = registry.load(name)
    rows = [row.split(" | ") for row in flag_tables(plugin).splitlines() if row.startswith("| `--")]
    fields = [*plugin.Options.__dataclass_fields__, *plugin.Request.__dataclass_fields__]
    assert [row[0].strip("| `").split()[0].rstrip(",") for row in rows] == [flag_name(field) for field in fields]
    assert all(len(row) == 3 and len(row[2]) > 5 for row in rows)


def test_page_without_marks_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"text\.md has no line '<!-- flags of NAME -->'"):
        update_page("# A page\n", "text.md")
