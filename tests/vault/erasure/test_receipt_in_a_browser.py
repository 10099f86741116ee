"""The page of a receipt as a customer has it: narrow and wide, light and dark, on one sheet of paper.

`PAGE_PICTURES=FOLDER` puts pictures where they can be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import needs
from tests.support import world as worlds
from tests.support.axe import violations
from tests.support.backups import back_up
from tests.support.browser import Browser
from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),  # one is enough
    needs.mark(needs.browser()),
]
CALLS = 20  # of one customer, on as many days


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        started.requested()
        yield started


@pytest.fixture(scope="module")
def receipt(template: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signed receipt of a customer who called often, with a backup that still opens the recordings."""
    world = worlds.copy(template, tmp_path_factory.mktemp("receipt"))
    for day in range(CALLS):
        world.deliver(f"call{day}", started=datetime.now(UTC) - timedelta(days=2 * day, hours=1), seed=day)
    world.take_in()
    back_up(world)
    return Path(world.json("withdraw", "90000001", "--yes", who="siri")["receipt"])


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_the_page_of_a_receipt_is_read_anywhere_and_fits_one_sheet(
    browser: Browser, receipt: Path, tmp_path: Path, lang: str
) -> None:
    page = tmp_path / f"receipt.{lang}.html"
    worlds.run(["certificate", "verify", str(receipt), "--page", str(page), "--lang", lang], {"HOME": str(tmp_path)})
    pictures = Path(os.environ.get("PAGE_PICTURES", tmp_path))
    browser.requested(), browser.complaints()
    for width, scheme in ((320, "light"), (1280, "dark"), (800, "light")):
        browser.width(width)
        browser.colours(scheme)
        browser.open(page)
        (pictures / f"receipt.{lang}.{width}.{scheme}.png").write_bytes(browser.whole_page())
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), width
        assert violations(browser) == []
    assert set(browser.requested()) == {page.as_uri()} and browser.complaints() == []
    paper = browser.printed()
    (pictures / f"receipt.{lang}.pdf").write_bytes(paper)
    assert paper.count(b"/Type /Page\n") == 1
    browser.click("a[download]")
    saved = browser.downloads / receipt.name
    browser.wait_for(lambda: saved.exists() and saved.read_bytes() == receipt.read_bytes())
    saved.unlink()
