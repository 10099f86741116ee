"""Serve pages on the loopback interface alone, for one account and one browser: the desk, and one recording at a time.

Each request passes, in this order: the connection is of our own account; `Host` is this address; `Origin` and
`Sec-Fetch-Site`, where a browser sends them, name our page; the path begins with the secret that `POST /enter` gave for
a page's token; that page is not over. So another account of the machine, another page of the browser and a foreign name
that points here get nothing. A recording's page may stand in the frame of our own desk, and of no other page.
There is no cookie: a browser sends those of one port to all others. Sound and facts are never kept (`no-store`).
The address is one where nothing was served before (`loopback`).

Source: RFC 9110 (ranges), HTML (server-sent events), Fetch Metadata.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final, NoReturn

from arlo_rec.desk.loopback import ONLY, Place, account_of
from arlo_rec.desk.session import PIECE, Page, Session
from arlo_rec.law.messages import LANGUAGES, group, say
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.pages import render
from arlo_rec.policy import Purpose

PAGE: Final = Path(__file__).with_name("page")
_SCRIPTS: Final = ("start.js", "visit.js", "listen.js", "review.js")
_DESK_SCRIPTS: Final = ("desk.js",)
_STYLES: Final = ("listen.css", "desk.css")
_HTML, _JAVASCRIPT = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
_COMPOSED: Final = ("channel_", "closed_", "purpose_", "sign_", "source_", "status_", "type_")  # of composed codes


def page_files(lang: str) -> dict[str, tuple[str, bytes]]:
    """The page's files by path, as media type and bytes; raises ValueError for another language."""
    if lang not in LANGUAGES:
        raise ValueError(lang)
    files = {f"/{name}": (_JAVASCRIPT, (PAGE / name).read_bytes()) for name in (*_SCRIPTS, *_DESK_SCRIPTS)}
    files |= {f"/{name}": ("text/css; charset=utf-8", (PAGE / name).read_bytes()) for name in _STYLES}
    code = "".join(files[f"/{name}"][1].decode("utf-8") for name in _SCRIPTS)
    desk = render(PAGE, "desk.html.j2", lang=lang, words=_of_desk(lang)).encode("utf-8")
    return files | {"/": (_HTML, _markup(lang, code)), "/desk": (_HTML, desk)}


def _of_desk(lang: str) -> dict[str, str]:
    words = {code: pair[lang] for code, pair in group("desk.page").items()}
    return words | {f"purpose_{purpose}": say(f"purpose.{purpose}", lang) for purpose in Purpose}


def _markup(lang: str, code: str) -> bytes:
    """The markup of a recording's page, with the texts of its scripts."""
    words = {code: pair[lang] for code, pair in group("listening.page").items()}
    words |= {f"purpose_{purpose}": say(f"purpose.{purpose}", lang) for purpose in Purpose}
    for kind, sentences in (("type", "cut"), ("source", "cut_source"), ("status", "cut_status")):
        words |= {f"{kind}_{code}": pair[lang] for code, pair in group(sentences).items()}
    named = set(re.findall(r"\w+", code))
    said = {code for code in words if code in named or code.startswith(_COMPOSED)}
    return render(PAGE, "listen.html.j2", lang=lang, words=words, said=said).encode("utf-8")


BODY_BYTES: Final = 512 * 1024  # of a request; the longest reports heard spans
TICK: Final = 0.5  # seconds between two events
LAST_ANSWERS: Final = 1.0  # seconds for open answers when the session is over
SILENT_FOR: Final = 30.0  # seconds in which a connection must send a request
_RANGE: Final = re.compile(r"bytes=(\d{1,12})?-(\d{1,12})?", re.ASCII)
_ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self' blob:; connect-src 'self'; "
        "img-src 'self' data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Refused(Exception):
    """A request that is answered with a status alone."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Server(ThreadingHTTPServer):
    """The server of one person's pages; `url` is the first one's, for their browser."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(
        self,
        page: Page,
        lang: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        host: str = ONLY,
        place: Place | None = None,
    ) -> None:
        """Serve on a free port; on none if connections come through the door from another machine's *place*."""
        super().__init__(place or (host, 0), Handler, bind_and_activate=place is None)
        self.place, self.is_elsewhere = place or Place(*self.socket.getsockname()), place is not None
        self.clock, self._pages = clock, [page]
        self._answering, self._changed = 0, threading.Condition()
        self.origin = self.place.origin
        self.url = self._address(page)
        self.files = page_files(lang)

    def server_bind(self) -> None:
        """Bind without asking for the name of the address, as HTTPServer does."""
        TCPServer.server_bind(self)

    def add(self, page: Page) -> str:
        """Serve another page beside the first; the one before it may still report what was heard. Its address."""
        self._pages = [self._pages[0], *self._pages[1:][-1:], page]
        return self._address(page)

    def entered(self, token: str) -> Page | None:
        """The page that a browser enters with *token*; None for a wrong or used one."""
        return next((page for page in self._pages if page.is_open and page.visit.enter(token, self.clock())), None)

    def page_of(self, secret: str) -> Page | None:
        """The page of a secret, if there is one."""
        return next((page for page in self._pages if page.visit.knows(secret)), None)

    def _address(self, page: Page) -> str:
        return f"{self.origin}{page.path}#{page.visit.token}"

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection is of this program's account; the door has checked those from elsewhere."""
        return self.is_elsewhere or account_of(client_address, request.getsockname()) == os.geteuid()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a broken connection."""

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Context in which a request is answered."""
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def server_close(self) -> None:
        """Close after open answers, or after `LAST_ANSWERS`: the process ends with its threads."""
        with self._changed:
            self._changed.wait_for(lambda: not self._answering, LAST_ANSWERS)
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    page: Page  # of the request's secret
    protocol_version = "HTTP/1.1"
    timeout = SILENT_FOR
    server_version, sys_version = "arlo-rec", ""

    def do_GET(self) -> None:
        """Answer with a file of the page, or for its browser with facts, waveform, events or sound."""
        place, _, query = self.path.partition("?")
        with self.server.answering():
            self._answer(place, query)

    def do_POST(self) -> None:
        """Take the token, or a report or decision of the page."""
        with self.server.answering():
            self._take_post()

    def _take_post(self) -> None:
        try:
            self._demand_our_page(writes=True)
            body = self._body()
            if self.path == "/enter":
                self._enter(body)
                return
            what = self._demand_secret(self.path)
            if what == "heard":
                self._heard(self._session(), body)
            elif what in {"decide", "ask"}:
                self._ask(body)
                return
            elif what == "close":
                self.page.end("ended")
            else:
                self._find_nothing()
            self._send(HTTPStatus.NO_CONTENT)
        except Refused as refused:
            self._refuse(refused)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the store's log has what was heard."""

    # -- checks --------------------------------------------------------------------------------------

    def _demand_our_page(self, *, writes: bool) -> None:
        """Raise Refused unless a browser asked for our own address, and from our own page if it writes."""
        own = self.server.origin
        origin, site = self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site")
        if self.headers.get_all("Host", []) != [own.removeprefix("http://")]:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST)
        if origin not in ({own} if writes else {own, None}) or site not in {None, "same-origin", "none"}:
            raise Refused(HTTPStatus.FORBIDDEN)

    def _demand_no_body(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.BAD_REQUEST)

    def _demand_secret(self, place: str) -> str:
        """The request behind the secret that begins a path; raises Refused for a wrong secret."""
        secret, _, what = place.removeprefix("/").partition("/")
        page = self.server.page_of(secret)
        if page is None:
            raise Refused(HTTPStatus.FORBIDDEN)
        self.page = page
        return what

    def _session(self) -> Session:
        """The page of a recording; raises Refused on any other."""
        if not isinstance(self.page, Session):
            self._find_nothing()
        return self.page

    def _enter(self, body: bytes) -> None:
        page = self.server.entered(body.decode("utf-8", "replace"))
        if page is None:
            raise Refused(HTTPStatus.FORBIDDEN)
        self._send(HTTPStatus.OK, {"Content-Type": "text/plain; charset=utf-8"}, page.visit.secret.encode())

    def _find_nothing(self) -> NoReturn:
        raise Refused(HTTPStatus.NOT_FOUND)

    # -- answers --------------------------------------------------------------------------------------

    def _answer(self, place: str, query: str) -> None:
        file = self.server.files.get(place)
        try:
            self._demand_our_page(writes=False)
            self._demand_no_body()
            if file is not None:
                self._send(HTTPStatus.OK, {"Content-Type": file[0]}, file[1])
                return
            what = self._demand_secret(place)
            self._answers(query).get(what, self._find_nothing)()
        except Refused as refused:
            self._refuse(refused)
        except (ArloError, OSError):  # the object cannot be read, or the browser is gone
            self.close_connection = True

    def _answers(self, query: str) -> dict[str, Callable[[], None]]:
        """The answers that the page may request, by name."""
        page = self.page
        answers: dict[str, Callable[[], None]] = {"facts": lambda: self._json(page.facts), "events": self._events}
        if isinstance(page, Session):
            answers["peaks"] = lambda: self._json(page.waveform.peaks_from(_number(query)))
            answers |= {name: partial(self._sound, page, name) for name in page.tracks}
            if page.review is not None:
                answers["review"] = lambda: self._json(page.review_now() or {})
        return answers

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if len(lengths) != 1 or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.BAD_REQUEST)
        (length,) = lengths
        if not (length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= BODY_BYTES):
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return self.rfile.read(int(length))

    def _heard(self, session: Session, body: bytes) -> None:
        report = _object(body)
        for name in session.tracks:
            try:
                spans = [(float(begin), float(end)) for begin, end in report["spans" if name == "sound" else name]]
            except (KeyError, OverflowError, TypeError, ValueError):
                raise Refused(HTTPStatus.BAD_REQUEST) from None
            good = [(begin, end) for begin, end in spans if 0 <= begin < end < float("inf")]
            session.note_heard(name, good, self.server.clock())

    def _ask(self, body: bytes) -> None:
        """Hand a request, or decisions on a copy, to the thread that has the store open, and send its answer."""
        page = self.page
        if isinstance(page, Session) and page.review is None:
            self._find_nothing()
        page.visit.note_activity(self.server.clock())
        answered = page.requests.ask(_object(body))
        if answered is None:
            raise Refused(HTTPStatus.GONE)
        reply = json.dumps(answered.told).encode()
        self._send(answered.status, {"Content-Type": "application/json"}, reply)

    def _events(self) -> None:
        """Send an event each TICK, until the session is over or the browser gone."""
        page, clock = self.page, self.server.clock
        self._head(HTTPStatus.OK, {"Content-Type": "text/event-stream", "Connection": "close"})
        page.visit.connect(clock())
        try:
            while page.is_open:
                self._event({"state": "open"} if page.is_watched else {"state": "unknown"})
                page.wait(TICK)
            self._event({"state": "closed", "why": page.why})
        finally:
            page.visit.disconnect(clock())

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _sound(self, session: Session, name: str) -> None:
        """Send a sound, or the requested range of it; breaks off when the session ends."""
        if not session.is_open:
            raise Refused(HTTPStatus.GONE)
        sound, stream = session.tracks[name].reader()
        with stream:
            start, stop = self._range(sound.size)
            is_part = "Range" in self.headers
            head = {"Content-Type": "audio/wav", "Accept-Ranges": "bytes", "Content-Length": str(stop - start)}
            if is_part:
                head["Content-Range"] = f"bytes {start}-{stop - 1}/{sound.size}"
            self._head(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK, head)
            for place in range(start, stop, PIECE):
                end = min(place + PIECE, stop)
                piece = sound.read(place, end)
                if not session.note_given(name, sound.seconds_of(place, end), self.server.clock()):
                    self.close_connection = True
                    return
                self.wfile.write(piece)

    def _range(self, size: int) -> tuple[int, int]:
        """Start and stop of the requested range; raises Refused for one outside."""
        asked = self.headers.get("Range")
        match = _RANGE.fullmatch(asked) if asked is not None else None
        if asked is None:
            return 0, size
        if match is None or match[1] == match[2] is None:
            raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        if match[1] is None:
            start, stop = max(0, size - int(match[2])), size
        else:
            start, stop = int(match[1]), min(size, int(match[2]) + 1) if match[2] is not None else size
        if not start < stop:
            raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        return start, stop

    # -- writing --------------------------------------------------------------------------------------

    def _refuse(self, refused: Refused) -> None:
        """Send a refusal and close: the unread rest of a request must not count as another."""
        self._send(refused.status, {"Connection": "close"})

    def _json(self, document: dict[str, Any]) -> None:
        self.page.wait_until_given()
        if not self.page.is_open:
            raise Refused(HTTPStatus.GONE)
        body = json.dumps(document).encode()
        self._send(HTTPStatus.OK, {"Content-Type": "application/json"}, body)

    def _send(self, status: HTTPStatus, head: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        with suppress(OSError):
            self._head(status, {**(head or {}), "Content-Length": str(len(body))})
            if self.command != "HEAD":
                self.wfile.write(body)

    def _head(self, status: HTTPStatus, head: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_ALWAYS, **head}.items():
            self.send_header(name, value)
        self.end_headers()


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused(HTTPStatus.BAD_REQUEST)
    return document


def _number(query: str) -> int:
    match = re.fullmatch(r"from=(\d{1,9})", query, re.ASCII)
    return int(match[1]) if match else 0
