"""Errors that the author of an invalid plugin meets: one sentence with the distribution, the method and the rule."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import seqforge
from seqforge.plugin.validation import describe_fault

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import TINY, TINY_FLAGS, CommandResult, in_child, in_process, install  # noqa: E402
from pairs import PAIRS, mutate, write_samples  # noqa: E402

MASK = "np.arange(self.size) > 0"
TASK = "task(self, request): return {}"
PROMPT = "task(self, request): return Task([Prompt(Example({}), {})])"


def codec(method: str) -> str:
    """Return the code of the plugin with another method of the codec."""
    return mutate(("    # more of the codec", f"    def {method}"))


def codec_class(method: str) -> str:
    """Return the code of the plugin with another class method of the codec."""
    return mutate(("    # more of the codec", f"    @classmethod\n    def {method}"))


def plugin(method: str) -> str:
    """Return the code of the plugin with another method of the plugin."""
    return mutate(("    # more of the plugin", f"    def {method}"))


def constraint(mask: str) -> str:
    """Return the code of the plugin with another mask of the constraint."""
    return mutate((MASK, mask))


LOADING = {
    "import fails": ("import no_such_library", "does not import: ModuleNotFoundError"),
    "another api": (mutate(("    name = ", "    api = 1\n    name = ")), "api 1"),
    "no write": (mutate(("    def write(", "    def wright(")), "lacks write"),
    "no tokenise": (mutate(("    def tokenise(", "    def tokenize(")), "Codec lacks tokenise"),
    "another name": (mutate(('name = "good"', 'name = "better"')), "'better'"),
    "codec of another class": (mutate(("    codec = Codec", "    codec = PairOptions")), "`codec`"),
    "reserved option": (mutate(("    order: Literal", "    steps: Literal")), "Options has the fields steps"),
    "option of type list": (mutate(('    order: Literal["kept", "up"]', "    order: list")), "Options.order"),
}
"""Faults of the declaration: title to code and a fragment of the message."""

RAISED = {
    "fit": (codec_class("fit(cls, pieces, options): return {}['x']"), "Codec.fit raises KeyError: 'x'"),
    "encode": (codec("encode(self, p): return {}['x']"), "Codec.encode raises KeyError: 'x'"),
    "decode": (codec("decode(self, e): return {}['x']"), "Codec.decode raises KeyError: 'x'"),
    "task": (codec(TASK.format("{}['x']")), "Codec.task raises KeyError: 'x'"),
    "allowed": (constraint("{}['x']"), "Even.allowed raises KeyError: 'x'"),
    "write": (plugin("write(self, pieces, path): {}['x']"), "Good.write raises KeyError: 'x'"),
}
"""Methods that raise an unexpected error: title to code and a fragment of the message."""

RETURNED = {
    "fit returns a dict": (codec_class("fit(cls, pieces, options): return {}"), "Codec.fit returns an empty dict"),
    "fit returns None": (codec_class("fit(cls, pieces, options): return None"), "Codec.fit returns None"),
    "fit sets no space": (
        codec_class("fit(cls, pieces, o): c = super().fit(pieces, o); c.space = 9; return c"),
        "a codec whose `space` is 9",
    ),
    "task returns None": (codec(TASK.format("None")), "Codec.task returns None; it must return a Task"),
    "task returns a list": (codec(TASK.format("[self.prompt(None)]")), "Codec.task returns a list"),
    "task without prompts": (codec(TASK.format("Task([])")), "Codec.task returns a Task with an empty list"),
    "task with None": (codec(TASK.format("Task(None)")), "Codec.task returns a Task with None"),
    "task with strings": (codec(TASK.format("Task(['ab'])")), "Codec.task returns a Task with a list with a str"),
    "prompt outside the space": (codec(PROMPT.format("np.array([99])", None)), "Codec.task returns steps outside"),
    "prompt with a list": (codec(PROMPT.format("[1]", None)), "Codec.task returns a list as steps"),
    "constraint is a class": (codec(PROMPT.format("np.zeros(0, int)", "Even")), "as constraint"),
    "mask is a list": (
        constraint("[True] * self.size"),
        "Even.allowed returns a list; it must return an array of bool",
    ),
    "mask of floats": (constraint("np.ones(self.size)"), "Even.allowed returns an array of float64 of shape (10,)"),
    "mask is too short": (constraint("np.ones(3, bool)"), "Even.allowed returns an array of bool of shape (3,)"),
    "state is a list": (
        mutate(("= size\n    def start(self): return 0", "= size\n    def start(self): return [0]")),
        "Even.start returns a list; it must return a hashable state",
    ),
    "units is a number": (codec("units(self, steps): return 1.0"), "Codec.units returns a float"),
    "units is too long": (codec("units(self, steps): return np.ones(99)"), "Codec.units returns an array of float64"),
    "augment leaves the space": (
        codec("augment(self, e, rng): return replace(e, steps=e.steps + 99)"),
        "Codec.augment returns steps outside its space",
    ),
    "augment changes the length": (
        codec("augment(self, e, rng): return replace(e, steps=e.steps[1:])"),
        "as many steps as it receives",
    ),
    "augment returns None": (codec("augment(self, e, rng): return None"), "Codec.augment returns None"),
    "encode returns None": (codec("encode(self, p): return None"), "Codec.encode returns None; it must return an"),
    "encode returns floats": (
        codec("encode(self, p): e = super().encode(p); return replace(e, steps=e.steps.astype(float))"),
        "Codec.encode returns steps outside its space",
    ),
    "encode leaves the space": (
        codec("encode(self, p): e = super().encode(p); return replace(e, steps=e.steps + 9)"),
        "Codec.encode returns steps outside its space",
    ),
    "encode returns a list": (codec("encode(self, p): return Example([1, 2])"), "Codec.encode returns a list as steps"),
    "encode returns a source": (
        codec("encode(self, p): return replace(super().encode(p), source=np.zeros(2, int))"),
        "Codec.encode returns a source outside its space",
    ),
    "encode returns features": (
        codec("encode(self, p): return replace(super().encode(p), features=np.zeros(2, 'f'))"),
        "as features; it must return None",
    ),
    "encode returns dropped counts of 0": (
        codec("encode(self, p): return replace(super().encode(p), dropped={'letters': 0})"),
        "as dropped",
    ),
    "decode returns None": (codec("decode(self, e): return None"), "Codec.decode returns None; it must return a Piece"),
    "decode rejects allowed steps": (codec("decode(self, e): raise DecodeError('no')"), "Codec.decode rejects steps"),
    "finish returns None": (
        mutate(
            ("class Codec(", "class Nothing(Task):\n    def finish(self, pieces): return None\n\nclass Codec("),
            ("    # more of the codec", f"    def {TASK.format('Nothing([self.prompt(None)])')}"),
        ),
        "Nothing.finish returns None; it must return a Piece",
    ),
    "state is a dict": (codec("state(self): return {}"), "Codec.state returns an empty dict; it must return a pair"),
    "state has a set": (codec("state(self): return {'x': {1}}, {}"), "Codec.state returns data that is not plain JSON"),
    "state has lists for arrays": (codec("state(self): return {}, {'x': [1]}"), "Codec.state returns a list for 'x'"),
    "from_state returns None": (
        codec_class("from_state(cls, d, a, o): return None"),
        "Codec.from_state returns None; it must return a Codec",
    ),
    "read returns None": (plugin("read(self, path, o): return None"), "Good.read returns None"),
    "read yields strings": (plugin("read(self, path, o): yield 'ab'"), "Good.read yields a str"),
    "read yields labels of numbers": (
        plugin("read(self, path, o): yield Piece('ab', {'long': 3})"),
        "Good.read yields a piece with the labels {'long': 3}",
    ),
    "fingerprints returns None": (plugin("fingerprints(self, p): return None"), "Good.fingerprints returns None"),
    "write writes nothing": (plugin("write(self, pieces, path): pass"), "Good.write leaves an empty file for .pair"),
    "write removes the file": (plugin("write(self, pieces, path): path.unlink()"), "Good.write leaves no file for"),
}
"""Methods that return a wrong value: title to code and a fragment of the message."""

BEARTYPE = ("prompt with a list", "constraint is a class", "encode returns a list", "read yields labels of numbers")
"""Faults that beartype detects first in this process; they run in a child process, without beartype."""


def train_and_generate(site: Path, tmp_path: Path, code: str) -> None:
    """Install a plugin, train a model, generate a piece and write it."""
    install(site, code)
    corpus = write_samples(tmp_path / "samples")
    seqforge.train("good", corpus=str(corpus), run=tmp_path / "run", steps=2, workers=1, **TINY)
    model = seqforge.load(tmp_path / "run")
    model.plugin.write(model.generate(1, length=10), tmp_path / "generated.pair")


def train_and_generate_by_command(run: Callable[..., CommandResult], tmp_path: Path) -> CommandResult:
    """Train a model and generate a file; return the result of the first command that fails, or else of the last."""
    corpus = write_samples(tmp_path / "samples")
    flags = ["--plugin", "good", "--corpus", corpus, "--run", "run", "--steps", 2, "--workers", 1, *TINY_FLAGS]
    result = run("train", *flags)
    return result if result.code else run("generate", "--model", "run", "--length", 10, "-o", tmp_path / "new.pair")


def test_valid_plugin_trains_and_generates(site: Path, tmp_path: Path) -> None:
    train_and_generate(site, tmp_path, PAIRS)
    assert (tmp_path / "generated.pair").exists()


@pytest.mark.parametrize("fault", LOADING)
def test_invalid_declaration_is_a_contract_error_of_the_distribution(site: Path, tmp_path: Path, fault: str) -> None:
    code, fragment = LOADING[fault]
    with pytest.raises(seqforge.ContractError) as caught:
        train_and_generate(site, tmp_path, code)
    message = str(caught.value)
    assert caught.value.exit_code == 1
    assert "'good' of fake-good 2.5" in message and fragment in message


@pytest.mark.parametrize("method", RAISED)
def test_unexpected_error_is_described_with_method_and_line(site: Path, tmp_path: Path, method: str) -> None:
    code, fragment = RAISED[method]
    with pytest.raises(Exception) as caught:
        train_and_generate(site, tmp_path, code)
    message = describe_fault(caught.value)
    assert message is not None and "\n" not in message
    assert "'good' (fake-good 2.5)" in message and fragment in message
    assert "(fake_good.py:" in message and "seqforge plugins check good" in message


@pytest.mark.parametrize("fault", RETURNED)
def test_wrong_return_value_is_a_contract_error_with_method_and_rule(
    site: Path, tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, fragment = RETURNED[fault]
    install(site, code)
    run = in_child if fault in BEARTYPE else partial(in_process, capsys)
    result = train_and_generate_by_command(run, tmp_path)
    assert result.code == 1 and not (tmp_path / "new.pair").exists()
    message = result.error_message()
    assert "the plugin 'good' (fake-good)" in message and fragment in message


@pytest.mark.parametrize(
    ("value", "fragment"), [("{}['x']", "Codec.encode raises KeyError: 'x'"), ("None", "Codec.encode returns None")]
)
def test_worker_process_describes_the_fault(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, fragment: str
) -> None:
    monkeypatch.setattr("seqforge.corpus.pool.SMALL_BYTES", 0)
    monkeypatch.setattr(sys.modules["seqforge.corpus.chunks"], "CHUNK_BYTES", 1)
    install(site, codec(f"encode(self, p): return {value}"))
    corpus = write_samples(tmp_path / "samples")
    (corpus / "b.pair").write_text((corpus / "a.pair").read_text()[::-1])
    with pytest.raises(seqforge.ContractError, match="fake-good") as caught:
        seqforge.train("good", corpus=str(corpus), run=tmp_path / "run", steps=2, workers=2, **TINY)
    assert fragment in str(caught.value)


def test_error_without_a_plugin_in_its_traceback_has_no_description() -> None:
    with pytest.raises(ValueError) as caught:
        int("x")
    assert describe_fault(caught.value) is None


def test_codec_of_a_later_version_is_rejected_with_the_distribution_to_update(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_and_generate(site, tmp_path, mutate(("    # more of the codec", "    version = 3")))
    monkeypatch.setattr(sys.modules["fake_good"].Codec, "version", 2)
    with pytest.raises(seqforge.DamagedFileError, match=r"version 3.* up to 2; update fake-good"):
        seqforge.load(tmp_path / "run")


VERSION_2 = """    version = 2
    def state(self):
        data, arrays = super().state()
        return {'words': data}, arrays
    @classmethod
    def from_state(cls, data, arrays, options): return super().from_state(data['words'], arrays, options)
"""
UPGRADE = "    @classmethod\n    def upgrade_state(cls, data, version): "


def replace_with_version_2(site: Path, upgrade: str) -> None:
    """Install another version of the plugin, whose codec has version 2."""
    del sys.modules["fake_good"]
    code = mutate(("    # more of the codec", VERSION_2 + upgrade))
    (site / "fake_good.py").write_text(code, encoding="utf-8")


def test_codec_of_an_earlier_version_is_upgraded(site: Path, tmp_path: Path) -> None:
    train_and_generate(site, tmp_path, PAIRS)
    before = seqforge.load(tmp_path / "run").generate(1, length=10)
    replace_with_version_2(site, f"{UPGRADE}return {{'words': data}} if version == 1 else {{}}\n")
    after = seqforge.load(tmp_path / "run").generate(1, length=10)
    assert after[0].content == before[0].content


@pytest.mark.parametrize(
    ("upgrade", "reason"),
    [
        (f"{UPGRADE}raise ValueError('fake-good 2.4 reads it')\n", r"\(fake-good 2.4 reads it\)"),
        (f"{UPGRADE}return {{}}['x']\n", r"\(KeyError: 'x'\)"),
        ("", r"\(KeyError: 'words'\)"),
    ],
    ids=["names a release", "fails", "is missing"],
)
def test_codec_of_an_earlier_version_that_cannot_be_upgraded_is_rejected(
    site: Path, tmp_path: Path, upgrade: str, reason: str
) -> None:
    train_and_generate(site, tmp_path, PAIRS)
    replace_with_version_2(site, upgrade)
    with pytest.raises(
        seqforge.DamagedFileError, match=f"version 1.*{reason}; install an earlier release of fake-good"
    ):
        seqforge.load(tmp_path / "run")
