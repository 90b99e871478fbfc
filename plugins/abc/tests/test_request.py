from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqforge import Piece, RequestError
from seqforge_abc import AbcCodec, AbcOptions, AbcRequest
from seqforge_abc.infill import MAX_JOINT_STEPS
from seqforge_abc.music_parser import parse_music
from seqforge_abc.playback import tempo_of
from seqforge_abc.request import Gap, parse_request
from seqforge_abc.rhythms import METERS, fits_meter
from seqforge_abc.theory import Key, Meter
from seqforge_abc.tune import Tempo
from seqforge_abc.writer import tune_to_abc

CODEC = AbcCodec.fit([], AbcOptions(pitches="names"))
VOCABULARY = CODEC.vocabulary


def prompt_tokens(**fields: Any) -> list[str]:
    [prompt] = CODEC.task(AbcRequest(**({"rhythm": "unknown"} | fields))).prompts
    return [VOCABULARY[step] for step in prompt.example.steps]


def test_the_example_of_a_prompt_contains_its_tokens() -> None:
    tokens = prompt_tokens(prompt="|:DED F2A|", key="D", meter="6/8", rhythm="jig")
    assert tokens == ["R:jig", "M:6/8", "L:1/8", "K:D", "|:", "=D", "=E", "=D", "*2", "^F", "=A", "|1"]


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"prompt": '"D"d8|', "meter": "4/4"}, '"D *8 =d |1'),
        ({"prompt": 'A|"D"d2f "G"B2g|', "meter": "6/8"}, '=A | "D *2 =d ^f "G *2 =B =g |1'),
        ({"prompt": "~d2ed cAGE|", "meter": "4/4", "rhythm": "hornpipe"}, "!roll! *2 =d =e =d ^c =A =G =E |1"),
        ({"prompt": "!coda!.D4-D4|", "meter": "4/4"}, "!coda! !staccato! *4 =D - *4 =D |1"),
        ({"prompt": "|:D8-|", "meter": "4/4"}, "|: *8 =D - |1"),
        ({"prompt": "DEFG|", "meter": "4/4"}, "=D =E ^F =G |"),
        ({"prompt": "FGAB cd|d8|", "meter": "4/4"}, "^F =G =A =B ^c =d | *8 =d |1"),
        ({"prompt": "d8|[M:6/8]ded d2e|", "meter": "4/4"}, "*8 =d |1 M:6/8 =d =e =d *2 =d =e |2"),
        ({"prompt": "|:D8|1 E8:|2 F8:|3 G8||", "meter": "4/4"}, "|: *8 =D |1 [1 *8 =E :| [2 *8 ^F :| [3 *8 =G ||"),
        ({"prompt": "c 2 d c B 3 G |", "meter": "4/4"}, "*2 ^c =d ^c *3 =B =G |1"),
        ({"prompt": "|:D8|[K:G]c8|1", "meter": "4/4"}, "|: *8 =D |1 K:G *8 =c |2 [1"),
    ],
)
def test_a_prompt_may_contain_what_is_never_generated(fields: dict[str, Any], tokens: str) -> None:
    assert prompt_tokens(key="D", **fields)[4:] == tokens.split()


@pytest.mark.parametrize(
    "prompt",
    [
        "X:1\nT:The Kesh\nC:trad.\nR:jig\nM:6/8\nL:1/8\nK:G % a comment\n|:GAG GAB|",
        "M:6/8 K:G\n|:GAG GAB|",
        "R:jig\nM:6/8\nK:G |:GAG GAB|",
        "[M:6/8][K:G]|:GAG GAB|",
        "<s> M:6/8 K:Gmaj |: G A G G 2 B |",
        "|:[K:G]GAG[M:6/8] GAB|",
    ],
)
def test_the_header_of_a_prompt_sets_the_fields_of_the_request(prompt: str) -> None:
    if prompt.startswith("|:"):  # the meter does not stand before the first note
        with pytest.raises(RequestError, match="needs a meter"):
            parse_request(AbcRequest(prompt=prompt), CODEC.rhythms)
        return
    request = parse_request(AbcRequest(prompt=prompt), CODEC.rhythms)
    assert (str(request.key), str(request.meter)) == ("G", "6/8")
    assert request.title == ("The Kesh" if "T:" in prompt else "")
    assert request.rhythm == ("jig" if "R:" in prompt else None)
    assert request.prompt is not None and len(request.prompt.notes()) in (5, 6)


def test_a_header_without_music_is_a_request_without_a_prompt() -> None:
    request = parse_request(AbcRequest(prompt="R:reel\nM:C\n"), CODEC.rhythms)
    assert (request.rhythm, str(request.meter), request.key, request.prompt) == ("reel", "4/4", None, None)


def test_the_prompt_file_is_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "prompt.abc").write_text("X:1\nM:6/8\nK:D\n|:DED F2A|\n")
    assert prompt_tokens(prompt_file=tmp_path / "prompt.abc")[4:] == ["|:", "=D", "=E", "=D", "*2", "^F", "=A", "|1"]
    with pytest.raises(RequestError, match="both set") as caught:
        prompt_tokens(prompt="DED", prompt_file=tmp_path / "prompt.abc")
    assert caught.value.field == "prompt_file"


def test_requested_header_fields_are_forced_and_others_free() -> None:
    [prompt] = CODEC.task(AbcRequest(key="F#m", meter="C|")).prompts
    constraint = prompt.constraint
    assert constraint is not None and len(prompt.example.steps) == 0
    state, choices = constraint.start(), []
    for _ in range(4):
        choices.append([VOCABULARY[step] for step in np.flatnonzero(constraint.allowed(state))])
        state = constraint.advance(state, CODEC.index[choices[-1][0]])
    rhythms, meters, units, keys = choices
    assert (
        "R:reel" in rhythms and "R:jig" not in rhythms and meters == ["M:2/2"] and len(units) > 2 and keys == ["K:F#m"]
    )


def test_gaps_are_rests_in_the_parsed_prompt() -> None:
    request = parse_request(AbcRequest(prompt="DED F2A|*2|d6|", key="D", meter="6/8"), CODEC.rhythms)
    assert request.prompt is not None
    assert request.gaps == (Gap(6, 2),)
    assert request.prompt.notes()[5].pitches == () and request.prompt.notes()[5].duration == Fraction(1, 8)


def test_finish_sets_the_title() -> None:
    task = CODEC.task(AbcRequest(title="The Kesh"))
    tune = parse_music("DEF A3|]", key=Key(2), meter=Meter(6, 8))
    assert task.finish([Piece(tune)]).content.title == "The Kesh"


@pytest.mark.parametrize(
    ("fields", "field", "fragment"),
    [
        ({"key": "H"}, "key", "F#m, Edor"),
        ({"meter": "6"}, "meter", "6/8"),
        ({"rhythm": "real"}, "rhythm", "Did you mean 'reel'"),
        ({"bars": -1}, "bars", "from 0 to 1000"),
        ({"prompt": "DED", "key": "D"}, "meter", "begin the prompt with a line such as M:6/8"),
        ({"prompt": "DED", "meter": "6/8"}, "key", "begin the prompt with a line such as K:D"),
        ({"prompt": "hello, world; 42%", "key": "D", "meter": "6/8"}, "prompt", "not ABC"),
        ({"prompt": "DED F2A B|", "key": "D", "meter": "6/8"}, "meter", "bar 1 of `prompt` has 7 eighths"),
        ({"prompt": "D2|DED F2A|d2e|d6|", "key": "D", "meter": "6/8"}, "prompt", "bar 2 of `prompt` has 3 eighths"),
        ({"prompt": "|:DED F2A|", "key": "D", "meter": "4/4"}, "meter", "of 4/4 has 8 eighths; 6/8 or 3/4 would fit"),
        ({"prompt": "|:DED F2A:|", "key": "D", "meter": "4/4"}, "meter", "6/8 or 3/4 would fit"),
        ({"prompt": "DED F2A|d2", "key": "D", "meter": "4/4"}, "meter", "6/8 or 3/4 would fit"),
        ({"prompt": "DED F2A|(3d2e2|", "key": "D", "meter": "6/8"}, "prompt", "tuplet in bar 2 of `prompt` is incompl"),
        (
            {"prompt": "DED F2A|d5 (3d2", "key": "D", "meter": "6/8"},
            "prompt",
            "tuplet of `prompt` cannot be completed in bar 2",
        ),
        ({"prompt": "DED [DF]3-|", "key": "D", "meter": "6/8"}, "prompt", "chord of `prompt` is tied to nothing"),
        ({"prompt": "DED F2A|d6|d6|", "key": "D", "meter": "6/8", "bars": 2}, "bars", "it has more than 2 bars"),
        ({"prompt": "DED F2A|d6|", "key": "D", "meter": "6/8", "bars": 2}, "bars", "ends with none of the bar lines"),
        ({"prompt": "DED F2A|d6|]", "key": "D", "meter": "6/8", "bars": 3}, "bars", "ends with |] before the last bar"),
        ({"prompt": "K:G\nDED F2A|", "key": "D", "meter": "6/8"}, "key", "`key` is D, and `prompt` begins with G"),
        ({"prompt": "[K:G]DED F2A|", "key": "D", "meter": "6/8"}, "key", "`key` is D, and `prompt` begins with G"),
        ({"prompt": "M:C|\nK:D\nDED F2A|", "meter": "C"}, "meter", "is 4/4, and `prompt` begins with 2/2"),
        ({"prompt": "R:reel\nM:C\nK:D\nD8|", "rhythm": "jig"}, "rhythm", "begins with reel"),
        ({"prompt": "T:A\nM:C\nK:D\nD8|", "title": "B"}, "title", "begins with A"),
        ({"tempo": "fast"}, "tempo", "such as 3/8=112"),
        ({"tempo": "0"}, "tempo", "such as 3/8=112"),
        ({"tempo": "1/2=999"}, "tempo", "such as 3/8=112"),
        ({"prompt": "Q:1/4=90\nM:C\nK:D\nD8|", "tempo": "100"}, "tempo", "`tempo` is 100, and `prompt` begins with"),
        ({"prompt": "M:three\nK:D\nD8|"}, "prompt", "the line M:three, which must look like M:6/8"),
        ({"prompt": "DEF|" * 9000, "key": "D", "meter": "3/8"}, "prompt", "36,000 characters"),
    ],
)
def test_invalid_requests_raise_request_error(fields: dict[str, Any], field: str, fragment: str) -> None:
    with pytest.raises(RequestError) as caught:
        CODEC.task(AbcRequest(**fields))
    assert caught.value.field == field
    assert fragment in str(caught.value) and "\n" not in str(caught.value)


def test_the_rhythm_of_a_prompt_is_free_and_fits_its_music() -> None:
    [prompt] = CODEC.task(AbcRequest(prompt="|:DED F2A|*|d6|", key="D", meter="6/8")).prompts
    constraint = prompt.constraint
    assert constraint is not None and len(prompt.example.steps) == 0 and prompt.joint_steps == 12
    state, allowed = constraint.start(), []
    for step in [CODEC.index["R:slide"], *(CODEC.index[f] for f in ("M:6/8", "L:1/8", "K:D", "|:", "=D"))]:
        allowed.append(int(constraint.allowed(state).sum()))
        state = constraint.advance(state, step)
    jigs = [rhythm for rhythm in CODEC.rhythms if fits_meter(rhythm, Meter(6, 8))]
    assert allowed[0] == 1 + len(jigs) and allowed[1:] == [1] * 5
    [long] = CODEC.task(AbcRequest(prompt="|:" + "DED F2A|" * 40, key="D", meter="6/8")).prompts
    assert long.joint_steps == MAX_JOINT_STEPS


@pytest.mark.parametrize(
    ("fields", "joint_steps"),
    [
        ({}, 0),
        ({"rhythm": "jig"}, 0),
        ({"rhythm": "jig", "meter": "6/8"}, 0),
        ({"meter": "3/4"}, 2),
        ({"key": "Gm"}, 4),
        ({"rhythm": "jig", "meter": "6/8", "key": "D"}, 4),  # the unit note length is free
    ],
)
def test_free_header_tokens_before_a_requested_one_are_drawn_jointly(fields: dict[str, str], joint_steps: int) -> None:
    [prompt] = CODEC.task(AbcRequest(**fields)).prompts
    assert prompt.joint_steps == joint_steps


@pytest.mark.parametrize(
    ("fields", "tempo"),
    [
        ({}, None),
        ({"tempo": "100"}, Tempo(Fraction(3, 8), 100)),
        ({"tempo": "1/4=90"}, Tempo(Fraction(1, 4), 90)),
        ({"prompt": 'Q:"Lively" 3/8=112\nK:D\nM:6/8\nDED F2A|'}, Tempo(Fraction(3, 8), 112, "Lively")),
        ({"prompt": "Q:1/8=180\nK:D\nM:6/8\nDED F2A|", "tempo": "180"}, Tempo(Fraction(1, 8), 180)),
    ],
)
def test_the_tempo_is_set_after_sampling(fields: dict[str, str], tempo: Tempo | None) -> None:
    tune = parse_music("DEF A3|]", key=Key(2), meter=Meter(6, 8))
    result = CODEC.task(AbcRequest(**fields)).finish([Piece(tune)]).content
    assert result.tempo == tempo
    if tempo is not None:
        assert f"={tempo.per_minute}\n" in tune_to_abc(result)
        assert tempo_of(result) == (tempo.beat, tempo.per_minute)


@pytest.mark.parametrize(("meter", "dances"), [("5/4", set()), ("3/4", {"mazurka", "minuet", "waltz"})])
def test_a_free_rhythm_is_danced_in_the_requested_meter(meter: str, dances: set[str]) -> None:
    (prompt,) = CODEC.task(AbcRequest(meter=meter)).prompts
    assert prompt.constraint is not None
    mask = prompt.constraint.allowed(prompt.constraint.start())
    allowed = {VOCABULARY[step][2:] for step in np.flatnonzero(mask)}
    assert "" in allowed and "air" in allowed and allowed & set(METERS) == dances


def test_a_requested_rhythm_may_have_any_meter() -> None:
    (prompt,) = CODEC.task(AbcRequest(meter="5/4", rhythm="reel")).prompts
    assert prompt.constraint is not None
    step = CODEC.index["R:reel"]
    assert np.flatnonzero(prompt.constraint.allowed(prompt.constraint.start())).tolist() == [step]
