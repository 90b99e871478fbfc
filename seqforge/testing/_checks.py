"""Every check, in the order in which they are made: what a later one needs, an earlier one has looked at."""

from collections.abc import Iterable, Mapping

from seqforge.errors import UsageError, did_you_mean, listing
from seqforge.testing import _codec, _constraint, _declaration, _decoding, _files, _training
from seqforge.testing._results import Check

CHECKS: Mapping[str, Check] = {
    function.__name__: Check(function.__name__, (function.__doc__ or "").partition("\n")[0], function)
    for function in (
        _declaration.import_is_light,
        _declaration.declaration_is_right,
        _declaration.options_survive_json,
        _declaration.request_survives_json,
        _codec.samples_are_read,
        _codec.codec_is_fitted,
        _codec.pieces_are_encoded,
        _codec.same_in_another_process,
        _codec.round_trip,
        _codec.codec_survives_json,
        _codec.damaged_codec_is_refused,
        _codec.units_add_up,
        _decoding.prefixes_decode,
        _decoding.random_steps_decode,
        _decoding.fuzzed_files_are_read,
        _constraint.prompts_are_given,
        _constraint.constraint_keeps_its_laws,
        _constraint.constraint_allows_real_pieces,
        _constraint.allowed_steps_decode,
        _files.files_are_written,
        _files.written_files_read_back,
        _decoding.augmentation_stays,
        _decoding.pieces_are_divided,
        _decoding.fingerprints_are_keys,
        _decoding.pieces_are_described,
        _decoding.steps_stream,
        _training.model_trains,
    )
}
"""The checks by name."""


def chosen(only: Iterable[str] | None) -> list[str]:
    """Return the names of the checks to make, in order.

    Raises:
        UsageError: there is no such check.
    """
    wanted = list(CHECKS) if only is None else list(only)
    for name in wanted:
        if name not in CHECKS:
            raise UsageError(
                f"there is no check {name!r}; there are {listing(CHECKS, most=40)}.{did_you_mean(name, CHECKS)}"
            )
    return [name for name in CHECKS if name in wanted]
