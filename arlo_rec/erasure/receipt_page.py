"""A deletion receipt as a page to print, in either language. It shows what the signed file says, and proves nothing."""

from __future__ import annotations

from typing import Any

from arlo_rec.i18n.html import Html, element, together
from arlo_rec.i18n.messages import has, say
from arlo_rec.model.records import from_iso
from arlo_rec.model.times import shown

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; color: #111 }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 1.5rem }
li { overflow-wrap: anywhere } code { font-size: .85rem }
@media print { body { margin: 0; max-width: none } }
"""


def render(told: dict[str, Any], lang: str) -> str:
    """The page in `nb` or `en` of a receipt that was verified."""

    def words(code: str, **values: object) -> str:
        return say(f"receipt.{code}", lang, **values)

    title = words("title", number=told["number"])
    why = f"why.{told['rule']}"
    ring = words("ring", at=shown(from_iso(told["ring_until"]))) if told["ring_until"] else words("no_ring")
    feed = [] if told["feed"] is None else [words(f"feed.{bool(told['feed'])}")]
    places = [words(f"place.{one}") for one in told["places"]]
    days = [words("day", day=day, count=count) for day, count in told["days"].items()]
    body = together(
        element("h1", title),
        element("p", words("done", count=told["count"], at=shown(from_iso(told["erased_at"])))),
        element("h2", words("why")),
        element("p", words(why) if has(f"receipt.{why}") else told["rule"]),
        element("p", f"{words('policy')}: {told['policy']} ({told['rule']})"),
        *([element("h2", words("days")), _list(days)] if days else []),
        element("h2", words("places")),
        _list([*places, *feed, ring]),
        *([element("h2", words("recordings")), _list(told["recordings"])] if told["recordings"] else []),
        element("h2", words("check")),
        element("p", words("how", number=told["number"], seq=told["entry"]["seq"])),
        element("p", element("code", told["log_keys"][0]["vkey"])),
    )
    head = together(
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        element("title", title),
        Html(f"<style>{_STYLE}</style>"),
    )
    return f"<!doctype html>\n{element('html', element('head', head), element('body', body), lang=lang)}\n"


def _list(lines: list[str]) -> Html:
    return element("ul", *(element("li", one) for one in lines))
