"""What a page's template says: its gaps, blocks and elements as facts, and its words."""

from __future__ import annotations

import re

PIECE = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|<(?:\{\{.*?\}\}|[^>{])*>)", re.S)
WORDS = re.compile(r'"([^"]*)"')  # of a template's expression; codes stand in single quotation marks
# Attributes of words.
READ = re.compile(r'\b(?:lang|aria-label|data-(?:busy|wrong|unsupported|running|elsewhere))="([^"]*)"')


def pieces(template: str) -> list[str]:
    """Gaps, blocks, elements and the text between them, in order, without the template's comments."""
    return [one.strip() for one in PIECE.split(re.sub(r"\{#.*?#\}", "", template, flags=re.S)) if one.strip()]


def facts(template: str) -> list[str]:
    """What a template says in any language: its gaps, blocks and elements in order, and the numbers in its words."""
    found = []
    for piece in pieces(template):
        if piece.startswith("<"):
            found.append(READ.sub(lambda match: " ".join(facts(match[1])), piece))
        elif piece.startswith("{"):
            found.append(WORDS.sub(lambda match: " ".join(facts(match[1])), piece))
        else:
            found += re.findall(r"\d+", piece)
    return found


def spoken(template: str) -> list[str]:
    """The words of a template, as they stand between gaps and elements."""
    found = []
    for piece in pieces(template):
        if piece.startswith(("<", "{")):
            texts = (READ if piece.startswith("<") else WORDS).findall(piece)
            found += [one for text in texts for one in pieces(text) if one[0] not in "<{"]
        else:
            found.append(piece)
    return [one for one in found if re.search(r"\w\w", one)]
