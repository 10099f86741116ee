"""The stand-alone script that is handed out, as a module."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType

from tests.support.places import TOP

SCRIPT = TOP / "docs" / "verify_certificate.py"


@cache
def checker() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("verify_certificate", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
