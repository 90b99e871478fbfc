import json

from fakekit import Run


def test_list_marks_default_corpora(run: Run) -> None:
    out = run("corpora").out
    assert "tinyshakespeare *" in out and "names" in out and "MIT" in out
    corpora = json.loads(run("corpora", "--json").out)
    assert {corpus["name"] for corpus in corpora} >= {"names", "tinyshakespeare"}
    assert run("corpora", "list").out == out


def test_show_has_licence_source_counts_and_split(run: Run) -> None:
    out = run("corpora", "show", "names").out
    for fragment in ("MIT", "Sean Robertson", "https://github.com/spro", "20,050", "hash", "language"):
        assert fragment in out
    corpus = json.loads(run("corpora", "show", "tinyshakespeare", "--json").out)
    assert corpus["split"] == {"kind": "fractions", "train": 0.9, "valid": 0.1}
    assert corpus["counts"]["characters"] == 1_115_394
