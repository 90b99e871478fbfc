from seqforge_abc.theory import Pitch, parse_key


def test_transposition_keeps_the_spelling() -> None:
    assert [str(Pitch(3, 1, 5).transposed(fifths, steps)) for fifths, steps in ((1, 4), (-2, -1), (7, 0))] == [
        "^c'", "=e", "^^f",
    ]  # fmt: skip
    assert str(parse_key("Edor").transposed(-3)) == "Gdor"  # type: ignore[union-attr]
