from seqforge_abc.bar_automaton import State, closing_bar_lines


def test_an_upbeat_leaves_a_rest_that_single_notes_can_fill() -> None:
    # after an upbeat of 31/32, no note could fill the rest of 1/128 in the last bar of the tune
    state = State(header=4, bar_length=32, unit=4)
    assert closing_bar_lines(state._replace(fill=31), 31) == []
    assert closing_bar_lines(state._replace(fill=30), 30) == ["|", "|:"]
