"""The codec of tunes: it encodes a tune as tokens of its music, or as characters of its ABC text."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from seqforge import (
    UNSEEN,
    Aligns,
    Augments,
    Classifies,
    Example,
    Piece,
    Prompt,
    RequestError,
    Task,
    TokenCodec,
    listing,
)
from seqforge_abc import characters as character_encoding
from seqforge_abc import tokens as token_encoding
from seqforge_abc.canonical import canonicalize
from seqforge_abc.edit_request import EditRequest
from seqforge_abc.edits import EditTask
from seqforge_abc.history import TunePlaces
from seqforge_abc.infill import Infill, automaton_of
from seqforge_abc.instruments import INSTRUMENTS
from seqforge_abc.kept import BASIC_LETTERS, LETTER_PREFIX, Kept, letters_of
from seqforge_abc.options import AbcOptions
from seqforge_abc.request import AbcRequest, ParsedRequest, parse_request
from seqforge_abc.scale_degrees import DegreeConstraint, DegreeTable, degree_vocabulary, is_degree
from seqforge_abc.tempo_request import with_tempo
from seqforge_abc.transposition import transposition_tables
from seqforge_abc.tune import Tempo, TextField, Tune
from seqforge_abc.tune_table import TuneTable

INFILL_CANDIDATES = 16
"""The number of candidates drawn for a prompt with gaps; the selected one fits the music after the gap."""
TUNE_CANDIDATES = 4
"""The number of candidates drawn for a tune. Of 100 tunes drawn with one candidate, 54 have a repeat and 45 tuplets;
with four, 68 and 42; with sixteen, 69 and 33; of 100 real tunes, 69 and 35. With four, the distribution is nearest to
that of the network over complete tunes."""
MIN_CHORD_SHARE = 0.05
"""The share of the training tunes that must have chord symbols for `AbcRequest.chords`."""
UNCHANGED_SHARE = 0.5
"""The share of training pieces that keep their key in an epoch."""


class AbcCodec(TokenCodec[Tune, AbcOptions, AbcRequest], Augments, Aligns, Classifies):
    """Encodes tunes as tokens of their music (`tokens`), or as characters of their ABC text (`characters`).

    The tokens do not depend on the corpus, except for the names of rhythms, so a model can be trained further on other
    tunes. They are closed under transposition.

    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> from seqforge_abc.music_parser import parse_music
    >>> tune = parse_music("DEF A3|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> codec = AbcCodec.fit([Piece(tune)], AbcOptions())
    >>> codec.decode(codec.encode(Piece(tune))).content == tune
    True

    Args:
        vocabulary: The tokens.
        labels: Label names and values; a tune has none.
        options: The options.

    Attributes:
        rhythms: The rhythms in the vocabulary.
        has_chord_symbols: Whether at least `MIN_CHORD_SHARE` of the training tunes have chord symbols.
        kept: What is encoded on request.
        notation: The tokens with note names, over which the automata are defined; `vocabulary` has degrees in their
            place if the option `pitches` is "degrees".
    """

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: AbcOptions) -> None:
        super().__init__(vocabulary, labels, options)
        self.rhythms = tuple(token[2:] for token in self.vocabulary if token.startswith("R:") and len(token) > 2)
        letters = [token[len(LETTER_PREFIX) :] for token in self.vocabulary if token.startswith(LETTER_PREFIX)]
        self.kept = Kept(options.kept, frozenset(letters))
        self.notation = self.vocabulary
        self._degrees: DegreeTable | None = None
        if not self._by_character and options.pitches == "degrees":
            self.notation = (UNSEEN, *token_encoding.vocabulary(self.rhythms, self.kept))
            self._degrees = DegreeTable(self.notation, self.vocabulary)
        self._transpositions: np.ndarray | None = None
        self._last: tuple[Tune, Tune, Counter[str]] | None = None
        self.has_chord_symbols = False

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Tune]], options: AbcOptions) -> Self:
        """Fit the rhythms, count the tunes with chord symbols, and fit the letters of the lyrics if they are kept."""
        names, letters, with_chords = set(token_encoding.BUILT_IN_RHYTHMS), set(BASIC_LETTERS), []
        for piece in pieces:
            names.add(piece.content.rhythm)
            with_chords.append(_has_chord_symbol(piece.content))
            if "lyrics" in options.kept:
                letters |= letters_of(piece.content)
        rhythms = sorted(names - {""})
        if options.encoding == "char":
            return cls(character_encoding.vocabulary(rhythms), {}, options)
        codec = cls(_token_vocabulary(rhythms, Kept(options.kept, letters), options), {}, options)
        codec.has_chord_symbols = sum(with_chords) >= max(1, MIN_CHORD_SHARE * len(with_chords))
        return codec

    def extended_for(self, pieces: Iterable[Piece[Tune]]) -> "AbcCodec":
        """Return the codec for which these pieces, not those of `fit`, decide whether tunes have chord symbols."""
        with_chords = [_has_chord_symbol(piece.content) for piece in pieces]
        codec = type(self)(self.vocabulary, self.labels, self.options)
        codec.has_chord_symbols = sum(with_chords) >= max(1, MIN_CHORD_SHARE * len(with_chords))
        return codec

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data, arrays = super().state()
        return {**data, "chord_symbols": True} if self.has_chord_symbols else data, arrays

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: AbcOptions) -> Self:
        required = (
            character_encoding.vocabulary(())
            if options.encoding == "char"
            else _token_vocabulary((), Kept(options.kept, BASIC_LETTERS), options)
        )
        missing = sorted(set(required).difference(data["vocabulary"]))
        if missing:
            raise ValueError(f"the vocabulary lacks {listing(missing, most=3)}")
        codec = super().from_state(data, arrays, options)
        codec.has_chord_symbols = data.get("chord_symbols", False) is True
        return codec

    @property
    def _by_character(self) -> bool:
        return self.options.encoding == "char"

    def tokenise(self, content: Tune) -> Sequence[str]:
        tune = self._canonical(content)[0]
        if self._by_character:
            return character_encoding.encode_tune(tune)
        tokens = token_encoding.encode_tune(tune)
        return tokens if self._degrees is None else self._degrees.to_degrees(tokens)

    def detokenise(self, tokens: Sequence[str]) -> Tune:
        if self._by_character:
            return character_encoding.decode_tune(tokens)
        return token_encoding.decode_tune(tokens if self._degrees is None else self._degrees.to_names(tokens))

    def token_units(self, token: str) -> float:
        """Return 1 for a pitch or a rest, including grace notes and the notes of a chord; otherwise 0."""
        if self._by_character:
            return float(token in character_encoding.NOTE_LETTERS)
        return float(token == "z" or token in token_encoding.PITCH_TOKENS or is_degree(token))

    def encode(self, piece: Piece[Tune]) -> Example:
        example = super().encode(piece)
        tune, losses = self._canonical(piece.content)
        return dataclasses.replace(example, extras=_extras(tune), dropped={**example.dropped, **losses})

    def decode(self, example: Example) -> Piece[Tune]:
        piece = super().decode(example)
        return Piece(_with_extras(piece.content, example.extras), piece.labels)

    def canonical(self, piece: Piece[Tune]) -> Piece[Tune]:
        return Piece(self._canonical(piece.content)[0])

    def _canonical(self, tune: Tune) -> tuple[Tune, Counter[str]]:
        """Return the canonical form of a tune, and what it loses; that of the last tune is stored, for `encode`."""
        last = self._last
        if last is None or last[0] is not tune:
            last = self._last = tune, *canonicalize(tune, self.rhythms, self.kept)
        return last[1], last[2]

    def task(self, request: AbcRequest) -> Task[Tune]:
        task = self._notation_task(request)
        if self._degrees is not None:
            task.prompts = [_with_degrees(prompt, self._degrees) for prompt in task.prompts]
        return task

    def _notation_task(self, request: AbcRequest) -> Task[Tune]:
        """Return the task over the steps of the notation."""
        if (edit_request := request.edit_request()) is not None:
            return self._edit_task(edit_request, request)
        parsed = parse_request(request, self.rhythms, self.kept)
        if parsed.chords and not self.has_chord_symbols:
            raise RequestError(
                "`chords` needs a model of tunes with chord symbols, and fewer than one in"
                f" {round(1 / MIN_CHORD_SHARE)} tunes of this model's corpus have them; train one on your own tunes",
                field="chords", value=True, allowed="False for this model",
            )  # fmt: skip
        return TuneTask(self._prompt(parsed), parsed.title, parsed.tempo)

    def _edit_task(self, edit_request: EditRequest, request: AbcRequest) -> EditTask:
        if self._by_character:
            raise RequestError(
                f"`{edit_request.field}` needs a model with the encoding tokens, and this model encodes characters;"
                " choose another `model`",
                field=edit_request.field, value=edit_request.choice.text,
            )  # fmt: skip
        edit = edit_request.edit()
        try:
            return EditTask(
                edit, self._canonical(edit.tune)[0], self.notation, dtype=self.space.dtype, title=request.title,
                instruments=[INSTRUMENTS[request.instrument]] if request.instrument else [],
                source=edit_request.choice.name,
            )  # fmt: skip
        except ValueError as error:
            raise edit_request.error(str(error)) from error

    def _prompt(self, request: ParsedRequest) -> Prompt:
        if self._by_character:
            return character_encoding.make_prompt(request, self.vocabulary)
        if request.prompt is not None:
            infill = Infill(self.notation, request)
            steps = np.array(infill.prefix, self.space.dtype)
            candidates = INFILL_CANDIDATES if request.gaps else TUNE_CANDIDATES
            return Prompt(Example(steps), infill, candidates=candidates, joint_steps=infill.joint_steps)
        automaton = automaton_of(self.notation, request, request.bars)
        constraint = TuneTable(automaton) if request.form is None else automaton
        return Prompt(
            Example(np.zeros(0, self.space.dtype)), constraint, candidates=TUNE_CANDIDATES,
            joint_steps=automaton.header.joint_steps,
        )  # fmt: skip

    def classes(self) -> dict[str, dict[str, int]]:
        """Return the rhythms, which the first step of a tune states."""
        return {"rhythm": {rhythm: self.index[f"R:{rhythm}"] for rhythm in self.rhythms}}

    def places(self) -> TunePlaces | None:
        """Return the automaton of bars and offsets; None for characters."""
        return None if self._by_character else TunePlaces(self.vocabulary)

    def augment(self, example: Example, rng: np.random.Generator) -> Example:
        """Return the tune in its own key, or transposed to a random key in which every pitch is in range."""
        if self._by_character or rng.random() < UNCHANGED_SHARE:
            return example
        if self._transpositions is None:
            self._transpositions = transposition_tables(self.notation)
        steps = example.steps if self._degrees is None else self._degrees.names_of(example.steps)
        variants = self._transpositions[:, steps]
        valid = np.flatnonzero((variants >= 0).all(axis=1))
        variant = variants[rng.choice(valid)]
        if self._degrees is not None:
            variant = self._degrees.degrees_of(variant)
        return dataclasses.replace(example, steps=variant.astype(example.steps.dtype))


def _token_vocabulary(rhythms: Sequence[str], keep: Kept, options: AbcOptions) -> list[str]:
    """Return the vocabulary of the encoding by tokens."""
    notation = token_encoding.vocabulary(rhythms, keep)
    return degree_vocabulary(notation) if options.pitches == "degrees" else notation


def _with_degrees(prompt: Prompt, table: DegreeTable) -> Prompt:
    """Return a prompt over the steps of the notation as one over steps with degrees."""
    steps = prompt.example.steps
    example = dataclasses.replace(prompt.example, steps=table.degrees_of(steps).astype(steps.dtype))
    constraint = None if prompt.constraint is None else DegreeConstraint(prompt.constraint, table)
    return dataclasses.replace(prompt, example=example, constraint=constraint)


def _has_chord_symbol(tune: Tune) -> bool:
    """Return whether a tune has a chord symbol."""
    return any(note.chord_symbol is not None for note in tune.notes())


def _extras(tune: Tune) -> dict[str, Any]:
    """Return the texts of a tune, which are stored beside its steps."""
    extras: dict[str, Any] = {"title": tune.title} if tune.title else {}
    if tune.fields:
        extras["fields"] = [[field.letter, field.text] for field in tune.fields]
    if tune.tempo and tune.tempo.words:
        extras["tempo"] = tune.tempo.words
    return extras


def _with_extras(tune: Tune, extras: Mapping[str, Any]) -> Tune:
    """Return a decoded tune with its texts."""
    tempo = dataclasses.replace(tune.tempo, words=extras.get("tempo", "")) if tune.tempo else None
    fields = tuple(TextField(letter, text) for letter, text in extras.get("fields", ()))
    return dataclasses.replace(tune, title=extras.get("title", ""), tempo=tempo, fields=fields)


class TuneTask(Task[Tune]):
    """The task of one tune, which gets a title and a tempo after sampling.

    Args:
        prompt: The prompt.
        title: The title.
        tempo: The tempo; None for that of the generated tune. A beat of length 0 is the usual beat of the tune.
    """

    def __init__(self, prompt: Prompt, title: str, tempo: Tempo | None = None) -> None:
        super().__init__([prompt])
        self.title, self.tempo = title, tempo

    def finish(self, pieces: Sequence[Piece[Tune]]) -> Piece[Tune]:
        tune = dataclasses.replace(pieces[0].content, title=self.title)
        return Piece(with_tempo(tune, self.tempo), pieces[0].labels)
