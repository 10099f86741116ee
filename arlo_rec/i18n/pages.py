"""Pages and letters from templates: whole sentences in order, a file per language, with named placeholders.

`render` is the only place that escapes: every value once, with control and bidi characters replaced by their code
points. Text from outside is only ever a value, never a template.
"""

from __future__ import annotations

from pathlib import Path

from arlo_rec.policy import has_hidden_characters

_LAYOUT = frozenset("\n\t")  # white space to HTML


def render(folder: Path, template: str, /, **facts: object) -> str:
    """The *template* of that name in *folder*, filled in; raises jinja2.UndefinedError where a fact is missing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
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
