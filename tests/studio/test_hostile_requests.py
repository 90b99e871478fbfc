"""Hostile requests: every one is answered with an error in one sentence, and nothing outside the session is touched."""

import base64
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from seqforge.studio.api import create_api
from seqforge.studio.app import create_app
from seqforge.studio.recipes import MAX_TEXT
from seqforge.studio.security import MAX_BODY
from tools.hostile_studio import attack

ROOT = Path(__file__).parents[2]
INK_NAMESPACE = "http://www.w3.org/2003/InkML"
TOKEN = "correct-token"
LOCAL = "http://127.0.0.1:8000"
TRUSTED = {"authorization": f"Bearer {TOKEN}"}
PATHS = ("/", "/page/main.js", "/api/session", "/api/events", "/api/takes/t1/picture", "/api/training", "/no/such")
HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8000",
    "127.0.0.1:9",
    "[::2]:8000",
    "",
    "a" * 999,
)
TRAVERSALS = (
    "/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page/....//app.py", "/page/%2fetc%2fpasswd",
    "/page//etc/passwd", "/page/..%5capp.py", "/page/index.html%00.js", "/page/.%2e/%2e./pyproject.toml",
)  # fmt: skip
NOT_JSON = (
    b"",
    b"{",
    b"[1,",
    b"\xff\xfe",
    b"NaN",
    b'{"n": Infinity}',
    b"[" * 50_000,
    b'"' + b"a" * 300_000 + b'"',
    b"null",
)
WRONG_RECIPES: tuple[Any, ...] = (
    [], 5, "text", {}, {"model": 7}, {"model": "/etc/passwd"}, {"model": "../../etc/passwd"},
    {"model": "text:default\0"},
    *({"model": "text:default", **values} for values in (
        {"seed": -1}, {"seed": 1.5}, {"seed": True}, {"seed": 10**30}, {"length": -1}, {"length": 1e300},
        {"length": "9"},
        {"n": 0}, {"n": 9}, {"n": 10**9}, {"n": None}, {"n": True}, {"candidates": 1000}, {"labels": []},
        {"labels": {"a": 1}},
        {"controls": [1]}, {"controls": {"temperature": []}}, {"controls": {"a" * 99: 1}}, {"request": {"prompt": [1]}},
        {"request": {"prompt": "a" * (MAX_TEXT + 1)}}, {"request": {"prompt": "\0"}},
        {"request": {str(i): 1 for i in range(99)}},
        {"request": {"prompt_file": {"file": "../../etc/passwd"}}},
        {"request": {"prompt_file": {"file": "f1", "x": 1}}},
        {"request": {"prompt_file": {"file": "f999"}}}, {"edit": "vary"}, {"edit": {}}, {"edit": {"kind": "delete"}},
        {"edit": {"kind": "vary", "parent": "t999"}}, {"edit": {"kind": "vary", "parent": "../t1"}},
        {"edit": {"kind": "rewrite", "parent": "t1", "numbers": []}},
        {"edit": {"kind": "vary", "parent": "t1", "numbers": [1]}},
        {"edit": {"kind": "rewrite", "parent": "t1", "numbers": [-1]}},
        {"edit": {"kind": "rewrite", "parent": "t1", "numbers": "12"}},
        {"edit": {"kind": "rewrite", "parent": "t1", "numbers": [10**9]}}, {"__class__": "x"}, {"path": "/etc/passwd"},
    )),
)  # fmt: skip
WRONG_SESSIONS: tuple[Any, ...] = (
    [], {}, {"format": "seqforge session 2"},
    *({"format": "seqforge session 1", **values} for values in (
        {}, {"takes": {}, "files": {}}, {"takes": [1], "files": {}}, {"takes": [], "files": []},
        {"takes": [], "files": {"f1": 1}},
        {"takes": [], "files": {"f1": {"name": "a.abc", "data": "!!"}}},
        {"takes": [{"recipe": {"model": 1}}], "files": {}},
        {"takes": [{"model": "text:default", "file": "f1", "place": 0}], "files": {}},
        {"takes": [{"recipe": {"model": "text:default", "edit": {"kind": "vary", "parent": "t9"}}}], "files": {}},
        {"takes": [{}] * 500, "files": {}},
    )),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[TestClient]:
    app = create_app(TOKEN, port=8000, folder=folder)
    with TestClient(app, base_url=LOCAL, raise_server_exceptions=True, follow_redirects=False) as client:
        yield client


@pytest.fixture(scope="module")
def api() -> Iterator[TestClient]:
    with TestClient(create_api(TOKEN, port=8000), base_url=LOCAL, raise_server_exceptions=True) as client:
        yield client


def refused(response: Any) -> bool:
    """Return whether an answer is an error in words, without a traceback and without a path of this machine."""
    assert "Traceback" not in response.text and str(Path(__file__).parents[2]) not in response.text, response.text
    return 400 <= response.status_code < 500


def test_requests_without_the_token_get_nothing(studio: TestClient) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"cookie": "seqforge-8000=wrong"}):
        for path in PATHS:
            response = studio.get(path, headers=headers)
            assert response.status_code == 403 and "<" not in response.text
    assert studio.get("/api/session", params={"token": TOKEN}).status_code == 403, "only / takes it from the address"
    assert studio.get("/", params={"token": "wrong"}).status_code == 403


def test_token_in_the_address_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(studio: TestClient) -> None:
    response = studio.get("/", params={"token": TOKEN})
    cookie = response.headers["set-cookie"].lower()
    assert response.status_code == 303 and response.headers["location"] == "/"
    assert "httponly" in cookie and "samesite=strict" in cookie
    studio.cookies.clear()


def test_requests_of_other_hosts_and_sites_are_refused(studio: TestClient) -> None:
    for path in PATHS:
        for host in HOSTS:
            assert studio.get(path, headers={**TRUSTED, "host": host}).status_code == 403, (path, host)
        for origin in ("https://evil.example", "http://127.0.0.1:9", "null", "http://localhost"):
            assert studio.post(path, headers={**TRUSTED, "origin": origin}).status_code == 403, (path, origin)
    for site in ("cross-site", "same-site"):
        headers = {**TRUSTED, "sec-fetch-site": site}
        assert studio.post("/api/stop", headers=headers).status_code == 403
    assert studio.get("/api/session", headers={**TRUSTED, "host": "localhost:8000"}).status_code == 200


def test_every_answer_has_the_headers_of_security(studio: TestClient) -> None:
    for path in PATHS[:3]:
        for headers in (TRUSTED, {}):
            answer = studio.get(path, headers=headers).headers
            assert "default-src 'none'" in answer["content-security-policy"]
            assert "unsafe" not in answer["content-security-policy"]
            assert answer["x-content-type-options"] == "nosniff" and "access-control-allow-origin" not in answer


def test_no_path_leads_out_of_the_page(studio: TestClient) -> None:
    for path in TRAVERSALS:
        response = studio.get(path, headers=TRUSTED)
        assert response.status_code == 404 and "import" not in response.text and "root:" not in response.text, path
    for take in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "t1", "%00", "t" * 2000):
        for part in ("picture", "sound", "file", "command"):
            assert studio.get(f"/api/takes/{take}/{part}", headers=TRUSTED).status_code in (400, 404)
    for run in ("../..", "/etc", "abc/../../etc", "x" * 5000):
        for after in ("0", "-1", "9" * 99, "x"):
            params = {"run": run, "after": after}
            assert refused(studio.get("/api/training/run", params=params, headers=TRUSTED))


def test_malformed_bodies_are_refused(studio: TestClient, api: TestClient) -> None:
    paths = ("/api/takes", "/api/session/file", "/api/training/start", "/api/training/stop", "/api/training/resume")
    for path in paths:
        for body in NOT_JSON:
            assert refused(studio.post(path, content=body, headers=TRUSTED)), (path, body[:20])
    for path in ("/v1/generate", "/v1/next", "/v1/score", "/v1/infill", "/v1/classify"):
        for body in NOT_JSON:
            assert refused(api.post(path, content=body, headers=TRUSTED)), (path, body[:20])


def test_wrong_recipes_are_refused_with_the_name_of_the_field(studio: TestClient, api: TestClient) -> None:
    for recipe in WRONG_RECIPES:
        response = studio.post("/api/takes", json=recipe, headers=TRUSTED)
        assert refused(response) and response.json()["field"], recipe
        if isinstance(recipe, dict) and "edit" not in recipe:
            assert refused(api.post("/v1/generate", json=recipe, headers=TRUSTED)), recipe
    assert studio.get("/api/session", headers=TRUSTED).json()["takes"] == []


def test_wrong_session_files_are_refused(studio: TestClient) -> None:
    for session in WRONG_SESSIONS:
        assert refused(studio.post("/api/session/file", content=json.dumps(session), headers=TRUSTED)), session


def test_large_bodies_are_refused_before_they_are_read(studio: TestClient) -> None:
    headers = {**TRUSTED, "content-length": str(MAX_BODY + 1)}
    assert studio.post("/api/files", content=b"", headers=headers).status_code == 413
    assert studio.post("/api/files", content=b"", headers={**TRUSTED, "content-length": "-5"}).status_code == 413
    chunks = (b"a" * 1_000_000 for _ in range(MAX_BODY // 1_000_000 + 2))  # without a length in the header
    assert studio.post("/api/files?model=text:default", content=chunks, headers=TRUSTED).status_code == 413


def test_trainings_accept_no_paths(studio: TestClient) -> None:
    for values in (
        {"plugin": "text", "corpus": "/etc"}, {"plugin": "text", "corpus": "../.."}, {"plugin": "../text"},
        {"plugin": "text", "upload": "/etc"},
        {"plugin": "text", "minutes": -1}, {"plugin": "text", "minutes": 1e9}, {"plugin": "text", "size": "--run=/etc"},
        {"plugin": "text", "options": {"level": "--corpus=/etc"}}, {"plugin": "text", "options": {"run": "/etc"}},
        {"plugin": "text", "options": []},
    ):  # fmt: skip
        assert refused(studio.post("/api/training/start", json=values, headers=TRUSTED)), values


def test_uploads_stay_in_the_session_folder_under_names_of_the_server(studio: TestClient, folder: Path) -> None:
    before = {path.name for path in folder.parent.iterdir()}
    for name in (
        "../../x.txt",
        "/etc/cron.d/x.txt",
        "..\\..\\x.txt",
        "x.txt/../../y.txt",
        "\0.txt",
        "a" * 3000 + ".txt",
    ):
        params = {"name": name, "model": "text:default", "as": "field"}
        assert studio.post("/api/files", params=params, content=b"hello", headers=TRUSTED).status_code == 201
        params = {"name": name, "upload": "../../up"}
        assert studio.post("/api/training/files", params=params, content=b"hello", headers=TRUSTED).status_code == 201
    assert {path.name for path in folder.parent.iterdir()} == before
    written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert len(written) == 12 and {path.parts[0] for path in written} == {"files", "corpora"}


def test_files_of_the_api_are_bounded(api: TestClient) -> None:
    for content in (None, 5, "not base64!", base64.b64encode(b"a" * 8_000_001).decode()):
        values = {"model": "text:default", "file": content, "name": "../x.txt"}
        assert refused(api.post("/v1/score", json=values, headers=TRUSTED))


def test_damaged_files_and_random_requests_get_a_sentence() -> None:
    damaged = damaged_files()
    report = attack(20, damaged=damaged)
    assert report.faults == []
    assert sum(report.statuses.values()) == 20 + len(damaged) > 80 and max(report.statuses) < 500


def damaged_files() -> list[tuple[str, str, bytes]]:
    """Return the damaged files of the tests of the plugins: model, name and content."""
    json_files, xml, tablets, traces, scores = (
        plugin_test(path)
        for path in (
            "handwriting/tests/test_stroke_json.py::test_damaged_json_is_rejected",
            "handwriting/tests/test_safe_xml.py::test_damaged_xml_is_rejected",
            "handwriting/tests/test_tablet_readers.py::test_damaged_files_are_refused",
            "handwriting/tests/test_inkml_reader.py::test_damaged_traces_are_rejected",
            "midi/tests/test_musicxml_reader.py::test_damaged_score_is_one_read_error",
        )
    )
    ink = [("x.json", data) for data, _ in json_files["data", "reason"]]
    ink += [
        (f"x{suffix}", data.replace("%s", root))
        for data, _ in xml["data", "reason"]
        for suffix, root in xml["suffix", "root"]
    ]
    ink += tablets["name", "content"]
    ink += [("x.inkml", f'<ink xmlns="{INK_NAMESPACE}">{body}</ink>') for body, _ in traces["body", "reason"]]
    songs = [(f"x{suffix}", data) for data in scores["content"] for suffix in scores["suffix"]]
    songs += [("x.mid", b"MThd"), ("x.mid", b""), ("x.mid", bytes(99))]
    files = [("handwriting:default", *item) for item in ink] + [("midi:songs", *item) for item in songs]
    files += [("abc:default", "x.abc", b""), ("abc:default", "x.abc", b"X:1"), ("text:default", "x.txt", b"\xff\xfe")]
    return [(model, name, data if isinstance(data, bytes) else data.encode()) for model, name, data in files]


def plugin_test(path: str) -> dict[Any, Any]:
    """Return the values of the parameters of a test of a plugin."""
    name, _, function = path.partition("::")
    file = ROOT / "plugins" / name
    sys.path.insert(0, str(file.parent))  # for its helpers
    try:
        spec = importlib.util.spec_from_file_location(f"plugin_{file.stem}", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    return {mark.args[0]: mark.args[1] for mark in getattr(module, function).pytestmark if mark.name == "parametrize"}


def test_unreadable_file_leaves_nothing_behind(studio: TestClient, folder: Path) -> None:
    before = sorted(folder.rglob("*.mid"))
    for _ in range(3):
        params = {"name": "x.mid", "model": "midi:songs"}
        response = studio.post("/api/files", params=params, content=b"MThd\0\0", headers=TRUSTED)
        assert refused(response) and response.json()["error"].startswith("x.mid cannot be read: ")
    assert sorted(folder.rglob("*.mid")) == before
