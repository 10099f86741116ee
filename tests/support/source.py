"""The program's own source, read and parsed once for all tests of a worker that look at it.

Those tests say `pytestmark = ON_ONE_WORKER`.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import TOP

PACKAGE = TOP / "arlo_rec"
MODULES = sorted(PACKAGE.rglob("*.py"))
ON_ONE_WORKER = pytest.mark.xdist_group("source")


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree; never change it."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of it."""
    return tuple(ast.walk(tree(path)))
