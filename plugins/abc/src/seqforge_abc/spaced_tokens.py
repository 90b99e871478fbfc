"""The format of folk-rnn: ABC whose tokens are separated by spaces (`c 3 d c 2 | ^f /2 z 2`), also in prompts.

Source: B. Sturm et al., "Music transcription modelling and composition using deep learning", CSMC 2016;
github.com/IraKorshunova/folk-rnn.
"""

import re
from fractions import Fraction

SPACED_UNIT = Fraction(1, 8)
"""The unit note length of the format, which has no L: field, in whole notes."""
_PITCH = re.compile(r"(?:\^\^?|__?|=)?[A-Ga-gz][,']*")
_LENGTH = re.compile(r"\d{1,2}(?:/\d{0,2})?|/+\d{0,2}")
_OTHER = re.compile(
    r"[|:\[\]]+\d?|\[?\d(?=$)|\(\d(?::\d){0,2}|>+|<+|-|[{}()~.]|\*\d*|</?s>|[MKL]:\S+|\[[MKL]:[^\s\]]+\]"
)
_END = re.compile(r"</?s>")
_SAMPLE = re.compile(r"\s*(?:<s>\s*)?(M:\s*\S+)\s+(K:\s*\S+)\s*(.*)", re.DOTALL)


def join_spaced_tokens(line: str) -> str:
    """Return a line of spaced tokens as ordinary ABC; any other line is returned as it is.

    A line is in this format if each of its words is one token, and one of them is the length of the note before it.

    >>> join_spaced_tokens("|: c 3 d [ c e ] 2 z /2 ^f /2 :| </s>")
    '|: c3 d [ c e ]2 z/2 ^f/2 :|'
    >>> join_spaced_tokens("A2 B c2 d |")
    'A2 B c2 d |'
    """
    words = line.split()
    joined: list[str] = []
    lengths = 0
    open_chord = False
    for word in words:
        follows_note = bool(joined) and (_PITCH.fullmatch(joined[-1]) is not None or joined[-1] == "]")
        if follows_note and _LENGTH.fullmatch(word):
            joined[-1] += word
            lengths += 1
            continue
        if word in ("[", "]"):
            if (word == "]") is not open_chord:
                return line
            open_chord = not open_chord
        elif not _PITCH.fullmatch(word) and not _OTHER.fullmatch(word):
            return line
        if not _END.fullmatch(word):
            joined.append(word)
    return " ".join(joined) if lengths else line


def split_sample(line: str) -> list[str]:
    """Return the lines of a tune that folk-rnn writes on one line, or the line alone.

    >>> split_sample("<s> M:4/4 K:Cmaj c 3 d | c 4 |] </s>")
    ['M:4/4', 'K:Cmaj', 'c 3 d | c 4 |] </s>']
    """
    match = _SAMPLE.match(line)
    return [match[1], match[2], match[3]] if match else [line]
