"""The codec: text to characters, bytes or words, and back without loss."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqforge import UNSEEN, Piece, Prompt, RequestError, Streams, Task, TokenCodec, prompt_text
from seqforge_text.options import TextOptions, TextRequest
from seqforge_text.utf8 import Utf8Constraint, decode_utf8, encode_utf8

__all__ = ["TextCodec"]

WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s")
"""A word or a run of punctuation, with the space before it; or one whitespace character."""

MAX_PROMPT = 1_000_000
"""The largest number of characters of a prompt."""


class TextCodec(TokenCodec[str, TextOptions, TextRequest], Streams):
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

    def task(self, request: TextRequest) -> Task[str]:
        return Task([self.prompt(prompt_text(request.prompt, request.prompt_file) or None)])

    def prompt(self, content: str | None) -> Prompt:
        if content is not None and len(content) > MAX_PROMPT:
            raise RequestError(
                f"`prompt` has {len(content):,} characters; at most {MAX_PROMPT:,} are allowed",
                field="prompt",
                value=content,
                allowed=f"at most {MAX_PROMPT:,} characters long",
            )
        prompt = super().prompt(content)
        return Prompt(prompt.example, Utf8Constraint()) if self.options.level == "byte" else prompt

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
