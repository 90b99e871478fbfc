"""The codec: text to characters, bytes or words, and back without loss."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from seqforge import (
    UNSEEN,
    Aligns,
    Categorical,
    Constraint,
    Example,
    Piece,
    Prompt,
    RepeatPlaces,
    RequestError,
    Streams,
    Task,
    TokenCodec,
    prompt_text,
)
from seqforge_text.lines import LineRequest, LineTask
from seqforge_text.options import TextOptions, TextRequest
from seqforge_text.pairs import Pair, read_sources
from seqforge_text.utf8 import Utf8Constraint, decode_utf8, encode_utf8

__all__ = ["TextCodec", "TextPairCodec"]

WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s")
"""A word or a run of punctuation, with the space before it; or one whitespace character."""

MAX_PROMPT = 1_000_000
"""The largest number of characters of a prompt."""


class TextCodec(TokenCodec[str, TextOptions, TextRequest], Aligns, Streams):
    """Encodes text as characters, UTF-8 bytes or words.

    A word that is not in the vocabulary is spelt with characters. A byte is represented by the character with its
    number, so that the tokens of all three levels are strings.

    >>> codec = TextCodec.fit([Piece("to be or not to be")], TextOptions(level="word"))
    >>> codec.decode(codec.encode(Piece("not to be"))).content
    'not to be'
    """

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: TextOptions) -> None:
        if options.level == "byte":
            vocabulary = [chr(byte) for byte in range(256)]
        # A word that occurs only once is spelt, so that the network learns to spell.
        self.min_count = 2 if options.level == "word" else 1
        if options.level == "word":
            self.max_vocabulary = options.max_vocabulary
        super().__init__(vocabulary, labels, options)

    def tokenise(self, content: str) -> Sequence[str]:
        if self.options.level == "char":
            return content
        if self.options.level == "byte":
            return encode_utf8(content).decode("latin-1")
        return WORD.findall(content)

    def detokenise(self, tokens: Sequence[str]) -> str:
        text = "".join(tokens)
        return decode_utf8(text) if self.options.level == "byte" else text

    def spell(self, token: str) -> Sequence[str]:
        return tuple(token) if self.options.level == "word" else ()

    def token_units(self, token: str) -> float:
        """Return the number of characters of a token; the first byte of a character counts 1, the others 0."""
        if self.options.level == "byte" and token != UNSEEN:
            return float(not 0x80 <= ord(token) < 0xC0)
        return float(len(token))

    def canonical(self, piece: Piece[str]) -> Piece[str]:
        """Return the piece with unknown characters replaced by UNSEEN, and without unknown labels."""
        labels = super().canonical(piece).labels
        if self.options.level == "byte":
            text = encode_utf8(piece.content).decode()
        elif self.options.level == "char":
            text = self._replace_unknown(piece.content)
        else:
            text = WORD.sub(
                lambda word: word[0] if word[0] in self.index else self._replace_unknown(word[0]), piece.content
            )
        return Piece(text, labels)

    @classmethod
    def fit(cls, pieces: Iterable[Piece[str]], options: TextOptions) -> Self:
        if options.pairs and not issubclass(cls, TextPairCodec):
            codec: Any = TextPairCodec.fit(pieces, options)
            fitted: Self = codec
            return fitted
        return super().fit(pieces, options)

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: TextOptions) -> Self:
        if options.pairs and not issubclass(cls, TextPairCodec):
            codec: Any = TextPairCodec.from_state(data, arrays, options)
            restored: Self = codec
            return restored
        return super().from_state(data, arrays, options)

    def task(self, request: TextRequest) -> Task[str]:
        if request.source or request.source_file is not None:
            name = "source" if request.source else "source_file"
            raise RequestError(
                f"`{name}` is set, and this model continues text and has no source; set `prompt`, or use a model that"
                " was trained with `pairs`",
                field=name, value=getattr(request, name), allowed="left out",
            )  # fmt: skip
        if request.infill:
            return self._line_task(request)
        return Task([self.prompt(prompt_text(request.prompt, request.prompt_file) or None)])

    def _line_task(self, request: TextRequest) -> Task[str]:
        """Return the task of rewriting lines.

        Raises:
            RequestError: If a prompt is set, too, or the model knows no line ends.
        """
        if request.prompt or request.prompt_file is not None:
            raise RequestError(
                "`infill` and `prompt` cannot be set together: the text before the lines is the prompt",
                field="infill", value=request.infill,
            )  # fmt: skip
        if "\n" not in self.index:
            raise RequestError(
                "`infill` rewrites lines, and the model has never seen the end of a line", field="infill",
                value=request.infill,
            )  # fmt: skip
        is_free = self.options.level != "byte"
        newline, size = int(self.index["\n"]), self.space.size
        return LineTask(LineRequest.read(request.infill), self.prompt, newline=newline, size=size, is_free=is_free)

    def prompt(self, content: str | None, constraint: Constraint | None = None) -> Prompt:
        if content is not None and len(content) > MAX_PROMPT:
            raise RequestError(
                f"`prompt` has {len(content):,} characters; at most {MAX_PROMPT:,} are allowed",
                field="prompt",
                value=content,
                allowed=f"at most {MAX_PROMPT:,} characters long",
            )
        is_byte = self.options.level == "byte"
        return super().prompt(content, constraint or (Utf8Constraint() if is_byte else None))

    def places(self) -> RepeatPlaces | None:
        """Return the places of the steps; None for lines and for targets of pairs, which are too short to repeat."""
        if self.options.piece == "line" or self.options.pairs:
            return None
        return RepeatPlaces(excerpts=self.options.piece == "file")

    def stream(self) -> Callable[[Any], str]:
        """Return a function that returns the text of each step; a character appears with its last byte."""
        if self.options.level != "byte":
            return lambda step: self.vocabulary[int(step)]
        pending = bytearray()

        def add(step: Any) -> str:
            pending.append(int(step) - 1)
            try:
                text = pending.decode("utf-8")
            except UnicodeDecodeError:
                return ""
            pending.clear()
            return text

        return add

    def _replace_unknown(self, text: str) -> str:
        return "".join(character if character in self.index else UNSEEN for character in text)


class PairTask(Task[str]):
    """One prompt per source; the result has the target of each source on a line of its own."""

    def finish(self, pieces: Sequence[Piece[str]]) -> Piece[str]:
        return Piece("\n".join(Pair(piece.content).target for piece in pieces))


class TextPairCodec(TextCodec):
    """Encodes the target of a pair as steps, and its source as the sequence that the network attends to.

    >>> codec = TextPairCodec.fit([Piece(Pair.of("zwei Hunde", "two dogs"))], TextOptions(pairs="tsv"))
    >>> example = codec.encode(Piece(Pair.of("Hunde", "dogs")))
    >>> len(example.source), len(example.steps)
    (5, 4)

    Args:
        vocabulary: The tokens of the targets.
        labels: Label name to its values.
        options: The options of the plugin.
        source_vocabulary: The tokens of the sources.
    """

    attention = "content"

    def __init__(
        self,
        vocabulary: Sequence[str],
        labels: Mapping[str, tuple[str, ...]],
        options: TextOptions,
        source_vocabulary: Sequence[str] = (),
    ) -> None:
        super().__init__(vocabulary, labels, options)
        self.source_codec = TextCodec(source_vocabulary, {}, replace(options, pairs=""))
        self.source = Categorical(self.source_codec.space.size)

    @classmethod
    def fit(cls, pieces: Iterable[Piece[str]], options: TextOptions) -> Self:
        empty, labels = cls((), {}, options), dict[str, set[str]]()
        sources, targets = Counter[str](), Counter[str]()
        for piece in pieces:
            pair = Pair(piece.content)
            sources.update(empty.tokenise(pair.source))
            targets.update(empty.tokenise(pair.target))
            for name, value in piece.labels.items():
                labels.setdefault(name, set()).add(value)
        sorted_labels = {name: tuple(sorted(values)) for name, values in sorted(labels.items())}
        return cls(empty.select_tokens(targets), sorted_labels, options, empty.select_tokens(sources))

    def encode(self, piece: Piece[str]) -> Example:
        pair = Pair(piece.content)
        source = self.source_codec.encode(Piece(pair.source))
        example = super().encode(Piece(pair.target, piece.labels))
        dropped = Counter(example.dropped) + Counter(source.dropped)
        return replace(example, source=source.steps, dropped=dropped)

    def decode(self, example: Example) -> Piece[str]:
        target = super().decode(example)
        source = np.zeros(0, np.int64) if example.source is None else example.source
        text = self.source_codec.decode(Example(source)).content
        return Piece(Pair.of(text, target.content), target.labels)

    def canonical(self, piece: Piece[str]) -> Piece[str]:
        pair = Pair(piece.content)
        target = super().canonical(Piece(pair.target, piece.labels))
        source = self.source_codec.canonical(Piece(pair.source)).content
        return Piece(Pair.of(source, target.content), target.labels)

    def task(self, request: TextRequest) -> Task[str]:
        sources = read_sources(request)
        start = prompt_text(request.prompt, request.prompt_file)
        prompt = self.prompt(Pair.of("", start) if start else None)
        examples = [self.source_codec.encode(Piece(source)).steps for source in sources]
        return PairTask([
            replace(prompt, example=replace(prompt.example, source=source), whole_source=False) for source in examples
        ])  # fmt: skip

    def source_names(self, source: np.ndarray) -> Sequence[str]:
        return [self.source_codec.vocabulary[symbol].strip() or " " for symbol in source.tolist()]

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        data, arrays = super().state()
        return {**data, "source_vocabulary": list(self.source_codec.vocabulary[1:])}, arrays

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: TextOptions) -> Self:
        target, sources = TextCodec.from_state(data, arrays, replace(options, pairs="")), data["source_vocabulary"]
        if not all(isinstance(token, str) for token in sources):
            raise ValueError("the vocabulary of the sources contains something that is not a string")
        return cls(target.vocabulary[1:], target.labels, options, sources)
