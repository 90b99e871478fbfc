"""A headless Chromium spoken to through its own pipe: real input events, no driver, no port."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
PATIENCE_S = 60.0


def find_browser() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page in a browser of its own; use it in a `with`."""

    def __init__(self, program: str, folder: Path) -> None:
        ours_read, theirs_write = os.pipe()
        theirs_read, ours_write = os.pipe()
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, 20) for each in (theirs_read, theirs_write)]
        for each in (theirs_read, theirs_write):
            os.close(each)
        self._from, self._to = ours_read, ours_write
        self._rest, self._last = b"", 0
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
        ]
        options += ["--no-first-run", "--disable-background-networking", f"--user-data-dir={folder / 'profile'}"]
        command = [sys.executable, "-c", START, *map(str, high), program, *options, "about:blank"]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=high, **quiet)
        for each in high:
            os.close(each)
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self._session = ""
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    _session = ""

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        os.close(self._from)
        os.close(self._to)

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        self._last += 1
        told: dict[str, Any] = {"id": self._last, "method": method, "params": values}
        if self._session and not method.startswith(("Target.", "Browser.")):
            told["sessionId"] = self._session
        os.write(self._to, json.dumps(told).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while True:
            while b"\0" in self._rest:
                line, _, self._rest = self._rest.partition(b"\0")
                answer = json.loads(line)
                if answer.get("id") == self._last:
                    assert "error" not in answer, (method, answer["error"])
                    return answer["result"]
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the browser did not answer {method} within {PATIENCE_S} s"
            data = os.read(self._from, 1 << 16)
            assert data, f"the browser ended at {method}"
            self._rest += data

    def run(self, code: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, code: str) -> Any:
        until = time.monotonic() + PATIENCE_S
        while not (found := self.run(code)):
            assert time.monotonic() < until, f"never true: {code}"
            time.sleep(0.02)
        return found

    def open(self, path: Path) -> None:
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def mouse(self, kind: str, x: float, y: float, *, down: bool = True) -> None:
        told = {"button": "left", "buttons": int(down), "clickCount": 1} if down or kind != "mouseMoved" else {}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **told)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    def click(self, element: str) -> None:
        box = self.run(
            f"(() => {{ const e = document.getElementById({element!r}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.mouse("mousePressed", *box)
        self.mouse("mouseReleased", *box, down=False)

    def picture(self) -> bytes:
        import base64

        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
