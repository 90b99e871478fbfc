"""All checks in the order in which they run: a check uses only what earlier checks have tested."""

from collections.abc import Iterable, Mapping

from seqforge.errors import UsageError, did_you_mean, listing
from seqforge.testing import (
    _capabilities,
    _codec,
    _constraint,
    _declaration,
    _decoding,
    _edits,
    _files,
    _task,
    _training,
)
from seqforge.testing._results import Check

CHECKS: Mapping[str, Check] = {
    function.__name__: Check(function.__name__, (function.__doc__ or "").partition("\n")[0], function)
    for function in (
        _declaration.import_is_light,
        _declaration.declaration_is_valid,
        _declaration.options_survive_json,
        _declaration.request_survives_json,
        _codec.samples_are_read,
        _codec.codec_is_fitted,
        _codec.pieces_are_encoded,
        _codec.encoding_is_deterministic,
        _codec.round_trip,
        _codec.codec_state_round_trip,
        _codec.damaged_state_is_rejected,
        _codec.units_add_up,
        _decoding.prefixes_decode,
        _decoding.random_steps_decode,
        _decoding.damaged_files_are_read,
        _task.task_has_prompts,
        _constraint.constraint_follows_its_laws,
        _constraint.constraint_allows_real_pieces,
        _constraint.allowed_steps_decode,
        _files.files_are_written,
        _files.written_files_read_back,
        _files.pages_are_written,
        _files.provenance_is_carried,
        _task.finish_returns_a_piece,
        _capabilities.augmentation_is_valid,
        _capabilities.places_are_valid,
        _capabilities.classes_are_stated,
        _capabilities.pieces_are_divided,
        _capabilities.fingerprints_are_valid,
        _capabilities.texts_become_pieces,
        _capabilities.statistics_are_valid,
        _capabilities.steps_are_streamed,
        _capabilities.previews_are_valid,
        _edits.edits_are_possible,
        _training.model_trains,
    )
}
"""The checks by name."""


def select(only: Iterable[str] | None) -> list[str]:
    """Return the names of the checks to run, in order.

    Args:
        only: The names of the checks; None for all.

    Raises:
        UsageError: If there is no check of a name.
    """
    names = list(CHECKS) if only is None else list(only)
    for name in names:
        if name not in CHECKS:
            raise UsageError(
                f"there is no check {name!r}; there are {listing(CHECKS, most=40)}{did_you_mean(name, CHECKS)}",
                field="only", value=name, allowed=listing(CHECKS, most=40),
            )  # fmt: skip
    return [name for name in CHECKS if name in names]
