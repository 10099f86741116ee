"""`arlo-rec listen` as a process of its own, and a browser of plain HTTP in front of it."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import subprocess
import sys
from copy import copy
from typing import Any, NamedTuple, Self

from tests.support.places import TOP
from tests.support.world import REASON, World

PATIENCE = 30  # seconds


class Got(NamedTuple):
    """An answer of the page's server."""

    status: int
    head: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


PROGRAM = ("-m", "arlo_rec")


def started(world: World, *words: str, terminal: bool = False) -> subprocess.Popen[str]:
    """A command that goes on, in the world's environment; with a *terminal* on which nobody types, if it is wanted."""
    return subprocess.Popen(
        [sys.executable, *PROGRAM, *words],
        env={**os.environ, **world._environment([*words]), "PYTHONPATH": str(TOP)},
        cwd=TOP,
        stdin=pty.openpty()[1] if terminal else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Listening:
    """One run of the command, from `with` to its end; *entered* with the token in the address."""

    def __init__(self, world: World, recording: str, *words: str, who: str = "leif", purpose: str = "quality") -> None:
        self._begin(world, "listen", recording, "--purpose", purpose, *words, *(world._who(who) if who else ()))

    def _begin(self, world: World, *words: str, lang: str = "en", terminal: bool = False) -> None:
        self.process = started(world, *words, "--reason", REASON, "--no-browser", "--lang", lang, terminal=terminal)
        self.said = self.process.stderr.readline() if self.process.stderr else ""
        found = re.search(r"http://(127[.\d]+):(\d+)/(?:desk)?#(\S+)", self.said)
        assert found, self.said + self.process.communicate()[1]
        self.host, self.port, self.token, self.secret = found[1], int(found[2]), found[3], "nowhere"
        self.origin = f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, method: str, path: str, body: str | None = None, **head: str) -> Got:
        """One request with these headers and no others but Host; `_` in a name is `-`."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in head.items()})
            answer = connection.getresponse()
            return Got(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def enter(self) -> Got:
        """Give the token, and keep the secret."""
        got = self.ask("POST", "/enter", self.token, Origin=self.origin)
        self.secret = got.body.decode() if got.status == 200 else self.secret
        return got

    def get(self, path: str, **head: str) -> Got:
        """A request as the page makes it."""
        return self.ask("GET", f"/{self.secret}{path}", **{"Sec_Fetch_Site": "same-origin", **head})

    def tell(self, path: str, told: object = None) -> Got:
        """A message as the page sends it."""
        body = "" if told is None else json.dumps(told)
        return self.ask("POST", f"/{self.secret}{path}", body, Origin=self.origin)

    def ended(self) -> tuple[int, str, str]:
        """Wait until the command has ended: exit status, stdout and stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


class Reviewing(Listening):
    """One run of a review on a page."""

    def __init__(self, world: World, *words: str, who: str = "leif") -> None:
        self._begin(world, "review", *words, "--page", *world._who(who))

    def play(self, *, copy: list[list[float]] | None = None, original: list[list[float]] | None = None) -> None:
        """As a browser does: it gets both sounds, and tells what was played of each."""
        for name in ("sound", "original"):
            self.get(f"/{name}")
        assert self.tell("/heard", {"spans": copy or [], "original": original or []}).status == 204


def hear_in_review(world: World, copy: str, spans: list[list[float]], who: str = "leif") -> None:
    """Hear those parts of a copy under review on its page, and leave it."""
    with Reviewing(world, copy, who=who) as page:
        page.enter()
        page.play(copy=spans)
        page.tell("/close")
        status, _, err = page.ended()
        assert status == 0, err


class AtDesk(Listening):
    """One run of the desk."""

    def __init__(
        self,
        world: World,
        who: str = "leif",
        *,
        words: tuple[str, ...] = ("desk",),
        lang: str = "en",
        terminal: bool = False,
    ) -> None:
        self._begin(world, *words, *(world._who(who) if who else ()), lang=lang, terminal=terminal)

    def at(self, url: str) -> AtDesk:
        """The page of a call that this desk opened."""
        page = copy(self)
        page.token, page.secret = url.partition("#")[2], "nowhere"
        return page

    def do(self, **asked: object) -> Any:
        """A request as the page makes it; its answer."""
        return self.tell("/ask", asked).json

    def show(self, view: str, **asked: object) -> Any:
        """A view, for quality and with a reason."""
        return self.do(do="show", view=view, **{"purpose": "quality", "reason": REASON, **asked})
