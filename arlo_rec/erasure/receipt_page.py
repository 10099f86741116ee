"""A deletion receipt as a page to print, in either language: the content of the signed file, without its proof.

Its words stand in `page/receipt.nb.html.j2` and `page/receipt.en.html.j2`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from arlo_rec.catalogue.log_proof import Genuine
from arlo_rec.i18n.pages import render as render_page
from arlo_rec.model.records import from_iso
from arlo_rec.model.times import shown

PAGE: Final = Path(__file__).with_name("page")


def render(genuine: Genuine, lang: str) -> str:
    """The page of a verified receipt, in `nb` or `en`."""
    receipt = genuine.document
    ring_until = receipt["ring_until"]
    return render_page(
        PAGE,
        f"receipt.{lang}.html.j2",
        **{key: receipt[key] for key in ("number", "count", "rule", "policy", "days", "places", "feed", "recordings")},
        erased_at=shown(from_iso(receipt["erased_at"])),
        ring_until=shown(from_iso(ring_until)) if ring_until else None,
        seq=receipt["entry"]["seq"],
        vkey=genuine.officer_vkey,
        style=(PAGE / "receipt.css").read_text("utf-8"),
    )
