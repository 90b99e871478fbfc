import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import seqforge
from seqforge.testing import parametrize_with_checks
from seqforge_phonemes import Entries, Entry, Phonemes, PhonemesCodec, PhonemesRequest

WORDS = """
bead B IY1 D; bed B EH1 D; boat B OW1 T; chess CH EH1 S; cheese CH IY1 Z; fish F IH1 SH; five F AY1 V; fox F AA1 K S
ghost G OW1 S T; hello HH AH0 L OW1; hello(2) HH EH0 L OW1; house HH AW1 S; jazz JH AE1 Z; knee N IY1; king K IH1 NG
lamp L AE1 M P; mule M Y UW1 L; moth M AO1 TH; nine N AY1 N; noun N AW1 N; oil OY1 L; phone F OW1 N; photo F OW1 T OW2
queen K W IY1 N; read R IY1 D; read(2) R EH1 D; rouge R UW1 ZH; ship SH IH1 P; thumb TH AH1 M; this DH IH1 S
under AH1 N D ER0; view V Y UW1; water W AO1 T ER0; yes Y EH1 S; zebra Z IY1 B R AH0; it's IH1 T S # contraction
"""
SAMPLES = Path(tempfile.mkdtemp(prefix="words-"))
(SAMPLES / "few.dict").write_text("\n".join(line.strip() for line in WORDS.replace("\n", ";").split(";")))
NO_OPTIONS = seqforge.NoOptions()


@parametrize_with_checks("phonemes", samples=SAMPLES, requests=[{"words": "photo fox"}])
def test_contract(check: Callable[[], None]) -> None:
    check()


def test_entry_is_read_without_its_number_and_comment() -> None:
    (SAMPLES / "one.txt").write_text("read(2) R EH1 D # past\nalone\n")
    piece, error = Phonemes().read(SAMPLES / "one.txt", NO_OPTIONS)
    assert isinstance(piece, seqforge.Piece) and isinstance(error, seqforge.ReadError)
    assert piece.content == (Entry("read", ("R", "EH1", "D")),)
    assert error.file == str(SAMPLES / "one.txt") and error.line == 2 and "alone" in error.reason


def test_task_has_a_prompt_per_word_and_rejects_unknown_letters() -> None:
    items = Phonemes().read(SAMPLES / "few.dict", NO_OPTIONS)
    codec = PhonemesCodec.fit([item for item in items if isinstance(item, seqforge.Piece)], NO_OPTIONS)
    prompts = codec.task(PhonemesRequest("Photo fox")).prompts
    sources = [prompt.example.source for prompt in prompts if prompt.example.source is not None]
    assert ["".join(codec.source_vocabulary[step] for step in source) for source in sources] == ["photo", "fox"]
    with pytest.raises(seqforge.RequestError) as caught:
        codec.task(PhonemesRequest("ä!"))
    assert (caught.value.field, caught.value.value) == ("words", "ä!") and "abc" in caught.value.allowed


def test_alternative_pronunciations_are_numbered() -> None:
    entries: list[Entries] = [(Entry("read", ("IY1",)),), (Entry("read", ("EH1",)),)]
    Phonemes().write([seqforge.Piece(content) for content in entries], SAMPLES / "two.txt")
    assert (SAMPLES / "two.txt").read_text() == "read IY1\nread(2) EH1\n"


def test_predictions_are_compared_without_stress() -> None:
    piece: seqforge.Piece[Entries] = seqforge.Piece((Entry("read", ("R", "IY1", "D")),))
    assert Phonemes().target_text(piece) == "R IY D"
    assert Phonemes().prediction_request(piece) == {"words": "read"}
