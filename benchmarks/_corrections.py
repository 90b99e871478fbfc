"""Typing errors in published ABC that seqforge corrects as it reads, and programs play as they are typed.

Each correction is a replacement in the source text. If the programs play the corrected source as they play what
seqforge writes, the error explains the change.
"""

import re

CORRECTIONS = {
    "words typed as music (D.C., Segno, Coda, Fine)": (
        (r"^(?:Segno|Coda|Fine)\n", ""),
        (r'(?<!["\w!])(?:D\. ?[CS]\.y?|[Ss]egno|Coda|CODA|FINE|Fine)(?!["!a-z])', ""),
        (r'\[?"Coda\d?"', ""),
    ),
    "quoted-printable text of an e-mail": ((r"=(?:20)?$|=20", ""), (r"=3D", "=")),
    "a repeat sign || : or |] : on two lines": ((r"(\|\||\|\])\\?\n((?:K:.*\n)?):(?!\|)", r"\1\n\2|:"),),
    "a fragment :[|] or :] of a repeat sign": (
        (r"\|?\]?\[\|\]:\|", ":|"), (r":(?:\[\|\]\|?|\|?)\]", ":|"), (r"\[\|\]\|?\]?", "|]"),
    ),
    "an ending 1 on the line after its bar line": ((r"\|\\?\n\|?1 ?", "|\n[1 "),),
    "a whole-bar rest Z within a bar, typed for z": ((r"(?<=[A-Ga-g\d])( ?)Z", r"\1z"), (r"Z(?=[A-Ga-g])", "z")),
    "a chord between plus signs": ((r"\+((?:[A-Ga-g][,']*\d*)+)\+", r"[\1]"),),
    "a roll R or !roll!, which ABC 2.1 writes ~": ((r"R(?=[.(]*[A-Ga-g])|!roll!", "~"),),
    "an accidental between a note and its broken rhythm": ((r"=(?=[<>])", ""),),
    "a dot between a note and its broken rhythm": ((r"(?<=[a-gA-G\d])\.(?=[<>])", ""),),
    "a line break `!`, at which abcjs loses the line": ((r"!\s*$|^!|(?<=[|:])!", ""),),
    "a chord that is broken over two lines": ((r"(\[[A-Ga-g,'\d/]*)\n\s*", r"\1"),),
    "an empty line after the header": ((r"\A\n+", ""),),
    "a meter without brackets within a line": ((r"(?<=[ |])(M:\d+/\d+) |^(M:\d+/\d+) (?=.*\|)", r"[\1\2]"),),
    "music on the line of a field": ((r"(?m)^([ML]:\s*\S+)\s+(?=\S*[A-Ga-g]\S*[ |])", r"\1\n"),),
    "|: at the end of a tune": ((r"\|:\|", ":|"),),
    "a tuplet (9 in 3/4, which abc2midi plays in the time of 3": ((r"\(9(?!:)", "(9:2:9"),),
}  # fmt: skip
"""For each explanation, patterns with their replacements."""

DISAGREEMENTS = {
    "an accidental that holds in one octave for abcjs, beside a dotted broken rhythm, which abc2midi refuses": (
        r"[A-Ga-g]\d*[<>]\.|\.[A-Ga-g]\d*[<>]"
    ),
    "a broken rhythm of unequal notes, which abcjs applies": r"\d/?[<>]\(|/[<>]",
    "a tie after a repeat sign or at the beginning of a line": r"^-|:\|\s*-",
    "ties that stand for slurs": r"(?:[A-Ga-g][,']*\d*/?\d*>?-\.?[A-Ga-g].*){4}",
    "notes without a letter (`62`)": r"(?:^|\| ?)\d+ |[A-Ga-g]\d2(?=[A-Ga-g ])",
}
"""Passages that programs read differently from each other, and a pattern of the lines in which they occur."""


def corrected(source: str) -> tuple[str, list[str]]:
    r"""Return a source without its typing errors, and the names of those errors.

    >>> corrected("K:D\nD2 Segno|]")
    ('K:D\nD2 |]', ['words typed as music (D.C., Segno, Coda, Fine)'])

    Args:
        source: The text of a tune.
    """
    header, key, music = [*re.split(r"^(K:.*\n)", source, maxsplit=1, flags=re.MULTILINE), "", ""][:3]
    names = []
    for name, replacements in CORRECTIONS.items():
        before = music
        for pattern, replacement in replacements:
            music = re.sub(pattern, replacement, music, flags=re.MULTILINE)
        names += [name] if music != before else []
    return header + key + music, names


def disagreement(source: str) -> str:
    """Return a passage of a source that programs read differently from each other; "" if none is known."""
    music = [line for line in source.split("\n") if not re.match(r"[A-KN-Za-z]:|%", line)]
    return next((name for name, pattern in DISAGREEMENTS.items() if any(re.search(pattern, m) for m in music)), "")
