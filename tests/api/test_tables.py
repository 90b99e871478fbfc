"""Training on tables, and the paths that model files store."""

import json
from pathlib import Path

import pytest
from fakekit import TINY, prose

import seqforge
from seqforge.modelfile import read_header


def test_table_is_a_corpus(tmp_path: Path) -> None:
    words = prose(4000).splitlines()
    lines = [f"{number},{text},{'ab'[number % 2]}" for number, text in enumerate(words)]
    (tmp_path / "data.csv").write_text("id,sequence,kind\n" + "\n".join(lines) + "\n")
    arguments = {"corpus": "data.csv", "text_column": "sequence", "label_columns": "kind"}
    model = seqforge.train("text", **arguments, steps=4, run=tmp_path / "r", **TINY)
    assert model.header.labels == {"kind": ("a", "b")}
    provenance = model.header.provenance
    assert (provenance["corpus"], provenance["text_column"], provenance["label_columns"]) == (
        ["data.csv"], "sequence", ["kind"],
    )  # fmt: skip
    assert sum(provenance["pieces"].values()) == len(words)
    (tmp_path / "r" / "model.safetensors").rename(tmp_path / "alone.safetensors")
    assert seqforge.load(tmp_path / "alone.safetensors").evaluate(split="train").pieces == provenance["pieces"]["train"]


def test_table_as_prose_is_remarked_upon(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("sequence\n" + prose(4000))
    messages: list[str] = []
    seqforge.train("text", corpus="data.csv", steps=1, run=tmp_path / "r", on_message=messages.append, **TINY)
    assert any("`text_column`" in message and "data.csv" in message for message in messages)


def test_text_column_of_a_plugin_without_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("sequence\n1 2\n")
    with pytest.raises(seqforge.UsageError) as caught:
        seqforge.train("numbers", corpus="data.csv", text_column="sequence", steps=1, run=tmp_path / "r", **TINY)
    assert caught.value.field == "text_column" and not (tmp_path / "r").exists()


def test_text_column_without_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose(4000))
    with pytest.raises(seqforge.OptionsError) as caught:
        seqforge.train("text", corpus="a.txt", text_column="sequence", steps=1, run=tmp_path / "r", **TINY)
    assert caught.value.field == "text_column"


@pytest.mark.parametrize("inside", [True, False])
def test_model_file_contains_no_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, inside: bool
) -> None:
    corpus = tmp_path / "private" / "texts"
    corpus.mkdir(parents=True)
    (corpus / "a.txt").write_text(prose(4000))
    monkeypatch.chdir(tmp_path if inside else tmp_path_factory.mktemp("elsewhere"))
    base = seqforge.train("text", corpus=str(corpus), steps=1, run=tmp_path / "base", **TINY)
    model = seqforge.train("text", corpus=str(corpus), init=str(base.path), steps=1, run=tmp_path / "r", **TINY)
    assert model.header.provenance["corpus"] == ["private/texts" if inside else "texts"]
    assert model.path is not None
    header = read_header(model.path).to_json()
    assert str(tmp_path) not in json.dumps(header) and str(Path.home()) not in json.dumps(header)
    assert model.evaluate(split="train").pieces  # the folder of the run stores the whole path
    (tmp_path / "alone.safetensors").write_bytes(model.path.read_bytes())
    alone = seqforge.load(tmp_path / "alone.safetensors")
    if inside:
        assert alone.evaluate(split="train").pieces
    else:
        with pytest.raises(seqforge.UsageError, match="was trained on texts"):
            alone.evaluate(split="train")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_tables_are_held_out_by_name(tmp_path: Path, suffix: str) -> None:
    for name, count in (("train", 60), ("valid", 9), ("test", 5)):
        rows = [(f"{name} {text}", "ab"[number % 2]) for number, text in enumerate(prose(9000).splitlines()[:count])]
        csv_text = "sequence,kind\n" + "".join(f"{text},{kind}\n" for text, kind in rows)
        json_text = "".join(json.dumps({"sequence": text, "kind": kind}) + "\n" for text, kind in rows)
        (tmp_path / f"{name}{suffix}").write_text(csv_text if suffix == ".csv" else json_text)
    model = seqforge.train(
        "text", corpus=f"train{suffix}", text_column="sequence", label_columns="kind", valid=f"valid{suffix}",
        test=f"test{suffix}", steps=2, run=tmp_path / "r", **TINY,
    )  # fmt: skip
    assert model.header.provenance["pieces"] == {"train": 60, "valid": 9, "test": 5}
    assert (model.evaluate(split="valid").pieces, model.evaluate().pieces) == (9, 5)
    assert model.header.labels == {"kind": ("a", "b")}
