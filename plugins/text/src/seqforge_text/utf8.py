"""UTF-8 as an automaton over bytes (The Unicode Standard, table 3-7: well-formed byte sequences)."""

import numpy as np

State = tuple[int, int, int]
"""How many bytes the character still needs, and the range of the next one."""

_FIRST: list[tuple[range, tuple[int, int, int]]] = [
    (range(0x01, 0x80), (0, 0, 0)),
    (range(0xC2, 0xE0), (1, 0x80, 0xBF)),
    (range(0xE0, 0xE1), (2, 0xA0, 0xBF)),
    (range(0xE1, 0xED), (2, 0x80, 0xBF)),
    (range(0xED, 0xEE), (2, 0x80, 0x9F)),
    (range(0xEE, 0xF0), (2, 0x80, 0xBF)),
    (range(0xF0, 0xF1), (3, 0x90, 0xBF)),
    (range(0xF1, 0xF4), (3, 0x80, 0xBF)),
    (range(0xF4, 0xF5), (3, 0x80, 0x8F)),
]


class Utf8:
    """The automaton; NUL is left out, for it is no text."""

    START: State = (0, 0, 0)

    @staticmethod
    def allowed(state: State) -> np.ndarray:
        """Return which of the 256 bytes may come next."""
        left, low, high = state
        mask = np.zeros(256, bool)
        if left:
            mask[low : high + 1] = True
        else:
            for bytes_, _ in _FIRST:
                mask[bytes_.start : bytes_.stop] = True
        return mask

    @staticmethod
    def left(state: State) -> int:
        """Return how many bytes the character still needs."""
        return int(state[0])

    @staticmethod
    def advance(state: State, byte: int) -> State:
        """Return the state after an allowed byte."""
        left = int(state[0])
        if left:
            return (left - 1, 0x80, 0xBF) if left > 1 else Utf8.START
        return next(after for bytes_, after in _FIRST if byte in bytes_)


def encode(text: str) -> bytes:
    """Return a text's bytes; half a surrogate pair becomes the replacement character."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()


def decode(tokens: str) -> str:
    """Return the text of bytes written as characters; what is no UTF-8 becomes the replacement character."""
    parts = (token.encode("latin-1" if ord(token) < 256 else "utf-8") for token in tokens)
    return b"".join(parts).decode("utf-8", "replace")
