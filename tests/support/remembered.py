"""What a slow derivation gives, worked out once for the same words: a passphrase costs 0.2 s, and tests type few.

The program's own functions work, at the cost that it asks for; only their answers are kept, in this process and in
those forked from it, and everybody has one salt. A program that is started anew works everything out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from arlo_rec.vault.crypto import primitives
from arlo_rec.vault.keys import key_files

NEW_SALT = key_files.new_salt  # the program's own


@contextmanager
def remembered() -> Iterator[None]:
    """Within it, the key of a passphrase or page and the tag of a number are worked out once each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(primitives, "passphrase_key", cache(primitives.passphrase_key))
        patch.setattr(primitives, "caller_tag", cache(primitives.caller_tag))
        patch.setattr(primitives, "package_key", cache(primitives.package_key))
        patch.setattr(key_files, "new_salt", lambda: b"one salt for all")
        yield
