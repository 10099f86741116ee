"""Where a speech model is for the tests that hear: `./dev model tiny.en` puts one into `.models`."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.support.places import TOP

_HERE = TOP / ".models"
_NAMED = os.environ.get("ARLO_REC_TEST_MODEL")
_FOUND = [Path(_NAMED)] if _NAMED else [_HERE / name for name in ("tiny.en", "base") if (_HERE / name).is_dir()]
INSTALLED = importlib.util.find_spec("faster_whisper") is not None
MODEL: Path | None = _FOUND[0] if _FOUND and INSTALLED else None
_BASE = [one for one in (*_FOUND, _HERE / "base") if one.name == "base" and one.is_dir()]
BASE: Path | None = _BASE[0] if _BASE and INSTALLED else None
needs_model = pytest.mark.skipif(MODEL is None, reason="needs faster-whisper and a model: ./dev model tiny.en")
needs_base = pytest.mark.skipif(BASE is None, reason="needs faster-whisper and its model base: ./dev model base")
