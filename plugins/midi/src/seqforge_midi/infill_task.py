"""The task of an infill: the prompts of its windows, and the file with the generated notes spliced in."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from seqforge import Piece, ReadError, RequestError, Task
from seqforge_midi.chorale import Chorale
from seqforge_midi.corpus_stats import CorpusStats
from seqforge_midi.edit_request import parse_selections
from seqforge_midi.edited_song import edited_song
from seqforge_midi.encoding import Encoding
from seqforge_midi.infill import make_gaps, make_windows, removal_spans
from seqforge_midi.infill_chorale import ChoraleInfill
from seqforge_midi.infill_notes import file_notes, fit_notes
from seqforge_midi.infill_score import ScoreInfill
from seqforge_midi.midi_parts import Part, PartsFile, read_parts
from seqforge_midi.program_map import ProgramMap, parse_map
from seqforge_midi.request import MidiRequest
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS, Song
from seqforge_midi.splice import FileNote, splice
from seqforge_midi.window_bars import bars_of

OTHER_FIELDS = ("prompt_bars", "bars", "seconds", "bpm", "time_signature", "program", "transpose")
"""The fields of a request that do not apply to an infill."""


class InfillTask(Task[Song]):
    """Bars of a file that are written anew; everything else stays as it is.

    Args:
        file: The file.
        windows: Its windows, each with its encoding.
        spans: The spans of the file whose notes are removed.
    """

    def __init__(self, file: PartsFile, windows: Sequence[Any], spans: Sequence[Any]) -> None:
        super().__init__([window.prompt() for window in windows])
        self.file, self.windows, self.spans = file, windows, spans

    def finish(self, pieces: Sequence[Piece[Song]]) -> Piece[Song]:
        """Return the edited file."""
        notes: list[tuple[Part, list[FileNote]]] = []
        for infill, piece in zip(self.windows, pieces, strict=True):
            for part, of_part in infill.generated(piece.content):
                notes.append((part, file_notes(infill.window, part, of_part)))
        fitted = fit_notes(self.file, self.spans, notes)
        data = splice(self.file.data, self.file.chunks.tracks, self.spans, fitted)
        try:
            return Piece(edited_song(data), pieces[0].labels)
        except ReadError as error:
            raise RequestError(f"the infill leaves no notes in the file ({error.reason})", field="infill") from error


def infill_task(request: MidiRequest, encoding: Encoding, stats: CorpusStats) -> InfillTask:
    """Return the task of a request with `infill`.

    Args:
        request: The request.
        encoding: The encoding of the model.
        stats: The statistics of the model's corpus.

    Raises:
        RequestError: If the request is impossible.
    """
    check_fields(request)
    if not isinstance(encoding, Score | Chorale):
        reason = "`infill` does not apply to a model of performances, which have no bars"
        raise RequestError(reason, field="infill", value=request.infill)
    assert request.prompt_file is not None
    file = read_parts(request.prompt_file, "prompt_file")
    selections = parse_selections(request.infill, file.parts, len(bars_of(file.song)))
    is_chorale = isinstance(encoding, Chorale)
    known = [program for program in stats.ranges if not (is_chorale and program == DRUMS)]
    programs = ProgramMap(known, parse_map(request.map, known, "map"))
    gaps = make_gaps(selections, file, programs, request.infill)
    notice = "" if is_chorale else programs.notice(file.song.programs)
    if notice:
        logging.getLogger("seqforge").warning("%s", notice)
    windows = make_windows(file, gaps, programs)
    infills: list[Any] = []
    for window in windows:
        if isinstance(encoding, Chorale):
            infills.append(ChoraleInfill(encoding, window))
        else:
            infills.append(ScoreInfill(encoding, window, stats.drum_pitches))
    return InfillTask(file, infills, removal_spans(file, gaps))


def check_fields(request: MidiRequest) -> None:
    """Check that no field is set that does not apply to an infill.

    Raises:
        RequestError: If one is set, or there is no file.
    """
    if request.prompt_file is None:
        raise RequestError(
            f"`infill` is {request.infill!r} and there is no file to fill in; set `prompt_file`",
            field="infill", value=request.infill,
        )  # fmt: skip
    defaults = {field.name: field.default for field in dataclasses.fields(MidiRequest)}
    for name in OTHER_FIELDS:
        value = getattr(request, name)
        if value != defaults[name]:
            raise RequestError(
                f"`{name}` is {value} and does not apply to an infill, which changes nothing else in the file; leave"
                " it out",
                field=name, value=value,
            )  # fmt: skip
