from pathlib import Path

import pytest
import reading

BOMB = '<!DOCTYPE x [<!ENTITY a "' + "a" * 50 + '"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        ("no xml", ":1: is not XML: syntax error at column 1"),
        ("<%s><g>", ":1: is not XML: no element found"),
        ("<%s></g>", ":1: is not XML: mismatched tag"),
        (BOMB + "<%s>&b;</%s>", ":1: declares the entity 'a', which is not allowed"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><%s>&a;</%s>', ":1: declares the entity 'a'"),
        ('<!DOCTYPE x [<!ENTITY % a SYSTEM "http://0.0.0.0/x"> %a;]><%s></%s>', ":1: declares the entity 'a'"),
        ('<?xml version="1.0" encoding="nonsense"?><%s></%s>', "unknown encoding"),
        ("<%s>&nbsp;</%s>", ":1: is not XML: undefined entity"),
        ("<html></html>", "starts with <html>; a file with this suffix must start with <%s>"),
    ],
)
@pytest.mark.parametrize(("suffix", "root"), [(".svg", "svg"), (".inkml", "ink")])
def test_damaged_xml_is_rejected(tmp_path: Path, data: str, reason: str, suffix: str, root: str) -> None:
    assert reason.replace("%s", root) in reading.read_error(tmp_path / f"x{suffix}", data.replace("%s", root))
