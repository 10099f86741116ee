"""A real browser for tests: Debian's chromium, driven through chromedriver by W3C WebDriver over HTTP.

Standard library only. The browser has a fresh profile, resolves no name, and keeps what it asked for and what
it complained about in logs that a test can read.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
PATIENCE = 30  # seconds: for a page on a busy machine, not for an answer that never comes
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, 12.1

ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-back-forward-cache",  # a page that was left would still be asked for its picture
    "--host-resolver-rules=MAP * ~NOTFOUND",  # as if there were no network
    "--window-size=1000,1400",
)

LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*"  # for `Browser`: a server of this machine is reached


class Browser:
    """One browser with one window, from `with` to its end; *downloads* is where it saves files."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = [*ARGUMENTS, *arguments]
        self._emulated: dict[str, dict[str, object]] = {}

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="browser-"))
        self.downloads = self.folder / "downloads"
        self.downloads.mkdir()
        self.driver = subprocess.Popen(
            [CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            self.address = f"http://127.0.0.1:{self._port()}"
            told = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": self._capabilities()}})
        except BaseException:
            self._stop()
            raise
        self.session = f"/session/{told['sessionId']}"
        self._post("/timeouts", script=PATIENCE * 1000, pageLoad=PATIENCE * 1000)
        self._post("/url", url="about:blank")  # away from the browser's own first page
        return self

    def __exit__(self, *problem: object) -> None:
        try:
            self._ask("DELETE", self.session)
        finally:
            self._stop()

    # -- what a person does ---------------------------------------------------------------------------

    def open(self, file: Path) -> None:
        self.visit(file.absolute().as_uri())

    def visit(self, address: str) -> None:
        self._post("/url", url=address)

    def type(self, selector: str, text: str) -> None:
        element = self._find(selector)
        self._post(f"/element/{element}/clear")
        self._post(f"/element/{element}/value", text=text)

    def click(self, selector: str) -> None:
        self._post(f"/element/{self._find(selector)}/click")

    def press_keys(self, *keys: str) -> None:
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def press_together(self, *keys: str) -> None:
        """All of *keys* down, and then up again."""
        strokes = [{"type": "keyDown", "value": key} for key in keys]
        strokes += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def drag(self, selector: str, *shares: float) -> None:
        """Press on an element, at the first of *shares* of its width, and move to the others; at the last let go."""
        box = self.run("return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector)
        steps: list[dict[str, object]] = []
        for share in shares:
            x, y = round(box["x"] + share * box["width"]), round(box["y"] + box["height"] / 2)
            steps.append({"type": "pointerMove", "duration": 0, "x": x, "y": y})
        steps.insert(1, {"type": "pointerDown", "button": 0})
        steps.append({"type": "pointerUp", "button": 0})
        self._post("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": steps}])

    def text(self, selector: str) -> str:
        """The text as it is seen."""
        return str(self._ask("GET", f"{self.session}/element/{self._find(selector)}/text"))

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._ask("GET", f"{self.session}/screenshot"))

    def width(self, pixels: int) -> None:
        """Make the window that wide, as a device with such a screen has it."""
        self._emulate("setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=False)

    def colours(self, scheme: str) -> None:
        """Prefer `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._emulate("setEmulatedMedia", media="", features=features)

    def whole_page(self) -> bytes:
        """The whole page as PNG, at the window's width."""
        return self._taken(lambda: self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def printed(self) -> bytes:
        """The page as PDF, as it is printed on A4."""
        return self._taken(lambda: self._post("/print", background=False, page={"width": 21.0, "height": 29.7}))

    def command(self, method: str, **parameters: object) -> Any:
        """What a command of the Chrome DevTools Protocol answers."""
        return self._post("/goog/cdp/execute", cmd=method, params=parameters)

    # -- what a test looks at -------------------------------------------------------------------------

    def run(self, script: str, *arguments: object) -> Any:
        """What *script* returns."""
        return self._post("/execute/sync", script=script, args=list(arguments))

    def run_async(self, script: str, *arguments: object) -> Any:
        """What the promise of the async function with the body *script* gives."""
        body = f"const done = [...arguments].pop(); (async (...given) => {{ {script} }})(...arguments).then(done)"
        return self._post("/execute/async", script=body, args=list(arguments))

    def wait_until(self, condition: str) -> None:
        """Wait in the page until the expression *condition* holds; fails after `PATIENCE`."""
        self.run_async(f"while (!({condition})) await new Promise((next) => setTimeout(next, 10));")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait here until *condition* holds, as for a file that is being saved; fails after `PATIENCE`."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    def accessible(self, selector: str) -> tuple[str, str]:
        """Role and name of an element as a screen reader gets them."""
        element = f"{self.session}/element/{self._find(selector)}"
        return self._ask("GET", f"{element}/computedrole"), self._ask("GET", f"{element}/computedlabel")

    def requested(self) -> list[str]:
        """The address of everything that the pages asked for since the last look."""
        events = [json.loads(one["message"])["message"] for one in self._log("performance")]
        return [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What stands in the browser's console since the last look."""
        return [str(one["message"]) for one in self._log("browser")]

    # -- the protocol ---------------------------------------------------------------------------------

    def _find(self, selector: str) -> str:
        return str(self._post("/element", using="css selector", value=selector)[ELEMENT])

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._post("/se/log", type=kind)
        return found

    def _emulate(self, what: str, **parameters: object) -> None:
        self._emulated[what] = parameters
        self.command(f"Emulation.{what}", **parameters)

    def _taken(self, take: Callable[[], str]) -> bytes:
        """A picture of the page; from a new window where this one is detached, as a busy browser may leave it."""
        try:
            return base64.b64decode(take())
        except AssertionError:
            address = str(self._ask("GET", f"{self.session}/url"))
            self._post("/window", handle=self._post("/window/new", type="tab")["handle"])
            for what, parameters in self._emulated.items():
                self._emulate(what, **parameters)
            self.visit(address)
            return base64.b64decode(take())

    def _post(self, path: str, **told: object) -> Any:
        return self._ask("POST", self.session + path, told)

    def _ask(self, method: str, path: str, told: dict[str, Any] | None = None) -> Any:
        body = None if told is None else json.dumps(told).encode()
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=3 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as problem:
            with problem:
                said = json.load(problem)["value"]
            raise AssertionError(f"{said['error']}: {said['message']}") from None

    def _capabilities(self) -> dict[str, Any]:
        return {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": str(CHROMIUM),
                "args": [*self.arguments, f"--user-data-dir={self.folder / 'profile'}"],
                "prefs": {"download.default_directory": str(self.downloads)},
            },
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }

    def _port(self) -> int:
        assert self.driver.stdout is not None
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rsplit(" ", 1)[1])
        raise AssertionError("chromedriver did not start")

    def _stop(self) -> None:
        self.driver.terminate()
        self.driver.communicate(timeout=PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)  # the browser may still be writing its last files
