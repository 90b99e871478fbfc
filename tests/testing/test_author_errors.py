"""What an author meets who makes a mistake: a sentence with the distribution, the method and the rule."""

import sys
from functools import partial
from pathlib import Path

import pytest
from seqforge.plugin.fault import blame

import seqforge

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import TINY, TINY_FLAGS, in_child, in_process, install  # noqa: E402
from pairs import PAIRS, changed, write_samples  # noqa: E402

CODEC = "    # more of the codec"
PLUGIN = "    # more of the plugin"
MASK = "np.arange(self.size) > 0"
STEPS = "    def encode(self, p): e = super().encode(p); return replace(e, steps={})"
FIT = ("def fit(self, pieces, options): return", "def fit(self, pieces, options): return pieces['x'] or")
CHECKED = {
    "wrong dtype": (
        changed((CODEC, STEPS.format("e.steps.astype(float)"))),
        "Codec.encode gives steps outside its space: categorical steps are a 1-d integer array, not float64",
    ),
    "outside the space": (
        changed((CODEC, STEPS.format("e.steps + 9"))),
        "Codec.encode gives steps outside its space: step 0 is 1",
    ),
    "another codec": (
        changed(("def fit(self, pieces, options): return", "def fit(self, pieces, options): return {} and")),
        "fit returns a dict, and `codec` promises Codec",
    ),
    "does not import": ("import nothing_like_it", "'good' of fake-good 2.5 does not import: ModuleNotFoundError"),
    "another api": (
        changed(("    name = ", "    api = 2\n    name = ")),
        "is built for api 2, and this seqforge has api 1",
    ),
    "no write": (changed(("    def write(", "    def wright(")), "lacks write, which every plugin must have"),
}
RAISED = {
    "no tokenise": (
        changed(("    def tokenise(", "    def tokenize(")),
        "Good.fit raises TypeError: Can't instantiate",
    ),
    "fit": (changed(FIT), "Good.fit raises TypeError: 'generator' object is not subscriptable"),
    "encode": (changed((CODEC, "    def encode(self, p): return {}['x']")), "Codec.encode raises KeyError: 'x'"),
    "decode": (changed((CODEC, "    def decode(self, e): return {}['x']")), "Codec.decode raises KeyError: 'x'"),
    "prompts": (changed((CODEC, "    def prompts(self, r): return {}['x']")), "Codec.prompts raises KeyError: 'x'"),
    "allowed": (changed(("return np.arange(self.size) > 0", "return {}['x']")), "Even.allowed raises KeyError: 'x'"),
    "write": (
        changed(("        path.write_text(", "        {}['x']; path.write_text(")),
        "Good.write raises KeyError: 'x'",
    ),
}


def run(site: Path, tmp_path: Path, code: str) -> None:
    install(site, code)
    corpus = write_samples(tmp_path / "samples")
    seqforge.train("good", corpus=str(corpus), run=tmp_path / "run", steps=2, workers=1, **TINY)
    model = seqforge.load(tmp_path / "run")
    model.plugin.write(model.generate(1, length=10), tmp_path / "made.pair")


def test_a_right_plugin_runs_through(site: Path, tmp_path: Path) -> None:
    run(site, tmp_path, PAIRS)
    assert (tmp_path / "made.pair").exists()


@pytest.mark.parametrize("fault", CHECKED)
def test_what_the_core_looks_at_is_told_with_the_rule(site: Path, tmp_path: Path, fault: str) -> None:
    code, told = CHECKED[fault]
    with pytest.raises(seqforge.ContractError) as caught:
        run(site, tmp_path, code)
    assert told in str(caught.value) and caught.value.exit_code == 1
    assert "'good'" in str(caught.value) and "fake-good" in str(caught.value)


@pytest.mark.parametrize("fault", RAISED)
def test_what_a_method_raises_is_told_with_its_name_and_distribution(site: Path, tmp_path: Path, fault: str) -> None:
    code, told = RAISED[fault]
    with pytest.raises(Exception) as caught:
        run(site, tmp_path, code)
    sentence = blame(caught.value)
    assert sentence is not None and "\n" not in sentence
    assert sentence.startswith(f"the plugin 'good' (fake-good 2.5): {told}")
    assert "(fake_good.py:" in sentence and "seqforge plugins check good" in sentence


def codec(line: str) -> str:
    return changed((CODEC, f"    def {line}"))


def plugin(line: str) -> str:
    return changed((PLUGIN, f"    def {line}"))


def constraint(line: str) -> str:
    return changed((MASK, line))


PROMPT = "prompts(self, r): return [Prompt(Example({}), {})]"
RETURNED = {
    "prompts None": (codec("prompts(self, r): return None"), "Codec.prompts returns None; it must return at least one"),
    "no prompt": (codec("prompts(self, r): return []"), "Codec.prompts returns an empty list"),
    "prompts of str": (codec("prompts(self, r): return ['ab']"), "Codec.prompts returns a list with a str; it must"),
    "prompt outside": (codec(PROMPT.format("np.array([99])", None)), "Codec.prompts gives steps outside its space"),
    "prompt bare": (
        codec(PROMPT.format("[1]", None)),
        "Codec.prompts returns a list as steps; it must return an Example",
    ),
    "no constraint": (
        codec(PROMPT.format("np.zeros(0, int)", "Even")),
        "gives a ABCMeta as constraint; it must return",
    ),
    "mask a list": (constraint("[True] * self.size"), "Even.allowed returns a list; it must return an array of bool"),
    "mask of floats": (constraint("np.ones(self.size)"), "Even.allowed returns an array of float64 of shape (10,); it"),
    "mask too short": (
        constraint("np.ones(3, bool)"),
        "of shape (3,); it must return an array of bool, one for each of 10",
    ),
    "state a list": (
        changed(("def start(self): return 0", "def start(self): return [0]")),
        "Even.start returns a list; it must return a state that can be hashed",
    ),
    "units a number": (codec("units(self, steps): return 1.0"), "Codec.units returns a float for"),
    "units too long": (codec("units(self, steps): return np.ones(99)"), "an array with one number for each step"),
    "augment leaves": (
        codec("augment(self, e, rng): return replace(e, steps=e.steps + 99)"),
        "Codec.augment gives steps outside its space: step 0 is",
    ),
    "augment cuts": (
        codec("augment(self, e, rng): return replace(e, steps=e.steps[1:])"),
        "it must return as many steps as it is given",
    ),
    "augment None": (
        codec("augment(self, e, rng): return None"),
        "Codec.augment returns None; it must return an Example",
    ),
    "encode None": (codec("encode(self, p): return None"), "Codec.encode returns None; it must return an Example"),
    "encode a list": (codec("encode(self, p): return Example([1, 2])"), "Codec.encode returns a list as steps"),
    "encode a source": (
        codec("encode(self, p): return replace(super().encode(p), source=np.zeros(2, int))"),
        "Codec.encode gives a source outside the codec's: the codec has no `source`",
    ),
    "encode features": (
        codec("encode(self, p): return replace(super().encode(p), features=np.zeros(2, 'f'))"),
        "as features; it must return 0 of float32, or None",
    ),
    "decode None": (codec("decode(self, e): return None"), "Codec.decode returns None; it must return a Piece"),
    "decode refuses": (
        codec("decode(self, e): raise DecodeError('no')"),
        "Codec.decode refuses what the codec's own constraint allowed (no)",
    ),
    "finish None": (codec("finish(self, pieces, r): return None"), "Codec.finish returns None; it must return a Piece"),
    "to_json a set": (codec("to_json(self): return {1}"), "Codec.to_json returns what is no plain JSON"),
    "arrays of lists": (
        codec("arrays(self): return {'x': [1]}"),
        "Codec.arrays returns a list for 'x'; it must return",
    ),
    "no space": (
        plugin("fit(self, pieces, o): c = Codec.fit(pieces, o); c.space = 9; return c"),
        "fit gives a codec whose `space`",
    ),
    "fit None": (plugin("fit(self, pieces, o): return None"), "fit returns a NoneType, and `codec` promises Codec"),
    "read None": (plugin("read(self, path, o): return None"), "Good.read returns None; it must return an iterator of"),
    "read str": (
        plugin("read(self, path, o): yield 'ab'"),
        "Good.read yields a str; it must return an iterator of Piece",
    ),
    "read labels": (
        plugin("read(self, path, o): yield Piece('ab', {'long': 3})"),
        "a piece with the labels {'long': 3}",
    ),
    "fingerprints None": (
        plugin("fingerprints(self, p): return None"),
        "Good.fingerprints returns None; it must return",
    ),
    "write nothing": (plugin("write(self, pieces, path): pass"), "Good.write leaves an empty file for .pair; it must"),
    "write elsewhere": (
        plugin("write(self, pieces, path): path.unlink()"),
        "Good.write leaves no file for .pair; it must",
    ),
}

UNCHECKED = ("prompt bare", "no constraint", "encode a list", "read labels")
"""Types are checked under pytest that nobody checks elsewhere: these are run in a process of their own."""


@pytest.mark.parametrize("fault", RETURNED)
def test_a_wrong_return_is_one_sentence_with_distribution_method_and_rule(
    site: Path, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = RETURNED[fault]
    install(site, code)
    corpus = write_samples(tmp_path / "samples")
    train = ["train", "--plugin", "good", "--corpus", corpus, "--run", "run", "--steps", 2, "--workers", 1, *TINY_FLAGS]
    run = in_child if fault in UNCHECKED else partial(in_process, capsys)
    said = run(*train)
    if not said.code:
        said = run("generate", "--model", "run", "--length", 10, "-o", tmp_path / "made.pair")
    assert said.code == 1 and not (tmp_path / "made.pair").exists()
    sentence = said.sentence()
    assert sentence.startswith("the plugin 'good' (fake-good): ") and told in sentence


@pytest.mark.parametrize("fault", ["raises", "returns"])
def test_a_worker_tells_the_method_too(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr("seqforge.corpus.pool.SMALL", 0)
    monkeypatch.setattr(sys.modules["seqforge.corpus.prepare"], "CHUNK_BYTES", 1)
    monkeypatch.setenv("PYTHONPATH", str(site))
    returns = {"raises": "{}['x']", "returns": "None"}[fault]
    install(site, codec(f"encode(self, p): return {returns}"))
    corpus = write_samples(tmp_path / "samples")
    (corpus / "b.pair").write_text((corpus / "a.pair").read_text()[::-1])
    with pytest.raises(seqforge.ContractError) as caught:
        seqforge.train("good", corpus=str(corpus), run=tmp_path / "run", steps=2, workers=2, **TINY)
    told = {"raises": "Codec.encode raises KeyError: 'x'", "returns": "Codec.encode returns None"}[fault]
    assert told in str(caught.value) and "'good' (fake-good" in str(caught.value)


def test_an_error_that_no_plugin_is_in_is_nobodys() -> None:
    with pytest.raises(ValueError) as caught:
        int("x")
    assert blame(caught.value) is None


def test_a_codec_of_a_later_version_is_refused_and_says_what_to_update(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(site, tmp_path, changed((CODEC, "    version = 3")))
    module = sys.modules["fake_good"]
    monkeypatch.setattr(module.Codec, "version", 2)
    with pytest.raises(seqforge.DamagedFileError, match=r"its codec has version 3, and .* reads up to 2; update"):
        seqforge.load(tmp_path / "run")


OLD = """    version = 2
    def to_json(self): return {'words': super().to_json()}
    @classmethod
    def from_json(cls, d, a, o): return super().from_json(d['words'], a, o)
"""
UPGRADED = "    @classmethod\n    def upgraded(cls, data, version): "


@pytest.mark.parametrize(
    ("upgraded", "told"),
    [
        ("return {'words': data} if version == 1 else {}", ""),
        (
            "raise ValueError('fake-good 2.4 reads it')",
            "has version 1, and .* fake-good has 2, .* it \\(fake-good 2.4 reads it\\); install",
        ),
        ("return {}['x']", "does not read it \\(KeyError: 'x'\\); install an earlier release of fake-good, or"),
        (None, "does not read it \\(KeyError: 'words'\\); install an earlier release of fake-good, or train again"),
    ],
    ids=["reads", "names a release", "fails", "says nothing"],
)
def test_a_codec_of_an_earlier_version_is_brought_to_today_s(
    site: Path, tmp_path: Path, upgraded: str | None, told: str
) -> None:
    run(site, tmp_path, PAIRS)
    before = seqforge.load(tmp_path / "run").generate(1, length=10)
    del sys.modules["fake_good"]
    later = OLD + ("" if upgraded is None else f"{UPGRADED}{upgraded}\n")
    (site / "fake_good.py").write_text(changed((CODEC, later)), encoding="utf-8")
    if not told:
        assert seqforge.load(tmp_path / "run").generate(1, length=10)[0].content == before[0].content
        return
    with pytest.raises(seqforge.DamagedFileError, match=told):
        seqforge.load(tmp_path / "run")
