import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqforge_midi.tokens import VelocityBins, nearest_time_signature


@given(st.integers(1, 127))
def test_quantised_velocities_are_close_and_stable(count: int) -> None:
    bins = VelocityBins(count)
    velocities = np.arange(1, 128)
    quantised = bins.quantise(velocities)
    assert np.array_equal(bins.quantise(quantised), quantised)
    assert np.abs(quantised - velocities).max() <= 127 / count + 1


def test_time_signature_without_token_becomes_one_of_equal_length() -> None:
    assert nearest_time_signature((3, 4)) == (3, 4)
    assert nearest_time_signature((12, 32)) == (3, 8)
    assert nearest_time_signature((1, 1)) == (4, 4)
