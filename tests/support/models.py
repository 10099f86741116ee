"""Where a speech model is for the tests that hear: `./dev model tiny.en` puts one into `.models`."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.places import TOP

_HERE = TOP / ".models"
_NAMED = os.environ.get("ARLO_REC_TEST_MODEL")
_FOUND = [Path(_NAMED)] if _NAMED else [_HERE / name for name in ("tiny.en", "base") if (_HERE / name).is_dir()]
INSTALLED = importlib.util.find_spec("faster_whisper") is not None
MODEL: Path | None = _FOUND[0] if _FOUND and INSTALLED else None
_BASE = [one for one in (*_FOUND, _HERE / "base") if one.name == "base" and one.is_dir()]
BASE: Path | None = _BASE[0] if _BASE and INSTALLED else None


def needs_model(test: Callable[..., None]) -> Callable[..., None]:
    """A test that hears with any model, which takes seconds."""
    return pytest.mark.slow(needs.mark(needs.model("tiny.en", MODEL))(test))


def needs_base(test: Callable[..., None]) -> Callable[..., None]:
    """A test that hears with the model whose words the figures are of."""
    return pytest.mark.slow(needs.mark(needs.model("base", BASE))(test))
