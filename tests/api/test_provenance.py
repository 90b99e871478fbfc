import json
from pathlib import Path
from typing import Any

import pytest

from seqforge import DamagedFileError, Model, RequestError
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.provenance import (
    append_record,
    differences,
    digest,
    named_file,
    provenance_of,
    provenance_path,
    read_provenance,
)
from seqforge.api.record_format import FileEntry, Record, parse_records


@pytest.fixture
def record(trained: dict[str, Model], tmp_path: Path) -> dict[str, Any]:
    """The provenance of a file a.txt that was generated from a prompt in p.txt."""
    (tmp_path / "p.txt").write_text("the ")
    (tmp_path / "a.txt").write_text("the fox")
    request = GenerationRequest(
        models=(str(trained["text"].path),), seed=5, request={"prompt_file": str(tmp_path / "p.txt")}
    )
    entry = FileEntry("a.txt", (0,), digest(tmp_path / "a.txt"))
    return dict(json.loads(json.dumps(provenance_of(Generation(trained["text"], request), [entry]))))


def parsed(record: dict[str, Any]) -> Record:
    return parse_records(json.dumps(record))[0]


def test_path_is_beside_a_file_and_in_a_folder(tmp_path: Path) -> None:
    assert provenance_path(tmp_path / "a.txt") == tmp_path / "a.txt.provenance.json"
    assert provenance_path(tmp_path) == tmp_path / "provenance.json"


def test_record_has_request_models_inputs_and_files(
    record: dict[str, Any], trained: dict[str, Model], tmp_path: Path
) -> None:
    path = trained["text"].path
    assert path is not None
    assert record["plugin"] == "text" and record["request"]["seed"] == 5
    assert record["models"] == [{"path": str(path), "sha256": digest(path)}]
    assert record["inputs"] == [{"path": str(tmp_path / "p.txt"), "sha256": digest(tmp_path / "p.txt")}]
    assert record["files"] == [{"name": "a.txt", "k": [0], "sha256": digest(tmp_path / "a.txt")}]
    assert [prompt["steps"] for prompt in record["prompts"]] == [4]
    assert {"seqforge", "seqforge-text", "numpy", "python", "processor"} == set(record["versions"])


@pytest.mark.parametrize("text", ["a.txt", "a.txt#3", "a.txt:5-8,13", "a.txt#3:5 - 8"])
def test_text_names_a_file_with_a_piece_and_its_parts(text: str, record: dict[str, Any], tmp_path: Path) -> None:
    assert named_file(f"{tmp_path}/{text}") == tmp_path / "a.txt"


@pytest.mark.parametrize("text", ["", "b.txt", "a.txt:x", "a.txt#", "a.txt: the", ":5", "#3", "a" * 5000, "a\0:5"])
def test_other_text_names_no_file(text: str, record: dict[str, Any], tmp_path: Path) -> None:
    assert named_file(f"{tmp_path}/{text}") is None


def test_request_round_trips_through_json(record: dict[str, Any], trained: dict[str, Model]) -> None:
    request = parsed(record).request
    assert request == Generation(trained["text"], request).request and request.seed == 5
    assert request.models == (str(trained["text"].path),)


def test_record_is_found_by_file_folder_or_itself(record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.txt.provenance.json"
    path.write_text(json.dumps(record))
    assert read_provenance(tmp_path / "a.txt") == read_provenance(path)
    assert read_provenance(path).source == path and read_provenance(path).entries[0][0] == parsed(record)
    (tmp_path / "many").mkdir()
    path.rename(tmp_path / "many" / "provenance.json")
    for name in ("many", "many/a.txt", "many/provenance.json"):
        assert read_provenance(tmp_path / name).source == tmp_path / "many" / "provenance.json"
    with pytest.raises(RequestError, match="no provenance"):
        read_provenance(tmp_path / "many" / "b.txt")


def test_records_of_a_folder_are_appended(record: dict[str, Any], tmp_path: Path) -> None:
    later = {**record, "files": [{**record["files"][0], "name": "b.txt"}]}
    append_record(tmp_path, record)
    append_record(tmp_path, later)
    assert [entry.name for _, entry in read_provenance(tmp_path).entries] == ["a.txt", "b.txt"]
    assert json.loads((tmp_path / "provenance.json").read_text())["records"] == [record, later]


def test_record_of_a_repeated_command_is_stored_once(record: dict[str, Any], tmp_path: Path) -> None:
    for _ in range(2):
        append_record(tmp_path, json.loads(json.dumps(record)))
    assert json.loads((tmp_path / "provenance.json").read_text())["records"] == [record]


def test_provenance_of_an_earlier_release_is_read_and_kept(record: dict[str, Any], tmp_path: Path) -> None:
    earlier = {**record, "format": 2}
    (tmp_path / "provenance.json").write_text(json.dumps(earlier))
    append_record(tmp_path, {**record, "files": [{**record["files"][0], "name": "b.txt"}]})
    assert [entry.name for _, entry in read_provenance(tmp_path).entries] == ["a.txt", "b.txt"]
    assert json.loads((tmp_path / "provenance.json").read_text())["records"][0] == earlier


def test_last_record_that_fits_the_content_counts(record: dict[str, Any], tmp_path: Path) -> None:
    append_record(tmp_path, record)
    append_record(tmp_path, {**record, "files": [{**record["files"][0], "sha256": "0"}]})
    assert read_provenance(tmp_path / "a.txt").entries[0][1].sha256 == digest(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("edited")
    assert read_provenance(tmp_path / "a.txt").entries[0][1].sha256 == "0"


def test_file_without_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no provenance") as caught:
        read_provenance(tmp_path / "a.txt")
    assert (caught.value.field, caught.value.value) == ("replay", str(tmp_path / "a.txt"))


@pytest.mark.parametrize("part", ["format", "request", "models", "inputs", "files", "prompts", "versions"])
@pytest.mark.parametrize("value", [None, 9, ["a"]])
def test_damaged_record_is_an_error(record: dict[str, Any], tmp_path: Path, part: str, value: Any) -> None:
    path = tmp_path / "a.txt.provenance.json"
    path.write_text(json.dumps({**record, part: value}))
    with pytest.raises(DamagedFileError) as caught:
        read_provenance(tmp_path / "a.txt")
    assert str(path) in str(caught.value)


def test_differences_name_what_has_changed(record: dict[str, Any], trained: dict[str, Model], tmp_path: Path) -> None:
    assert differences(parsed(record), trained["text"]) == []
    (tmp_path / "p.txt").write_text("a ")
    record["versions"]["numpy"] = "1.0"
    changes = differences(parsed(record), trained["text"])
    assert changes[0] == f"{tmp_path / 'p.txt'} has changed" and changes[1].startswith("numpy was 1.0 and is ")
    (tmp_path / "p.txt").unlink()
    assert differences(parsed(record), trained["text"])[0] == f"{tmp_path / 'p.txt'} is missing"


def test_digest_of_missing_file_is_empty(tmp_path: Path) -> None:
    assert digest(tmp_path / "gone") == ""
