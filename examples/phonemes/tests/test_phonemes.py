import tempfile
from pathlib import Path

import pytest
from seqforge_phonemes import Entry, Phonemes, Request

import seqforge
from seqforge.testing import parametrize_with_checks

WORDS = """
bead B IY1 D; bed B EH1 D; boat B OW1 T; chess CH EH1 S; cheese CH IY1 Z; fish F IH1 SH; five F AY1 V; fox F AA1 K S
ghost G OW1 S T; hello HH AH0 L OW1; hello(2) HH EH0 L OW1; house HH AW1 S; jazz JH AE1 Z; knee N IY1; king K IH1 NG
lamp L AE1 M P; mule M Y UW1 L; moth M AO1 TH; nine N AY1 N; noun N AW1 N; oil OY1 L; phone F OW1 N; photo F OW1 T OW2
queen K W IY1 N; read R IY1 D; read(2) R EH1 D; rouge R UW1 ZH; ship SH IH1 P; thumb TH AH1 M; this DH IH1 S
under AH1 N D ER0; view V Y UW1; water W AO1 T ER0; yes Y EH1 S; zebra Z IY1 B R AH0; it's IH1 T S # contraction
"""
SAMPLES = Path(tempfile.mkdtemp(prefix="words-"))
(SAMPLES / "few.dict").write_text("\n".join(line.strip() for line in WORDS.replace("\n", ";").split(";")))


@parametrize_with_checks("phonemes", samples=SAMPLES, requests=[{"words": "photo fox"}])
def test_the_contract_is_kept(check):
    check()


def test_an_entry_is_read_without_its_number_and_its_remark() -> None:
    (SAMPLES / "one.txt").write_text("read(2) R EH1 D # past\nalone\n")
    piece, error = Phonemes().read(SAMPLES / "one.txt", None)
    assert piece.content == (Entry("read", ("R", "EH1", "D")),)
    assert "one.txt:2: has a word without phonemes" in str(error)


def test_a_prompt_for_each_word_and_a_sentence_for_a_strange_letter() -> None:
    pieces = list(Phonemes().read(SAMPLES / "few.dict", None))
    codec = Phonemes().fit(pieces, None)
    words = ["".join(codec.letters[n] for n in p.example.source) for p in codec.prompts(Request("Photo fox"))]
    assert words == ["photo", "fox"]
    with pytest.raises(seqforge.RequestError, match=r"--words must be of the letters 'abc.*, not \['!', 'ä'\]"):
        codec.prompts(Request("ä!"))


def test_a_further_pronunciation_is_numbered() -> None:
    pieces = [seqforge.Piece((Entry("read", (vowel,)),)) for vowel in ("IY1", "EH1")]
    Phonemes().write(pieces, SAMPLES / "two.txt")
    assert (SAMPLES / "two.txt").read_text() == "read IY1\nread(2) EH1\n"
