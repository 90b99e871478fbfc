"""The API for programs gives what the library gives, and survives the crash of a model's process."""

import base64
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import seqforge
from seqforge.plugin import registry
from seqforge.plugin.records import extract_record
from seqforge.studio.api import create_api
from seqforge.studio.app import create_app
from seqforge.studio.forms import form_of
from seqforge.studio.session import FORMAT

TOKEN = "token"
TUNE = "X:1\nT:A tune\nM:2/4\nL:1/8\nK:D\nd2 cB|A2 DF|EF ED|E2 D2|]\n"


@pytest.fixture(scope="module")
def api() -> Iterator[TestClient]:
    with client_of(create_api(TOKEN)) as client:
        yield client


def post(client: TestClient, path: str, **values: Any) -> dict[str, Any]:
    response = client.post(path, json=values)
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


def test_generate_gives_the_pieces_of_the_library(api: TestClient) -> None:
    request = {"model": "text:default", "request": {"prompt": "To be"}, "length": 60, "seed": 4, "candidates": 1}
    pieces = post(api, "/v1/generate", **request, n=2)["pieces"]
    model = seqforge.load("text:default")
    expected = [model.generate(prompt="To be", length=60, seed=seed, candidates=1)[0].content for seed in (4, 5)]
    assert [piece["text"] for piece in pieces] == expected
    (file,) = post(api, "/v1/generate", **request, format=".txt")["pieces"]
    assert base64.b64decode(file["file"]).decode() == expected[0]
    events = api.post("/v1/generate", json={**request, "stream": True}).text
    done = json.loads(events.partition("event: done\ndata: ")[2].partition("\n")[0])
    assert done["text"] == expected[0] and events.rstrip().endswith("event: end\ndata: {}")


def test_next_and_score_are_those_of_the_library(api: TestClient) -> None:
    model = seqforge.load("text:default")
    rows = post(api, "/v1/next", model="text:default", prompt="To b", top=3)["next"]
    expected = list(model.next("To b").items())[:3]
    assert [(row["token"], row["probability"]) for row in rows] == [(token, pytest.approx(p)) for token, p in expected]
    data = base64.b64encode(b"To be, or not to be").decode()
    (piece,) = post(api, "/v1/score", model="text:default", file=data, name="a.txt")["pieces"]
    assert piece["nats"] == pytest.approx(model.score("To be, or not to be").nats)


def test_infill_rewrites_the_chosen_bars_only(api: TestClient) -> None:
    data = base64.b64encode(TUNE.encode()).decode()
    text = post(api, "/v1/infill", model="abc:default", file=data, name="tune.abc", numbers=[2, 3])["text"]
    music = text.splitlines()[-1].split("|")
    assert (music[0], music[3]) == ("d2 cB", "E2 D2"), text


def test_classify_needs_a_model_with_labels(api: TestClient) -> None:
    data = base64.b64encode(b"To be").decode()
    response = api.post("/v1/classify", json={"model": "text:default", "file": data, "name": "a.txt"})
    assert response.status_code == 400 and "label" in response.json()["error"]


def test_classify_is_that_of_the_library(api: TestClient, tmp_path: Path) -> None:
    data = base64.b64encode(TUNE.encode()).decode()
    options = {"label": "rhythm", "prior": "corpus", "temperature": 3.0}
    result = post(api, "/v1/classify", model="abc:default", file=data, name="tune.abc", **options)
    model = seqforge.load("abc")
    (tmp_path / "tune.abc").write_text(TUNE)
    (piece,) = model.plugin.read(tmp_path / "tune.abc", model.options)
    assert result.pop("notes") == []
    assert result == json.loads(json.dumps(model.classify(piece, **options).to_json()))
    post(api, "/v1/classify", model="abc:default", file=data, name="tune.abc", label="rhythm")


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0), ("temperature", "2"), ("prior", "flat"), ("prior", 1), ("label", 1)]
)
def test_classify_names_the_field_that_is_wrong(api: TestClient, name: str, value: Any) -> None:
    data = base64.b64encode(TUNE.encode()).decode()
    values = {"label": "rhythm", name: value}
    response = api.post("/v1/classify", json={"model": "abc:default", "file": data, "name": "tune.abc", **values})
    assert (response.status_code, response.json()["field"]) == (400, name)


def test_document_describes_every_request(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    assert set(document["paths"]) >= {"/v1/generate", "/v1/next", "/v1/score", "/v1/infill", "/v1/classify"}
    schema = document["components"]["schemas"]["request_abc"]["properties"]
    assert schema["mode"]["enum"][0] == "major" and schema["bars"]["type"] == "integer"
    names = {model["name"] for model in api.get("/v1/models").json()["models"]}
    assert names >= {"text:default", "abc:default", "midi:songs", "handwriting:default"}


def test_request_that_names_a_file_of_the_server_is_refused(api: TestClient, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    for field, value in (
        ("style", str(secret)),
        ("text_file", str(secret)),
        ("style", "-"),
        ("text_file", "/etc/passwd"),
    ):
        values = {"model": "handwriting:default", "request": {"text": "a", field: value}}
        response = api.post("/v1/generate", json=values)
        assert response.status_code == 400 and "names a file of the server" in response.json()["error"], response.text


def test_session_of_more_takes_than_the_queue_has_room_for_is_opened_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqforge.studio.pool.MAX_WAITING", 1)
    path = tmp_path / "evening.seqforge.json"
    takes = [{"id": f"t{n}", "recipe": {"model": "text:default", "seed": n, "length": 5}} for n in range(3)]
    content = {"format": FORMAT, "takes": takes, "files": {}}
    with client_of(create_app(TOKEN, folder=tmp_path, session=path)) as client:
        assert client.post("/api/session/file", json=content).status_code == 201
    saved = json.loads(path.read_text())
    assert [take["recipe"]["seed"] for take in saved["takes"]] == [0, 1, 2]


@pytest.mark.parametrize("content", ["", "[]", '{"format": "seqforge session 2"}'])
def test_file_that_is_no_session_file_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(seqforge.UsageError) as caught:
        create_app(TOKEN, session=tmp_path / "a.json")
    assert caught.value.field == "session"


def test_damaged_session_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"format": FORMAT, "takes": [{"model": "text:default", "file": "f1"}], "files": {}}))
    before = path.read_bytes()
    with client_of(create_app(TOKEN, folder=tmp_path, session=path)) as client:
        assert "a.json" in client.get("/api/session").json()["note"]
    assert path.read_bytes() == before


def client_of(app: Any) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", headers={"authorization": f"Bearer {TOKEN}"})


def test_crash_of_a_worker_is_reported_and_it_starts_again(tmp_path: Path) -> None:
    with client_of(create_app(TOKEN, folder=tmp_path)) as client:
        upload = {"name": "a.txt", "model": "text:default"}
        assert client.post("/api/files", params=upload, content=b"To be").status_code == 201
        for process in active_children():
            if process.name == "seqforge-studio":
                process.kill()
                process.join()
        answers = [client.post("/api/files", params=upload, content=b"To be") for _ in range(2)]
        assert answers[-1].status_code == 201, answers[-1].text


def test_fields_of_a_class_come_before_inherited_ones_and_files_last() -> None:
    names = [entry["name"] for entry in form_of(seqforge.load("midi:songs").plugin.Request)]
    assert names.index("bars") < names.index("chords") < names.index("prompt_file")


@pytest.mark.parametrize(
    ("model", "request_", "kind"),
    [("abc:default", {"bars": 4, "meter": "2/4"}, "vary"), ("handwriting:default", {"text": "a"}, "")],
)
def test_copied_command_writes_the_downloaded_file(
    model: str, request_: dict[str, Any], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "session").mkdir()
    with client_of(create_app(TOKEN, folder=tmp_path / "session")) as client:
        take = complete_take(client, {"model": model, "seed": 3, "candidates": 1, "request": request_})
        if kind:
            name, content = download(client, take)
            (tmp_path / name).write_bytes(content)
            edit = {"kind": kind, "parent": take}
            take = complete_take(client, {"model": model, "seed": 4, "candidates": 1, "edit": edit})
        words = shlex.split(client.get(f"/api/takes/{take}/command").json()["command"])
        name, content = download(client, take)
    assert words[:2] == ["seqforge", "generate"] and words[-1] == name
    process = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    written = (tmp_path / name).read_bytes()
    if kind:  # the record of an edit names the folder of the file that it read
        records = [extract_record(registry.load("abc"), data, ".abc") for data in (written, content)]
        written, content = (record[1] for record in records if record is not None)
    assert written == content


def complete_take(client: TestClient, values: dict[str, Any]) -> str:
    """Return the id of a new take that is complete: a download waits for the job before it."""
    take: str = client.post("/api/takes", json=values).json()["takes"][0]["id"]
    download(client, take)
    (view,) = (item for item in client.get("/api/session").json()["takes"] if item["id"] == take)
    assert view["state"] == "done", view
    return take


def download(client: TestClient, take: str) -> tuple[str, bytes]:
    """Return the name and the content of the file of a take in the first format of its plugin."""
    (view,) = (item for item in client.get("/api/session").json()["takes"] if item["id"] == take)
    suffix = registry.load(view["plugin"]).writes[0]
    response = client.get(f"/api/takes/{take}/file", params={"format": suffix})
    assert response.status_code == 200, response.text
    return response.headers["content-disposition"].split('"')[1], response.content
