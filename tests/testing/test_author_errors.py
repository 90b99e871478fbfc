"""What an author meets who makes a mistake: a sentence with the distribution, the method and the rule."""

import sys
from pathlib import Path

import pytest

import seqforge
from seqforge.authoring.blame import blame

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import TINY, install  # noqa: E402
from pairs import PAIRS, changed, write_samples  # noqa: E402

CODEC = "    # more of the codec"
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
    with pytest.raises(seqforge.PluginError) as caught:
        run(site, tmp_path, code)
    assert told in str(caught.value)
    assert "'good'" in str(caught.value) and "fake" in str(caught.value) and "good" in str(caught.value)


@pytest.mark.parametrize("fault", RAISED)
def test_what_a_method_raises_is_told_with_its_name_and_distribution(site: Path, tmp_path: Path, fault: str) -> None:
    code, told = RAISED[fault]
    with pytest.raises(Exception) as caught:
        run(site, tmp_path, code)
    sentence = blame(caught.value)
    assert sentence is not None and "\n" not in sentence
    assert sentence.startswith(f"the plugin 'good' (fake-good 2.5): {told}")
    assert "(fake_good.py:" in sentence and "seqforge plugins check good" in sentence


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
