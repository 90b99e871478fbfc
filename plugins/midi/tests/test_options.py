import pytest

from seqforge import OptionsError
from seqforge_midi import MidiOptions


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("grid", 7),
        ("grid", 28),
        ("microtiming", 0),
        ("microtiming", 7),
        ("velocity_bins", 0),
        ("resolution", 1),
        ("frame", 3),
        ("controllers", "sustain,wheel"),
    ],
)
def test_invalid_option_is_an_options_error(field: str, value: int) -> None:
    with pytest.raises(OptionsError) as caught:
        MidiOptions(**{field: value})  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.value) == (field, value) and caught.value.allowed


def test_a_chorale_has_no_controllers() -> None:
    with pytest.raises(OptionsError) as caught:
        MidiOptions(encoding="chorale", controllers="bend")
    assert caught.value.field == "controllers"


def test_controllers_are_named_in_any_order() -> None:
    assert MidiOptions(controllers=" bend, Sustain").controller_names == ("sustain", "bend")
