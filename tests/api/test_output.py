import json
from pathlib import Path
from typing import Any

import pytest

import seqforge
from seqforge import DamagedFileError, Model, RequestError, UsageError, WriteError
from seqforge.api.generation import GenerationRequest
from seqforge.api.output import OutputFiles, check_output, generate_files, parse_formats
from seqforge.api.provenance import is_unchanged, read_provenance


@pytest.fixture
def model(trained: dict[str, Model]) -> Model:
    return trained["text"]


def write(model: Model, output: str | Path, *, seed: int = 0, n: int = 1, **settings: Any) -> list[Path]:
    return generate_files(model, GenerationRequest(n=n, seed=seed, length=20.0), output, **settings)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_unchanged_generated_file_is_replaced(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    assert write(model, path) == [path]
    before = path.read_bytes()
    write(model, path, seed=1)
    assert path.read_bytes() != before and is_unchanged(path, model.plugin)
    assert names(tmp_path) == ["a.txt", "a.txt.provenance.json"]


@pytest.mark.parametrize("content", ["my own text", ""])
def test_file_of_a_person_is_not_replaced(model: Model, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    with pytest.raises(UsageError, match=r"a\.txt exists .* `replace`"):
        write(model, tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == content and names(tmp_path) == ["a.txt"]
    write(model, tmp_path / "a.txt", replace=True)
    assert is_unchanged(tmp_path / "a.txt", model.plugin)


def test_edited_file_is_not_replaced(model: Model, tmp_path: Path) -> None:
    write(model, tmp_path / "a.txt")
    with (tmp_path / "a.txt").open("a") as file:
        file.write("!")
    with pytest.raises(UsageError, match="would be lost"):
        write(model, tmp_path / "a.txt")


def test_broken_link_is_not_replaced(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(UsageError, match="would be lost"):
        write(model, tmp_path / "a.txt")


def test_file_in_place_of_the_record_is_not_replaced(model: Model, tmp_path: Path) -> None:
    (tmp_path / "a.txt.provenance.json").write_text("mine")
    with pytest.raises(UsageError, match="is not a provenance record"):
        write(model, tmp_path / "a.txt")
    write(model, tmp_path / "a.txt", replace=True)
    assert is_unchanged(tmp_path / "a.txt", model.plugin)


@pytest.mark.parametrize("name", ["p.txt", "sub/../p.txt", "link.txt", "hard.txt"])
def test_output_is_never_an_input(model: Model, tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "p.txt").write_text("the ")
    (tmp_path / "link.txt").symlink_to("p.txt")
    (tmp_path / "hard.txt").hardlink_to(tmp_path / "p.txt")
    request = GenerationRequest(length=20.0, request={"prompt_file": str(tmp_path / "p.txt")})
    with pytest.raises(UsageError, match="also an input"):
        generate_files(model, request, tmp_path / name, replace=True)
    assert (tmp_path / "p.txt").read_text() == "the "


def test_numbering_of_a_folder_continues(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(model, folder, n=2)
    (folder / "0007.svg").write_text("a drawing of the seventh")
    (folder / "notes.txt").write_text("mine")
    assert [path.name for path in write(model, folder, seed=1, n=2)] == ["0008.txt", "0009.txt"]
    assert names(folder) == [
        "0001.txt", "0002.txt", "0007.svg", "0008.txt", "0009.txt", "notes.txt", "provenance.json",
    ]  # fmt: skip
    entries = read_provenance(folder).entries
    assert [(entry.name, entry.numbers) for _, entry in entries] == [
        ("0001.txt", (0,)), ("0002.txt", (1,)), ("0008.txt", (0,)), ("0009.txt", (1,)),
    ]  # fmt: skip


def test_overwrite_numbers_from_the_start_and_keeps_edited_files(model: Model, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(model, folder, n=3)
    assert [path.name for path in write(model, folder, seed=1, overwrite=True)] == ["0001.txt"]
    assert [record.request.seed for record, _ in read_provenance(folder).entries] == [1, 0, 0]
    (folder / "0002.txt").write_text("edited")
    with pytest.raises(UsageError, match=r"0002\.txt exists"):
        write(model, folder, n=2, overwrite=True)
    write(model, folder, n=2, overwrite=True, replace=True)
    assert is_unchanged(folder / "0002.txt", model.plugin)
    assert len(json.loads((folder / "provenance.json").read_text())["records"]) == 3


def test_damaged_provenance_of_a_folder_is_an_error_before_anything_is_written(model: Model, tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("mine")
    with pytest.raises(DamagedFileError, match="is not the provenance"):
        write(model, tmp_path)
    assert names(tmp_path) == ["provenance.json"]


def test_files_of_an_interrupted_generation_have_a_record(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = OutputFiles.add

    def interrupted(files: OutputFiles, piece: Any) -> list[Path]:
        if files.count == 2:
            raise KeyboardInterrupt
        return add(files, piece)

    monkeypatch.setattr(OutputFiles, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(model, tmp_path / "out", n=5)
    assert names(tmp_path / "out") == ["0001.txt", "0002.txt", "provenance.json"]
    assert [entry.name for _, entry in read_provenance(tmp_path / "out").entries] == ["0001.txt", "0002.txt"]


def test_several_formats_of_a_file(trained: dict[str, Model], tmp_path: Path) -> None:
    paths = write(trained["numbers"], tmp_path / "five", formats=[".num", ".one"])
    assert [path.name for path in paths] == ["five.num", "five.one"]
    assert names(tmp_path) == ["five.num", "five.num.provenance.json", "five.one", "five.one.provenance.json"]


def test_several_formats_of_a_folder(trained: dict[str, Model], tmp_path: Path) -> None:
    write(trained["numbers"], f"{tmp_path}/out/", n=2, formats=[".num", ".one"])
    assert names(tmp_path / "out") == ["0001.num", "0001.one", "0002.num", "0002.one", "provenance.json"]


def test_formats_must_be_possible(trained: dict[str, Model], tmp_path: Path) -> None:
    plugin = trained["numbers"].plugin
    with pytest.raises(RequestError, match=r"does not write \.svg files; it writes \.num, \.one"):
        OutputFiles(plugin, tmp_path / "a", formats=[".svg"])
    with pytest.raises(RequestError, match="leave the suffix of the file out"):
        OutputFiles(plugin, tmp_path / "a.num", formats=[".one"])
    with pytest.raises(RequestError, match="holds one piece"):
        OutputFiles(plugin, tmp_path / "a", n=2, formats=[".num", ".one"])
    with pytest.raises(WriteError, match="there is no folder"):
        OutputFiles(plugin, tmp_path / "gone" / "a.num")
    assert OutputFiles(plugin, tmp_path / "v1.5", formats=[".one"]).formats == (".one",)


@pytest.mark.parametrize("text", ["", "svg,,mid", ".", ","])
def test_list_of_formats_is_not_empty(text: str) -> None:
    with pytest.raises(RequestError, match="`format`"):
        parse_formats(text)


def test_output_without_provenance_is_replaced_by_force_only(tmp_path: Path) -> None:
    path = tmp_path / "attention.svg"
    check_output(path, [], plugin=None, replace=False)
    path.write_text("<svg/>")
    with pytest.raises(UsageError, match="would be lost"):
        check_output(path, [], plugin=None, replace=False, field="show_attention")
    check_output(path, [], plugin=None, replace=True)


@pytest.mark.parametrize(
    ("name", "suffix", "request_"),
    [
        ("abc:default", ".abc", {"bars": 2}),
        ("abc:default", ".mid", {"bars": 2}),
        ("midi:songs", ".mid", {"bars": 1}),
        ("midi:songs", ".svg", {"bars": 1}),
        ("handwriting:default", ".svg", {"text": "a"}),
        ("handwriting:default", ".png", {"text": "a"}),
    ],
)
def test_file_with_an_embedded_record_stands_alone(
    name: str, suffix: str, request_: dict[str, Any], tmp_path: Path
) -> None:
    model, path = seqforge.load(name), tmp_path / f"a{suffix}"
    generate_files(model, GenerationRequest(request=request_), path)
    assert names(tmp_path) == [path.name] and is_unchanged(path, model.plugin)
    record, entry = read_provenance(path).entries[0]
    assert record.plugin == model.plugin.name and entry.name == path.name
    if suffix in model.plugin.reads:
        (piece,) = model.plugin.read(path, model.options)
        plain = tmp_path / f"plain{suffix}"
        embedded = model.plugin.extract(path.read_bytes(), suffix)  # type: ignore[attr-defined]
        plain.write_bytes(embedded[1])
        (expected,) = model.plugin.read(plain, model.options)
        assert piece.content == expected.content  # type: ignore[union-attr]
    path.write_bytes(path.read_bytes().replace(b"seed", b"Seed", 1))
    assert not is_unchanged(path, model.plugin)
