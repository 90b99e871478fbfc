import base64
import dataclasses
import io
import json
import pickle
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
from seqforge import Model, OptionsError, Origin, Piece, Preview, Run
from seqforge.api.curves import draw_curves
from seqforge.api.display import GeneratedPiece, bounded_wav, display
from seqforge.plugin import registry


def wav(seconds: float, rate: int = 44_100, channels: int = 2) -> bytes:
    """Return a WAV file with a tone of 441 Hz."""
    time = np.arange(int(seconds * rate)) / rate
    samples = np.round(10_000 * np.sin(2 * np.pi * 441 * time)).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(samples[:, None], channels, axis=1).tobytes())
    return target.getvalue()


def picture_of(html: str) -> str:
    match = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    assert match is not None, html[:200]
    return base64.b64decode(match[1]).decode()


# -- pieces


def test_generated_piece_is_equal_to_a_piece(trained: dict[str, Model]) -> None:
    (generated,) = trained["numbers"].generate(length=5, labels={"parity": "odd"})
    plain = Piece(generated.content, generated.labels, generated.origin)
    assert generated == plain and plain == generated
    assert generated != dataclasses.replace(plain, content=(1,)) and generated != 3
    assert hash(GeneratedPiece("a", (), None)) == hash(Piece("a", ()))  # type: ignore[arg-type]


def test_generated_piece_keeps_its_plugin_when_it_is_replaced_or_pickled(trained: dict[str, Model]) -> None:
    (generated,) = trained["text"].generate(length=9)
    for piece in (dataclasses.replace(generated, labels={"a": "b"}), pickle.loads(pickle.dumps(generated))):
        assert isinstance(piece, GeneratedPiece)
        assert piece.plugin is not None and piece.plugin.name == "text"


def test_text_is_shown_escaped(trained: dict[str, Model]) -> None:
    text = "<script>alert('a')</script> & \"b\""
    html = display(Piece(text), plugin="text").html
    assert html.startswith("<pre") and html.endswith(
        "&lt;script&gt;alert(&#x27;a&#x27;)&lt;/script&gt; &amp; &quot;b&quot;</pre>"
    )
    (generated,) = trained["text"].generate(length=9)
    bundle = generated._repr_mimebundle_()  # type: ignore[attr-defined]
    assert bundle == display(generated)._repr_mimebundle_()
    assert bundle["text/plain"] == generated.content


def test_long_text_is_cut() -> None:
    shown = display(Piece("a" * 300_000), plugin="text")
    assert len(shown.html) < 101_000 and shown.text.endswith("a ...")


def test_plugin_without_previews_is_shown_as_the_text_it_writes(trained: dict[str, Model]) -> None:
    (generated,) = trained["numbers"].generate(length=5, first=7)
    assert display(generated).text.startswith("7 ")


class Drawing(type(registry.load("text"))):  # type: ignore[misc]
    """A plugin whose previews a test sets."""

    result: Any = Preview()

    def preview(self, piece: Piece[str]) -> Preview:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result  # type: ignore[no-any-return]


def shown(preview: Any, *, audio: bool = True) -> str:
    plugin = Drawing()
    plugin.result = preview
    return display(Piece("a", origin=Origin('<b>"', "x")), plugin=plugin, audio=audio).html


def test_picture_is_cleaned_and_shown_as_an_image() -> None:
    html = shown(Preview(svg='<svg xmlns="http://www.w3.org/2000/svg"><script>go()</script><g/></svg>', text="a"))
    assert picture_of(html) == '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'
    assert 'alt="&lt;b&gt;&quot;, x"' in html and "<pre" not in html


def test_invalid_picture_is_replaced_by_the_text() -> None:
    assert shown(Preview(svg="<html/>", text="abc")).endswith("abc</pre>")
    assert "cannot be shown: no pen" in shown(seqforge.WriteError("no pen"))
    assert shown(3).endswith("</pre>")


def test_sound_is_an_audio_element() -> None:
    sound = wav(0.1)
    html = shown(Preview(audio=sound, text="a"))
    assert f'<audio controls src="data:audio/wav;base64,{base64.b64encode(sound).decode()}"></audio>' in html
    assert "<audio" not in shown(Preview(audio=sound), audio=False)
    assert "<audio" not in shown(Preview(audio=b"RIFF"))


def test_short_sound_is_unchanged_and_long_sound_is_bounded() -> None:
    short = wav(1)
    assert bounded_wav(short) == short
    with wave.open(io.BytesIO(bounded_wav(wav(10), limit=400_000))) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 22_050)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert samples.nbytes == 400_000
    spectrum = np.abs(np.fft.rfft(samples[:22_050].astype(float)))
    assert int(spectrum.argmax()) == 441


def test_piece_without_a_plugin_and_other_values_are_errors() -> None:
    with pytest.raises(OptionsError) as caught:
        display(Piece("a"))
    assert caught.value.field == "plugin"
    with pytest.raises(OptionsError) as caught:
        display(3)  # type: ignore[arg-type]
    assert caught.value.field == "value"


# -- runs


def write_metrics(folder: Path, *lines: Any) -> Run:
    run = Run(str(folder))
    run.metrics.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return run


def test_run_of_a_model_is_shown_as_curves(trained: dict[str, Model]) -> None:
    run = trained["text"].run
    assert run is not None and run == Run(run.folder)
    shown = run.display()
    assert shown == display(run) == display(str(run.folder)) and run._repr_mimebundle_()["text/html"] == shown.html
    svg = picture_of(shown.html)
    assert svg.count("<polyline") == 3 and "learning rate" in svg and "nan" not in svg
    assert re.search(r"step \d+, train loss \d+\.\d{4}, best valid loss \d+\.\d{4}$", shown.text)


def test_model_outside_a_run_has_no_run(trained: dict[str, Model], tmp_path: Path) -> None:
    path = trained["text"].path
    assert path is not None
    (tmp_path / "model.safetensors").write_bytes(path.read_bytes())
    assert seqforge.load(tmp_path / "model.safetensors").run is None


def test_points_of_a_curve_are_at_their_places(tmp_path: Path) -> None:
    run = write_metrics(
        tmp_path,
        {"event": "train", "t": 50, "nats_per_unit": 3.0, "rate": 0.001},
        {"event": "train", "t": 100, "nats_per_unit": 1.0, "rate": 0.002},
        {"event": "valid", "t": 100, "nats_per_unit": 2.0},
    )
    svg, summary = draw_curves(run.metrics)
    # The plot is 560 pixels wide from 64, and 260 pixels high from 30; the losses reach from 1 to 3.
    assert '<polyline points="344.0,30.0 624.0,290.0"' in svg
    assert '<circle cx="624.0" cy="160.0"' in svg
    assert summary == f"{tmp_path}: step 100, train loss 1.0000, best valid loss 2.0000"


def test_damaged_metrics_are_ignored(tmp_path: Path) -> None:
    good = {"event": "valid", "t": 5, "nats_per_unit": 2.5}
    run = write_metrics(
        tmp_path, "{", "\n", "3\n", {"event": "valid", "t": "<b>", "nats_per_unit": 1}, good,
        '{"event": "valid", "t": 9, "nats_per_unit": NaN}\n', {"event": "train", "t": True, "nats_per_unit": 1},
    )  # fmt: skip
    svg, summary = draw_curves(run.metrics)
    assert "<b>" not in svg and summary == f"{tmp_path}: step 5, best valid loss 2.5000"


def test_run_without_metrics_says_so(tmp_path: Path) -> None:
    shown = display(tmp_path / "<none>")
    assert shown.text == f"{tmp_path / '<none>'} has no metrics" and "&lt;none&gt; has no metrics" in shown.html


def test_long_curve_is_thinned(tmp_path: Path) -> None:
    events = [{"event": "train", "t": t, "nats_per_unit": 2.0, "rate": 0.1} for t in range(1, 5002)]
    svg, _ = draw_curves(write_metrics(tmp_path, *events).metrics)
    assert len(svg) < 40_000 and " 624.0," in svg
