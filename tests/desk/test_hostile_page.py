"""A page of somebody else in the person's own browser: it came before the desk, or stands beside it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

import pytest

from arlo_rec.desk import loopback
from arlo_rec.desk.loopback import Place
from arlo_rec.desk.server import Server
from arlo_rec.desk.session import Page
from tests.support import needs
from tests.support.browser import CHROMEDRIVER, Browser
from tests.support.listening import AtDesk
from tests.support.world import World

pytestmark = [pytest.mark.slow, needs.mark(needs.program(str(CHROMEDRIVER)))]
NAME, THEIRS = "attacker.example", "127.0.0.2"
RULES = f"--host-resolver-rules=MAP {NAME} {THEIRS}, MAP * ~NOTFOUND, EXCLUDE 127.*"

# -- what was there before ----------------------------------------------------------------------------

WORKER = """
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
const page = "<script>document.title = `theirs ${location.hash}`</script>";
const answer = () => new Response(page, { headers: { "Content-Type": "text/html" } });
addEventListener("fetch", (event) => event.respondWith(answer()));
"""
STAYS = """<script>
navigator.serviceWorker.register("/worker.js");
navigator.serviceWorker.ready.then(() => document.title = "stays");
</script>"""
KEPT = "<script>document.title = `theirs ${location.hash}`</script>"


class Before(BaseHTTPRequestHandler):
    """Another account's server on a port that a desk gets later."""

    def do_GET(self) -> None:
        body, kind = {"/worker.js": (WORKER, "text/javascript"), "/desk": (KEPT, "text/html")}.get(
            self.path, (STAYS, "text/html")
        )
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if self.path == "/desk":
            self.send_header("Cache-Control", "max-age=31536000, immutable")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving(made: ThreadingHTTPServer) -> Iterator[None]:
    with made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield
        made.shutdown()


@pytest.mark.parametrize("way", ["", "desk"])
def test_what_another_account_left_at_a_port_in_the_browser_does_not_get_the_token(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service worker, or a page that is kept for a year: either answers for what comes to its address and port."""
    with Browser(RULES) as browser:
        before = ThreadingHTTPServer((loopback.ONLY, 0), Before)
        with serving(before):
            browser.visit(f"http://{loopback.ONLY}:{before.server_port}/{way}")
            browser.wait_until("document.title")
        browser.visit("about:blank")
        bind = TCPServer.server_bind

        def on_that_port(made: TCPServer) -> None:
            made.server_address = (str(made.server_address[0]), before.server_port)
            bind(made)

        monkeypatch.setattr(TCPServer, "server_bind", on_that_port)
        titles = list[str]()
        for host in (loopback.drawn_host(by_ssh=False), loopback.ONLY):
            with serving(made := Server(Page({}), "en", host=host)):
                browser.visit(made.url if way == "" else made.url.replace("/#", "/desk#"))
                browser.wait_until("document.title")
                titles.append(browser.run("return document.title"))
        assert "theirs" not in titles[0]
        assert titles[1].startswith("theirs #"), "where the address is the same, the attack works"


def test_each_server_has_an_address_of_its_own_where_the_system_has_many() -> None:
    assert len({loopback.drawn_host(by_ssh=False) for _ in range(20)}) == 20
    assert loopback.drawn_host(by_ssh=True) == loopback.ONLY, "a machine that forwards the port may have no other"


@pytest.mark.parametrize(
    "told",
    [4711, ["127.0.0.1"], ["127.1", 80], ["10.0.0.1", 80], ["127.0.0.1@evil.example", 80], ["127.0.0.1\n", 80],
     ["127.0.0.1", 0], ["127.0.0.1", 65536], [127, 80], None],
)  # fmt: skip
def test_a_front_names_a_place_on_loopback_and_no_other(told: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        Place.read(told)


# -- what stands beside it ----------------------------------------------------------------------------


class Rebound:
    """A site whose name leads to its own server first and to the desk from then on: by a relay, byte for byte."""

    def __init__(self, desk: AtDesk) -> None:
        self._desk, self.leads_to_the_desk = (desk.host, desk.port), False
        self._own = socket.create_server((THEIRS, desk.port))
        self.origin = f"http://{NAME}:{desk.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=(self._own.accept()[0],)).start()

    def _answer(self, came: socket.socket) -> None:
        with came, suppress(OSError):
            asked = came.recv(65536)
            if not self.leads_to_the_desk:
                came.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>a site</title>"
                )
                return
            with socket.create_connection(self._desk) as desk:
                desk.sendall(asked)
                back = threading.Thread(target=_copy, args=(desk, came))
                back.start()
                _copy(came, desk)
                back.join()

    def close(self) -> None:
        self._own.close()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


AS_ITS_OWN = """  // once the name leads to the desk: its answers could be read
const [token, secret] = given;
const ask = (path, options) => fetch(path, options).then((answer) => answer.status, () => 0);
return Promise.all([
  ask("/"), ask("/desk"), ask("/desk.js"), ask("/nothing"), ask(`/${secret}/facts`), ask(`/${secret}/events`),
  ask("/enter", { method: "POST", body: token }), ask(`/${secret}/close`, { method: "POST", body: "" }),
  ask(`/${secret}/ask`, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }),
]);
"""
AS_A_STRANGER = """  // to the desk's own address, with whatever a page can load, send, open and frame
const [desk, token, secret] = given;
const ends = [];
const add = (kind, facts) => {
  const made = Object.assign(document.createElement(kind), facts);
  ends.push(new Promise((over) => {
    made.onload = made.onerror = () => over();
    setTimeout(over, 1000);  // a sound may tell nothing
  }));
  document.body.append(made);
  return made;
};
add("img", { src: `${desk}/` });
add("script", { src: `${desk}/desk.js` });
add("script", { src: `${desk}/${secret}/facts` });
add("link", { rel: "stylesheet", href: `${desk}/desk.css` });
add("audio", { src: `${desk}/${secret}/sound` });
add("iframe", { src: `${desk}/desk#${token}` });
add("iframe", { src: `${desk}/#${token}` });
for (const path of ["enter", `${secret}/close`, `${secret}/ask`]) {
  add("iframe", { name: path });
  const form = Object.assign(document.createElement("form"), { method: "post", target: path, enctype: "text/plain" });
  form.action = `${desk}/${path}`;
  form.append(Object.assign(document.createElement("input"), { name: token, value: "" }));
  document.body.append(form);
  form.submit();
  for (const mode of ["no-cors", "cors"]) {
    ends.push(fetch(`${desk}/${path}`, { method: "POST", mode, body: token }).catch(() => null));
  }
  navigator.sendBeacon(`${desk}/${path}`, token);
}
const wants = { headers: { "Content-Type": "application/json" }, method: "POST", body: "{}" };  // asks beforehand
ends.push(fetch(`${desk}/${secret}/ask`, wants).catch(() => null));
ends.push(new Promise((over) => { new WebSocket(`${desk.replace("http", "ws")}/${secret}/events`).onerror = over; }));
ends.push(new Promise((over) => { new EventSource(`${desk}/${secret}/events`).onerror = over; }));
const opened = open(`${desk}/desk#${token}`);
await Promise.all(ends);
const framed = [...document.querySelectorAll("iframe")].map((frame) => frame.contentWindow);
const seen = [opened, ...framed].filter((one) => {
  try { return one.document.body.childElementCount; } catch { return false; }  // of another origin
}).length;
opened?.close();
return seen;
"""


def test_a_hostile_page_gets_nothing_of_the_desk_though_its_name_leads_there_and_it_knows_token_and_path(
    world: World,
) -> None:
    with Browser(RULES, "--disable-popup-blocking") as browser, AtDesk(world) as desk:
        site = Rebound(desk)
        browser.visit(f"{site.origin}/")
        site.leads_to_the_desk = True
        for knows in ("the token", "the path"):
            browser._log("performance")
            statuses = browser.run_async(AS_ITS_OWN, desk.token, desk.secret)
            assert statuses == [421] * len(statuses), knows
            assert browser.run_async(AS_A_STRANGER, desk.origin, desk.token, desk.secret) == 0
            assert answered(browser, desk.origin) <= {403, 421, 501}, knows
            assert knows != "the token" or desk.enter().status == 200, "nobody used it"
        browser.visit(f"{site.origin}/desk#{desk.token}")
        assert browser.run("return document.querySelector('#words')") is None
        assert desk.get("/facts").status == 200, "and it goes on"
        site.close()


def answered(browser: Browser, origin: str) -> set[int]:
    """The statuses with which what lies at *origin* answered since the last look; at least one."""
    events = [json.loads(one["message"])["message"] for one in browser._log("performance")]
    answers = [one["params"]["response"] for one in events if one["method"] == "Network.responseReceived"]
    found = {int(one["status"]) for one in answers if one["url"].startswith(origin)}
    assert found
    return found
