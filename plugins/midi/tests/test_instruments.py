from seqforge_midi.instruments import program_name, program_number
from seqforge_midi.song import DRUMS


def test_program_by_number_name_or_start_of_name() -> None:
    assert (program_number("drums"), program_number(" Violin "), program_number("40")) == (DRUMS, 40, 40)
    assert (program_number("128"), program_number(""), program_number("nonsense")) == (None, None, None)
    assert program_name(0) == "Acoustic Grand Piano" and program_number("piano") == 0
