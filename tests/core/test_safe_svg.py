import pytest

from seqforge.core.safe_svg import safe_svg

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "<SCRIPT>alert(1)</SCRIPT>",
        '<x:script xmlns:x="http://www.w3.org/2000/svg">alert(1)</x:script>',
        '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        '<a href="https://example.org"><g/></a>',
        "<style>@import url(https://example.org/a.css);</style>",
        "<style>g{background:url(https://example.org/a.png)}</style>",
        "<style><![CDATA[@import 'https://example.org/a.css';]]></style>",
        "<!-- a comment -->",
        "<?xml-stylesheet href='https://example.org/a.css'?>",
    ],
)
def test_unsafe_content_is_removed(content: str) -> None:
    assert safe_svg(f"{SVG}{content}</svg>") == SVG.replace(">", "/>")


@pytest.mark.parametrize(
    "attribute",
    [
        'onload="alert(1)"',
        'ONCLICK="alert(1)"',
        'href="javascript:alert(1)"',
        'xlink:href="https://example.org/a.svg#b"',
        'href="data:image/svg+xml;base64,PHN2Zy8+"',
        'href="data:text/html,a"',
        'fill="url(https://example.org/a.svg#b)"',
        'style="background: url(//example.org)"',
        'xml:base="https://example.org"',
    ],
)
def test_unsafe_attribute_is_removed(attribute: str) -> None:
    assert safe_svg(f'{SVG}<g id="a" {attribute}/></svg>') == f'{SVG}<g id="a"/></svg>'


@pytest.mark.parametrize(
    "content",
    [
        '<use xlink:href="#note"/>',
        '<g fill="url(#gradient)"/>',
        '<image href="data:image/png;base64,AAAA"/>',
        "<style>g.page{color:black}</style>",
        '<text x="1">a &lt; b &amp; "c"</text>',
    ],
)
def test_safe_content_stays(content: str) -> None:
    assert safe_svg(f"{SVG}{content}</svg>").replace("&quot;", '"') == f"{SVG}{content}</svg>"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "no XML",
        "<html/>",
        "<svg>",
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg><text>&a;</text></svg>',
        "<svg>\x00</svg>",
        "<svg>\ud800</svg>",
    ],
)
def test_document_that_is_no_plain_svg_is_empty(document: str) -> None:
    assert safe_svg(document) == ""
