"""The picture of the figures: as a browser shows it, as axe and a screen reader find it, and that it says no more."""

from __future__ import annotations

import base64
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.consent import picture
from arlo_rec.consent.figures import FEWEST, KINDS, Week, without_small
from tests.support.axe import violations
from tests.support.browser import MISSING, Browser
from tests.support.properties import examples
from tests.support.world import World

SVG = "{http://www.w3.org/2000/svg}"
ROWS = [
    Week("2026-W43", "en-2026-01", 88, 12, None),
    Week("2026-W43", "nb-2026-01", 104, 9, 4),
    Week("2026-W41", "nb-2026-01", 97, None, None),
]
browsers = pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}")


def parsed(rows: list[Week], lang: str = "en") -> ET.Element:
    return ET.fromstring(picture.svg(rows, lang))


def bars(root: ET.Element, kind: str) -> list[ET.Element]:
    return [each for each in root.iter(f"{SVG}rect") if each.get("class") == f"consent-{kind}"]


def test_a_picture_has_a_name_and_every_figure_in_words_for_a_screen_reader() -> None:
    root = parsed(ROWS)
    named = {each.get("id"): each.text or "" for each in root if each.tag in {f"{SVG}title", f"{SVG}desc"}}
    assert (root.get("role"), root.get("aria-labelledby", "").split()) == ("img", list(named))
    title, words = named.values()
    assert title == "Consents by week"
    for told_of in (
        "Week 2026-W43, prompt nb-2026-01: given 104, declined 9, withdrawn 4.",
        "Week 2026-W43, prompt en-2026-01: given 88, declined 12, withdrawn under 3.",
        "Week 2026-W41, prompt nb-2026-01: given 97, declined under 3, withdrawn under 3.",
        "Week 2026-W41, prompt en-2026-01: given under 3, declined under 3, withdrawn under 3.",
        "Week 2026-W42, prompt nb-2026-01: given under 3, declined under 3, withdrawn under 3.",
    ):
        assert told_of in words


def test_every_figure_has_a_bar_of_its_height_and_stands_over_it() -> None:
    root = parsed(ROWS)
    heights = {kind: [int(each.get("height", "0")) for each in bars(root, kind)[1:]] for kind in KINDS}  # 1: legend
    assert {kind: len(each) for kind, each in heights.items()} == {"given": 3, "declined": 2, "withdrawn": 1}
    first, second, third = heights["given"]  # by prompt, then by week
    assert first / 88 == pytest.approx(second / 97, abs=0.02) == pytest.approx(third / 104, abs=0.02)
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert all(texts.count(str(figure)) == 1 for row in ROWS for figure in row.figures() if figure is not None)


def test_hidden_figures_look_alike_wherever_they_stand() -> None:
    root = parsed(ROWS)
    hidden = bars(root, "hidden")[1:]
    assert len(hidden) == 3 * 2 * 3 - 6  # weeks, prompts, kinds; six figures are shown
    assert len({(each.get("width"), each.get("height")) for each in hidden}) == 1
    assert [each.text for each in root.iter(f"{SVG}text")].count(f"<{FEWEST}") == len(hidden)


def test_a_picture_holds_no_script_and_asks_for_nothing() -> None:
    text = picture.svg(ROWS, "nb")
    assert not any(word in text for word in ("<script", "href", "@import", "onload", "url(http"))
    assert text.count("http") == text.count('xmlns="http://www.w3.org/2000/svg"') == 1


def test_only_the_newest_half_year_is_drawn() -> None:
    rows = [Week(f"2026-W{week:02d}", "nb-2026-01", 100 + week, None, None) for week in range(40, 0, -1)]
    shown = {each.text for each in parsed(rows).iter(f"{SVG}text") if (each.text or "").startswith("2026-W")}
    assert shown == {f"2026-W{week:02d}" for week in range(15, 41)}


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_without_figures_the_picture_says_so(lang: str) -> None:
    root = parsed([], lang)
    assert len(bars(root, "hidden")) == 1
    assert {"nb": "Ingen tall", "en": "No figure"}[lang] in "".join(root.itertext())


@examples(60)
@given(
    st.dictionaries(
        st.tuples(
            st.integers(1, 52).map("2026-W{:02d}".format),
            st.text(min_size=1, max_size=12),
            st.sampled_from(KINDS),
        ),
        st.integers(0, 10**7),
        max_size=40,
    ),
    st.sampled_from(["nb", "en"]),
)
def test_whatever_the_figures_the_picture_is_well_formed_and_nothing_leaves_its_panel(
    counts: dict[tuple[str, str, str], int], lang: str
) -> None:
    root = parsed(without_small(counts), lang)
    width, height = (int(root.get(side, "0")) for side in ("width", "height"))
    for each in root.iter(f"{SVG}rect"):
        x, y, wide, high = (float(each.get(name, "0")) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + high <= height
    assert all(int(each.get("height", "0")) <= picture.PLOT for kind in KINDS for each in bars(root, kind))


# -- in a browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as shown:
        yield shown


def page(tmp_path: Path, lang: str) -> Path:
    """The picture in a page, as somebody puts it into a report."""
    drawn = picture.svg(ROWS, lang).partition("?>")[2]
    path = tmp_path / f"page-{lang}.html"
    path.write_text(
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Report</title></head>'
        f"<body><main><h1>Report</h1>{drawn}</main></body></html>",
        "utf-8",
    )
    return path


@browsers
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["nb", "en"])
def test_axe_finds_nothing_wrong_with_it_in_light_and_dark(
    browser: Browser, tmp_path: Path, lang: str, scheme: str
) -> None:
    _wear(browser, scheme)
    browser.open(page(tmp_path, lang))
    assert violations(browser) == []
    ground = browser.run("return getComputedStyle(document.querySelector('.consent-ground')).fill")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}[scheme]


@browsers
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_stays_inside_and_covers_no_other(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    _wear(browser, scheme)
    browser.open(page(tmp_path, "nb"))
    boxes = browser.run(
        "return [...document.querySelectorAll('svg text')].map(text => {"
        "const box = text.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]})"
    )
    begin, end = browser.run(
        "const box = document.querySelector('svg').getBoundingClientRect(); return [box.left, box.right]"
    )
    assert len(boxes) > 30
    assert begin < min(box[0] for box in boxes)
    assert max(box[2] for box in boxes) < end
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other_left, other_top, other_right, other_bottom in boxes[number + 1 :]:
            apart = right <= other_left or other_right <= left or bottom - 4 <= other_top or other_bottom <= top + 4
            assert apart, (boxes[number], scheme)
    ink, ground = (
        browser.run(f"return getComputedStyle(document.querySelector('.consent-{name}')).fill")
        for name in ("text", "ground")
    )
    assert _contrast(ink, ground) > 7
    if folder := os.environ.get("CONSENT_PICTURES"):  # to look at
        shot = browser.command("Page.captureScreenshot", format="png")
        Path(folder, f"consents-{scheme}.png").write_bytes(base64.b64decode(shot["data"]))


def _wear(browser: Browser, scheme: str) -> None:
    browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def _contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2.2."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# -- the command --------------------------------------------------------------------------------------------


def test_the_command_draws_what_it_tells_into_a_new_file(world: World) -> None:
    world.take_in("a", "b", "c")
    out = world.base / "consents.svg"
    shown = world.json("consent", "stats", "--svg", str(out), "--lang", "en", who="sigrid")
    assert shown["svg"] == str(out)
    assert out.read_text("utf-8") == picture.svg([Week(**each) for each in shown["weeks"]], "en")
    assert world.code("consent", "stats", "--svg", str(out), who="sigrid") == (2, "out_exists")
    assert world.run("consent", "stats", "--svg", str(world.base / "not.svg"), who="leif").exit == 13
    assert not (world.base / "not.svg").exists()
