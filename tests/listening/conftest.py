"""What the tests of pages share: one browser, and where pictures of a page are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import LOOPBACK, Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(LOOPBACK) as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("LISTEN_PICTURES", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder
