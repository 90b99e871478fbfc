"""The codec: maps songs to tokens with one of three encodings, and requests to tasks."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from seqforge import (
    Aligns,
    Augments,
    Categorical,
    Codec,
    Constraint,
    DecodeError,
    Example,
    Piece,
    Places,
    Prompt,
    RequestError,
    Task,
)
from seqforge_midi.chorale import Chorale
from seqforge_midi.chord_request import CANDIDATES as CHORD_CANDIDATES
from seqforge_midi.chord_request import check_chords, with_chords
from seqforge_midi.corpus_stats import CorpusStats, collect_stats
from seqforge_midi.encoding import Encoding
from seqforge_midi.harmony import AccompanimentTask, harmonise
from seqforge_midi.infill_score import CANDIDATES
from seqforge_midi.infill_task import check_fields, infill_task
from seqforge_midi.key import Key
from seqforge_midi.label_request import requested_labels
from seqforge_midi.layout_task import LayoutTask
from seqforge_midi.length import room_for
from seqforge_midi.midi_parts import read_parts
from seqforge_midi.options import MidiOptions
from seqforge_midi.parsed_request import ParsedRequest
from seqforge_midi.performance import Performance
from seqforge_midi.request import MidiRequest, parse_key, parse_request
from seqforge_midi.score import Score
from seqforge_midi.song import DRUMS, Song
from seqforge_midi.song_labels import VALUES, merged_values, song_labels, transposed_labels, with_hidden
from seqforge_midi.voice_grid import VOICE_PROGRAMS, voice_tracks
from seqforge_midi.voice_infill import InfillAutomaton, cut_infill
from seqforge_midi.voice_infill_task import VoiceInfillTask, gap_ticks
from seqforge_midi.voice_prompt import AfterPrompt, with_total_bars
from seqforge_midi.voices import Voices

TRANSPOSITIONS = range(-6, 6)
"""The semitones by which training pieces are transposed."""
PERFORMED = 0.25
"""A song is a performance if more than this share of its notes have another velocity than the note before."""


class MidiCodec(Codec[Song, MidiOptions, MidiRequest], Augments, Aligns):
    """Maps songs to tokens and back.

    The tokens depend on the options, and with `tracks="keep"` on the number of tracks of each program in the corpus. A
    model can be trained further on any other songs; tracks without a token are merged with one of their program.

    >>> from seqforge_midi.song import note_array
    >>> song = Song.from_events(note_array([(0, 480, 60, 80, 0)]))
    >>> codec = MidiCodec.fit([Piece(song)], MidiOptions())
    >>> example = codec.encode(Piece(song))
    >>> [codec.vocabulary[step] for step in example.steps][:4]
    ['bar:C:last', 'time_signature:4/4', 'tempo:120', 'position:0']
    >>> codec.decode(example) == codec.canonical(Piece(song))
    True

    Args:
        options: The options.
        labels: Label name to its values.
        stats: The statistics of the corpus.
    """

    space: Categorical

    def __init__(self, options: MidiOptions, labels: Mapping[str, tuple[str, ...]], stats: CorpusStats) -> None:
        self.options, self.labels, self.stats = options, labels, stats
        self.encoding = make_encoding(options, stats.tracks)
        self.space = Categorical(self.encoding.vocabulary.size)
        self.vocabulary = self.encoding.vocabulary.names()
        self._units = self.encoding.note_mask.astype(np.float64)
        self._pitches = _token_pitches(self.encoding)

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Song]], options: MidiOptions) -> Self:
        """Return a codec with the labels and statistics of the pieces, in one pass."""
        labels, stats = _collect_stats(pieces, make_encoding(options), options.label_names)
        return cls(options, merged_values(labels, options.label_names), stats)

    def extended_for(self, pieces: Iterable[Piece[Song]]) -> "MidiCodec":
        """Return the codec with the programs and ranges of other songs added."""
        return MidiCodec(self.options, self.labels, self.stats.merged_with(_collect_stats(pieces, self.encoding)[1]))

    def encode(self, piece: Piece[Song]) -> Example:
        song = piece.content
        return Example(
            self.encoding.encode(song).astype(self.space.dtype),
            labels=self._labels_of(piece),
            extras=self.encoding.extras(song),
            dropped=self.encoding.losses(song) + Counter(song.omitted),
        )

    def decode(self, example: Example) -> Piece[Song]:
        try:
            self.space.check(example.steps)
        except ValueError as error:
            raise DecodeError(str(error)) from error
        song = self.encoding.decode(example.steps.tolist(), example.extras)
        return Piece(song.with_dense_tracks(), dict(example.labels))

    def canonical(self, piece: Piece[Song]) -> Piece[Song]:
        return Piece(self.encoding.canonical(piece.content).with_dense_tracks(), self._labels_of(piece))

    def units(self, steps: np.ndarray) -> np.ndarray:
        units: np.ndarray = self._units[steps]
        return units

    def task(self, request: MidiRequest) -> Task[Song]:
        if not self.computed_labels:
            return LayoutTask(self._task(request), request, self.stats)
        labels, key = requested_labels(request, self.computed_labels), None
        if "key" in self.computed_labels and not isinstance(self.encoding, Voices):
            key = parse_key(request.key) if request.key else None
            request = dataclasses.replace(request, key="")
        return LayoutTask(self._task(request, key), request, self.stats, labels)

    def _task(self, request: MidiRequest, key: Key | None = None) -> Task[Song]:
        check_chords(request, self.encoding, {"infill": request.infill, "given": request.melody_file})
        if request.infill and request.melody_file is None:
            if not isinstance(self.encoding, Voices):
                return infill_task(request, self.encoding, self.stats)
            check_fields(request)
        parsed = parse_request(request, self.encoding, self.stats)
        if request.melody_file is not None:
            harmony = harmonise(request, parsed, self.encoding, self.stats)
            return AccompanimentTask(harmony) if harmony.programs else MidiTask(harmony.prompt, parsed, self.encoding)
        if parsed.prompt is None:
            if isinstance(self.encoding, Chorale):
                parsed = dataclasses.replace(parsed, key=key)
            steps = np.zeros(0, self.space.dtype)
            bpm = parsed.bpm or self.stats.bpm
            extras = self.encoding.initial_extras(bpm, parsed.time_signature or self.stats.time_signature)
        else:
            steps = self.encoding.continued(self.encoding.encode(parsed.prompt)).astype(self.space.dtype)
            extras = self.encoding.extras(parsed.prompt)
            if isinstance(self.encoding, Voices):
                parsed, steps = with_total_bars(self.encoding, parsed, steps)
        encoding, infill = self.encoding, None
        if isinstance(encoding, Voices) and parsed.infill is not None:
            infill = cut_infill(encoding, parsed, steps)
        whole = parsed if infill is None else infill.request
        constraint = self.encoding.constraint(whole)
        self._check_prompt(self.encoding.constraint(dataclasses.replace(whole, strict=False, polyphony=0)), steps)
        if infill is None or not isinstance(encoding, Voices):
            constraint = with_chords(request, self.encoding, constraint, steps)
            if (whole.strict or whole.polyphony) and len(steps):
                constraint = AfterPrompt(constraint, steps.tolist())
            candidates = CHORD_CANDIDATES if request.chords else 1
            notes, longest = int(self.units(steps).sum()), self.stats.max_notes
            length = room_for(bars=parsed.bars, seconds=parsed.seconds, notes=notes, longest=longest)
            is_free = parsed.prompt is None and not request.chords and not parsed.polyphony
            prompt = Prompt(
                Example(steps, extras=extras), constraint, candidates=candidates, length=length,
                label_choices=self._label_choices if is_free else (),
            )  # fmt: skip
            return MidiTask(prompt, parsed, self.encoding)
        example = Example(np.array(infill.prefix, self.space.dtype), extras=extras)
        length = room_for(bars=parsed.bars, notes=int(self.units(steps).sum()))
        automaton = InfillAutomaton(encoding, constraint, infill)
        prompt = Prompt(example, automaton, candidates=CANDIDATES, length=length)
        assert request.prompt_file is not None and parsed.prompt is not None and parsed.infill is not None
        file = read_parts(request.prompt_file, "prompt_file")
        return VoiceInfillTask(prompt, file, gap_ticks(file, parsed.prompt, parsed.infill, request.infill))

    def _check_prompt(self, constraint: Constraint, steps: np.ndarray) -> None:
        """Check that a constraint allows the tokens of the prompt.

        Raises:
            RequestError: If it does not.
        """
        state = constraint.start()
        for number, step in enumerate(steps.tolist(), 1):
            if not constraint.allowed(state)[step]:
                raise RequestError(
                    f"the prompt does not fit the other fields of the request: its token {number},"
                    f" {self.vocabulary[step]}, is not allowed; leave out `bars`, `time_signature` or `program`, or"
                    " shorten the prompt with `prompt_bars`",
                    field="prompt_file",
                )
            state = constraint.advance(state, step)

    def places(self) -> Places | None:
        """Return the automaton of bars and positions; None for the performance encoding, which has no bars."""
        return self.encoding.places()

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the song transposed by up to half an octave within the range of the corpus, with other velocities.

        The label of its key is transposed as well. Each label that is computed is hidden from time to time.
        """
        steps, semitones = self._varied(example, rng)
        if not self.computed_labels:
            return dataclasses.replace(example, steps=steps)
        labels = with_hidden(transposed_labels(example.labels, semitones), self.computed_labels, rng)
        return dataclasses.replace(example, steps=steps, labels=labels)

    def _varied(self, example: Example, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Return the steps of a song that is transposed, with other velocities, and the semitones."""
        if isinstance(self.encoding, Voices):
            return _transposed_voices(self.encoding, example.steps, self.stats, rng)
        steps = self._shift_velocities(example.steps, rng)
        pitches = self._pitches[example.steps]
        pitched = pitches >= 0
        if not pitched.any():
            return steps, 0
        lowest, highest = int(pitches[pitched].min()), int(pitches[pitched].max())
        transpositions = [
            semitones
            for semitones in TRANSPOSITIONS
            if self.stats.lowest <= lowest + semitones and highest + semitones <= self.stats.highest
        ]
        semitones = int(rng.choice(transpositions)) if transpositions else 0
        return self.encoding.transposed(steps, semitones), semitones

    def _shift_velocities(self, steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return steps with all velocities shifted by up to a tenth of the bins, if they are those of a performance.

        The velocities of notation stand for dynamic marks, which have the same level in all songs.
        """
        if "velocity" not in self.encoding.vocabulary.blocks:
            return steps
        block = self.encoding.vocabulary.block("velocity")
        max_shift = (block.stop - block.start) // 10
        mask = (steps >= block.start) & (steps < block.stop)
        if int(mask.sum()) <= PERFORMED * float(self.units(steps).sum()):
            return steps
        shift = int(rng.integers(-max_shift, max_shift + 1))
        shifted = np.clip(steps.astype(np.int64) + shift, block.start, block.stop - 1)
        return np.where(mask, shifted, steps).astype(steps.dtype)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        labels = {name: list(values) for name, values in self.labels.items()}
        return {"labels": labels, "stats": self.stats.to_json()}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: MidiOptions) -> Self:
        labels = {str(name): tuple(map(str, values)) for name, values in data["labels"].items()}
        return cls(options, labels, CorpusStats.from_json(data["stats"]))

    @property
    def _label_choices(self) -> list[dict[str, str]]:
        """The known labels of the training pieces."""
        return [self._known(labels) for labels in self.stats.label_choices]

    @property
    def computed_labels(self) -> tuple[str, ...]:
        """The names of the labels that are computed from songs."""
        return tuple(name for name in self.options.label_names if self.labels.get(name) == VALUES[name])

    def _labels_of(self, piece: Piece[Song]) -> dict[str, str]:
        """Return the known labels of a piece; those that it lacks are computed if the options name them."""
        missing = tuple(name for name in self.computed_labels if name not in piece.labels)
        return self._known({**song_labels(piece.content, missing), **piece.labels})

    def _known(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of which the codec has the value."""
        return {name: value for name, value in labels.items() if value in self.labels.get(name, ())}


class MidiTask(Task[Song]):
    """A parsed request with its prompt.

    Args:
        prompt: The prompt.
        request: The request.
        encoding: The encoding of the model.
    """

    def __init__(self, prompt: Prompt, request: ParsedRequest, encoding: Encoding) -> None:
        super().__init__([prompt])
        self.request, self.encoding = request, encoding

    def finish(self, pieces: Sequence[Piece[Song]]) -> Piece[Song]:
        """Return the song with exactly the requested bars, transposed, and of a chorale with the requested program."""
        request, song = self.request, pieces[0].content
        if request.bars and isinstance(self.encoding, Score):
            song = song.first_bars(request.bars)
        notes = np.array(song.notes)
        if request.transpose:
            notes["pitch"] = _transposed(notes, request.transpose)
        tempos, time_signatures = song.tempos, song.time_signatures
        if isinstance(self.encoding, Chorale):
            if request.output_program is not None:
                notes["program"] = request.output_program
            tempos = ((0, request.bpm),) if request.bpm else tempos
            time_signatures = ((0, request.time_signature),) if request.time_signature else time_signatures
        tracks = song.tracks
        if isinstance(self.encoding, Voices) and request.output_program is not None:
            notes["track"] = notes["program"] - VOICE_PROGRAMS[0]
            notes["program"] = request.output_program
            tracks = voice_tracks(request.output_program)
        events = (notes, tempos, time_signatures, song.pedals, song.length)
        result = Song.from_events(*events, tracks=tracks, controls=song.controls)
        layout = song.layout.transposed(request.transpose)
        return Piece(dataclasses.replace(result, layout=layout), transposed_labels(pieces[0].labels, request.transpose))


def make_encoding(options: MidiOptions, track_counts: Mapping[int, int] | None = None) -> Encoding:
    """Return the encoding that the options name.

    Args:
        options: The options.
        track_counts: Program to the number of its tracks that have tokens if the options keep tracks; one by default.

    >>> type(make_encoding(MidiOptions(encoding="chorale"))).__name__
    'Chorale'
    """
    if options.encoding == "chorale":
        return Chorale(options.frame)
    if options.encoding == "voices":
        return Voices()
    counts = track_counts if options.tracks == "keep" else None
    if options.encoding == "performance":
        return Performance(options.resolution, options.velocity_bins, counts, options.controller_names)
    return Score(
        options.grid, options.microtiming, options.velocity_bins, counts, options.controller_names,
        bar_repeats=options.bar_repeats, bar_chords=options.bar_chords,
    )  # fmt: skip


def _collect_stats(
    pieces: Iterable[Piece[Song]], encoding: Encoding, computed: tuple[str, ...] = ()
) -> tuple[dict[str, tuple[str, ...]], CorpusStats]:
    """Return labels and statistics of songs; for the voices encoding, of their voices, with their keys."""
    if not isinstance(encoding, Voices):
        return collect_stats(pieces, computed)
    keys: Counter[str] = Counter()

    def voices() -> Iterator[Piece[Song]]:
        for piece in pieces:
            steps = encoding.encode(piece.content)
            if len(steps):
                keys[str(encoding.key_of(steps))] += 1
            yield Piece(encoding.canonical(piece.content), piece.labels)

    labels, stats = collect_stats(voices())
    return labels, dataclasses.replace(stats, keys=dict(sorted(keys.items())))


def _transposed_voices(
    encoding: Voices, steps: np.ndarray, stats: CorpusStats, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Return a piece in a key that keeps the voices within their ranges, and the semitones by which it is transposed.

    Keys that are frequent in the corpus are likely.
    """
    if not len(steps):
        return steps, 0
    ranges, key = encoding.ranges_of(steps), encoding.key_of(steps)
    transpositions = [
        semitones
        for semitones in TRANSPOSITIONS
        if all(
            stats.pitch_range(program)[0] <= low + semitones and high + semitones <= stats.pitch_range(program)[1]
            for program, (low, high) in ranges.items()
        )
    ]
    if not transpositions:
        return steps, 0
    keys = [str(key.transposed(semitones)) for semitones in transpositions]
    weights = np.array([1 + stats.keys.get(name, 0) for name in keys], np.float64)
    semitones = int(rng.choice(transpositions, p=weights / weights.sum()))
    return encoding.transposed(steps, semitones).astype(steps.dtype), semitones


def _transposed(notes: np.ndarray, semitones: int) -> np.ndarray:
    """Return the pitches of notes, transposed except for the drums.

    Raises:
        RequestError: If a pitch leaves the range of MIDI.
    """
    pitches: np.ndarray = notes["pitch"] + semitones * (notes["program"] != DRUMS)
    if len(pitches) and not 0 <= pitches.min() <= pitches.max() <= 127:
        lowest, highest = notes["pitch"].min(), notes["pitch"].max()
        allowed = f"small enough to keep the pitches {lowest} to {highest} within 0 to 127"
        raise RequestError.invalid("transpose", semitones, allowed)
    return pitches


def _token_pitches(encoding: Encoding) -> np.ndarray:
    """Return the pitch of each token; -1 for tokens that are not transposed."""
    tokens = zip(encoding.vocabulary.kinds, encoding.vocabulary.values, strict=True)
    return np.array([value if kind in encoding.pitch_kinds else -1 for kind, value in tokens], np.int64)
