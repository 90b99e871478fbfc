"""A small Hugging Face Hub on this machine: it stores the files of commits in memory."""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlparse


class FakeHub(ThreadingHTTPServer):
    """The server; `files` maps the name of a repository to its files, `requests` lists what was requested."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def missing(self, code: str) -> None:
        self.answer(b"{}", 404, X_Error_Code=code, X_Error_Message="not found")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlparse(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        repository, _, rest = path.removeprefix("/").partition("/resolve/")
        if not rest:
            self.missing("RepoNotFound")
            return
        files = self.server.files.get(repository)
        name = rest.partition("/")[2]
        if files is None:
            self.missing("RepoNotFound")
        elif name not in files:
            self.missing("EntryNotFound")
        else:
            content = files[name]
            etag = hashlib.sha1(content).hexdigest()
            self.answer(content, ETag=f'"{etag}"', X_Repo_Commit="a" * 40, Accept_Ranges="none")

    def do_POST(self) -> None:
        path = urlparse(self.path).path
        self.server.requests.append(f"POST {path}")
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != "Bearer hf_test":
            self.answer(b'{"error": "no token"}', 401, X_Error_Message="Invalid username or password.")
        elif path == "/api/repos/create":
            values = json.loads(body)
            repository = f"{values['organization']}/{values['name']}" if values.get("organization") else values["name"]
            self.server.files.setdefault(repository, {})
            self.answer(json.dumps({"url": f"{self.server.address}/{repository}"}).encode())
        elif path == "/api/validate-yaml":
            self.answer(b'{"errors": [], "warnings": []}')
        elif "/preupload/" in path:
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                     for file in json.loads(body)["files"]]  # fmt: skip
            self.answer(json.dumps({"files": files}).encode())
        elif "/commit/" in path:
            repository = path.removeprefix("/api/models/").partition("/commit/")[0]
            for line in body.splitlines():
                item = json.loads(line)
                if item["key"] == "file":
                    self.server.files[repository][item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            commit = {"commitUrl": f"{self.server.address}/{repository}/commit/{'a' * 40}", "commitOid": "a" * 40}
            self.answer(json.dumps(commit).encode())
        else:
            self.missing("RepoNotFound")

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        content = self.rfile.read(size)
        self.rfile.readline()
        return content
