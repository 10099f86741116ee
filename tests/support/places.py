"""Where things lie: the project, and the folders of fixtures that tests share."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parents[1]
TOP = TESTS.parent
FORMATS = TESTS / "fixtures" / "formats"  # a store of each released version (fixtures/formats/README.md)
CALLS = TESTS / "calls"  # sounds, words and truth (calls/README.md)
GIVEN = CALLS / "given"
STORES = TESTS / "stores"  # of versions before (stores/README.md)
TRANSCRIPTS = TESTS / "transcripts"  # of the program (transcripts/README.md)
VECTORS = TESTS / "vectors"  # that others published (vectors/README.md)
WORDS = TESTS / "forms"  # transcripts of calls, one file of each form
