"""How hard a page is to read: LIX of its own sentences."""

from __future__ import annotations

import html
import re

HARDEST = 38  # LIX: up to 35 is fiction, 45 newspapers, above it official texts (C. H. Björnsson, 1968)
LONG = 7  # letters of a long word
SENTENCE = 5  # words; what is shorter would only make a page look easier
NOT_OURS = re.compile(r"<(blockquote|bdi|code|q|svg)\b[^>]*>.*?</\1>", re.S)  # others' words, and no words
BLOCK = re.compile(r"</?(?:p|li|dt|dd|h\d|td|th|caption|summary|div|tr|ul|ol|dl|table|section|article|nav)\b[^>]*>")


def own_text(page: str) -> str:
    """A page's own sentences: without what is no sentence, as headings and single words in a list are.

    A block ends a sentence, as its last line does on paper.
    """
    blocks = BLOCK.split(NOT_OURS.sub(" ", page))
    texts = [html.unescape(re.sub(r"<[^>]*>", "", block)) for block in blocks]
    return " . ".join(text for text in texts if len(text.split()) >= SENTENCE) + " . "


def lix(text: str) -> float:
    """Words per sentence, plus the percentage of words of more than six letters."""
    sentences = [one for one in re.split(r"[.:!?]+(?=\s)", text) if re.search(r"\w", one)]
    words = re.findall(r"[^\W\d_]+", text)
    return len(words) / len(sentences) + 100 * sum(len(word) >= LONG for word in words) / len(words)
