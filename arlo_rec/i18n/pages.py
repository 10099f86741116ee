"""Pages and letters from templates: whole sentences in order, a file per language, with named placeholders.

`render` and `render_markdown` are the only places that escape: every value once, with control and bidi characters
replaced by their code points. Text from outside is only ever a value, never a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from arlo_rec.policy import has_hidden_characters

_LAYOUT = frozenset("\n\t")  # white space to HTML


_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>#!|~&$^]")  # means something anywhere in a line
_LINE_BEGIN: Final = re.compile(r"^(?:\d+[.)]|[-+=])")  # ... and at its beginning
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~/-]*)?")  # that a page may link to


def render(folder: Path, template: str, /, **facts: object) -> str:
    """The *template* of that name in *folder*, filled in; raises jinja2.UndefinedError where a fact is missing."""
    return _rendered(folder, template, _shown, facts)


def render_markdown(folder: Path, template: str, /, **facts: object) -> str:
    """The same for a template in Markdown, in which a value makes no markup and no line.

    Inside `code` a value cannot be escaped: none may stand there. An address of a website becomes a link.
    """
    return _rendered(folder, template, _shown_in_markdown, facts)


def _rendered(folder: Path, template: str, finalize: Callable[[object], object], facts: dict[str, object]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(facts)


def visible(text: str) -> str:
    """*text* with control and bidi characters written as `[U+202E]`."""
    return "".join(
        f"[U+{ord(sign):04X}]" if sign not in _LAYOUT and has_hidden_characters(sign) else sign for sign in text
    )


def _shown(value: object) -> object:
    """The text of a value before it is escaped; markup made by a template stays as it is."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def in_markdown(text: str) -> str:
    """*text* in one line, so that Markdown shows it as it is; the address of a website as a link."""
    line = " ".join(visible(text).split())
    if _ADDRESS.fullmatch(line):
        return f"<{line}>"
    if line.isdigit():  # before a full stop of the template it would begin a list, and a digit cannot be escaped
        return f"&#{ord(line[0])};{line[1:]}"
    escaped = _MARKDOWN.sub(lambda sign: f"\\{sign[0]}", line)
    return _LINE_BEGIN.sub(lambda begin: f"{begin[0][:-1]}\\{begin[0][-1]}", escaped)


def _shown_in_markdown(value: object) -> object:
    """What `in_markdown` says of a value, marked as escaped; markup made by a template stays as it is."""
    from markupsafe import Markup

    return Markup(in_markdown(value)) if isinstance(value, str) and not hasattr(value, "__html__") else value  # noqa: S704 - escaped
