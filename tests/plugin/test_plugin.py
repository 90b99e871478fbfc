import pytest

from seqforge import Codec, NoOptions, NoRequest, Origin, Piece, Plugin
from seqforge.plugin import API


def test_pieces_are_equal_by_content_labels_and_origin() -> None:
    assert Piece("a", {"x": "1"}, Origin("f", "line 1")) == Piece("a", {"x": "1"}, Origin("f", "line 1"))
    assert Piece("a") != Piece("b") and Piece("a") != Piece("a", {"x": "1"})
    assert Piece("a", origin=Origin("f")) != Piece("a", origin=Origin("g"))


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        (Plugin, {"read", "write"}),
        (Codec, {"fit", "encode", "decode", "canonical", "units", "task", "state", "from_state"}),
    ],
)
def test_abstract_methods(kind: type, methods: set[str]) -> None:
    assert kind.__abstractmethods__ == methods  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_defaults_of_a_plugin() -> None:
    assert (Plugin.api, Plugin.Options, Plugin.Request) == (API, NoOptions, NoRequest)
    assert (Plugin.reads, Plugin.multi_piece, Plugin.default_model) == ((), (), "default")


def test_distribution_is_that_of_the_package() -> None:
    from seqforge_text import Text

    assert Text.distribution() == "seqforge-text"
