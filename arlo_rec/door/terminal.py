"""What of the other end's output a terminal gets: text, colours, and what draws a bar of progress."""

from __future__ import annotations

import re
from typing import Final

_DRAWN: Final = rb"\x1b\[[0-9;]{0,40}m|\x1b\[[0-9]{0,4}[ABCDGKJ]|\x1b\[\?25[lh]"  # SGR, cursor and erasing (ECMA-48)
_OTHERS: Final = re.compile(rb"(%s)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]" % _DRAWN)


def harmless(data: bytes) -> bytes:
    r"""The same with every other control character written out, as `\x1b`: none sets a title or the clipboard."""
    return _OTHERS.sub(lambda found: found[0] if found[1] else b"".join(b"\\x%02x" % byte for byte in found[0]), data)
