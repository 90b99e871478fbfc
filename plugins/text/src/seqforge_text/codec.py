"""Text into characters, bytes or words, and back without loss."""

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from seqforge import UNSEEN, Constraint, Piece, Prompt, RequestError, Streams, TokenCodec
from seqforge_text.utf8 import State, Utf8, decode, encode

WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s")
"""A word or a run of signs, with the space before it; or one white space."""

LARGEST_PROMPT = 1_000_000


class TextCodec(TokenCodec, Streams):
    """Characters, UTF-8 bytes, or words; a word that the vocabulary lacks is spelt with characters.

    A byte is written as the character with its number, so that all three levels have strings for tokens.
    """

    def __init__(self, vocabulary: Sequence[str], labels: Mapping[str, tuple[str, ...]], options: Any) -> None:
        if options.level == "byte":
            vocabulary = [chr(byte) for byte in range(256)]
        self.min_count = 2 if options.level == "word" else 1  # so that spelling is learnt, from words seen once
        super().__init__(vocabulary, labels, options)

    def tokenise(self, content: str) -> Sequence[str]:
        level = self.options.level
        if level == "char":
            return content
        if level == "byte":
            return encode(content).decode("latin-1")
        return WORD.findall(content)

    def detokenise(self, tokens: Sequence[str]) -> str:
        text = "".join(tokens)
        return decode(text) if self.options.level == "byte" else text

    def spell(self, token: str) -> Sequence[str]:
        return tuple(token) if self.options.level == "word" else ()

    def count(self, token: str) -> float:
        """Return the characters of a token; of a character's bytes the first counts."""
        if self.options.level == "byte" and token != UNSEEN:
            return float(not 0x80 <= ord(token) < 0xC0)
        return float(len(token))

    def canonical(self, piece: Piece) -> Piece:
        """Return the piece with characters that the codec has never seen replaced, and unknown labels gone."""
        known = super().canonical(piece)
        if self.options.level == "byte":
            text = piece.content.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            return Piece(text, known.labels)
        letters = {letter for token in self.vocabulary for letter in token if len(token) == 1}
        if self.options.level == "char":
            text = "".join(letter if letter in letters else UNSEEN for letter in piece.content)
        else:
            parts = WORD.split(piece.content), WORD.findall(piece.content)
            assert not any(parts[0]), "WORD matches every character"
            text = "".join(
                word if word in self.index else "".join(c if c in letters else UNSEEN for c in word)
                for word in parts[1]
            )
        return Piece(text, known.labels)

    def prompts(self, request: Any) -> Sequence[Prompt]:
        prompt = self.prompt(_asked(request) or None)
        if self.options.level == "byte":
            return [Prompt(prompt.example, Bytes(self.space.size))]
        return [prompt]

    def prompt(self, content: Any | None) -> Prompt:
        if content is not None and len(content) > LARGEST_PROMPT:
            raise RequestError(f"the prompt has {len(content):,} characters; {LARGEST_PROMPT:,} are allowed")
        return super().prompt(content)

    def stream(self) -> Callable[[Any], str]:
        """Return a function that gives the text that each step adds."""
        if self.options.level != "byte":
            return lambda step: self.vocabulary[int(step)]
        held = bytearray()

        def add(step: Any) -> str:
            held.append(int(step) - 1)
            try:
                text = held.decode("utf-8")
            except UnicodeDecodeError:
                return ""
            held.clear()
            return text

        return add


class Bytes(Constraint):
    """Only whole UTF-8 characters: what is generated can always be read as text.

    Args:
        size: of the space; step 0 stands for nothing and step b + 1 for byte b.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def start(self) -> Hashable:
        return Utf8.START

    def allowed(self, state: Hashable) -> np.ndarray:
        mask = np.zeros(self._size, bool)
        mask[1:] = Utf8.allowed(cast(State, state))
        return mask

    def may_end(self, state: Hashable) -> bool:
        return state == Utf8.START

    def to_end(self, state: Hashable) -> int:
        return Utf8.left(cast(State, state))

    def advance(self, state: Hashable, step: Any) -> Hashable:
        return Utf8.advance(cast(State, state), int(step) - 1)


def _asked(request: Any) -> str:
    if request.prompt and request.prompt_file:
        raise RequestError("--prompt and --prompt-file are both given; give one of them")
    if request.prompt_file is None:
        return str(request.prompt)
    path = Path(request.prompt_file)
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RequestError(f"the prompt file {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"the prompt file {path} is no UTF-8 text; convert it first, e.g. with iconv") from error
