"""Talk that has no sound: turns of made calls in five languages, as words with times, and how much of it is cut."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from arlo_rec.calls.training import evaluation
from arlo_rec.calls.training.evaluation import CallScore, Identifier, LabelledCall
from arlo_rec.law.model.spans import united, without
from arlo_rec.sound import audio
from arlo_rec.sound.audio.cut_list import LOOK, Cut
from arlo_rec.sound.speech import Word
from arlo_rec.words.detectors import phonetic, weighing, word_lists
from arlo_rec.words.detectors.word_lists import is_common
from arlo_rec.words.planner import LOOK_SHORTEST
from tests.support.places import CALLS

LANGUAGES = ("nb", "nn", "sv", "da", "en")
WORD = 0.35  # seconds between two words
PAD = 0.3  # seconds that a plan adds at both ends of a finding
NOBODY = phonetic.prepare_names([])


def talk(language: str, variant: str, folder: str = "talk", half: str = ".test") -> Iterator[dict[str, Any]]:
    for line in (CALLS / folder / f"{language}{half}.jsonl").read_text("utf-8").splitlines():
        call = json.loads(line)
        if call["variant"] == variant:
            yield call


def words_of(call: dict[str, Any]) -> list[Word]:
    """The words of a call; in every second one the caller is on the first channel, as some telephone systems do it."""
    swapped = zlib.crc32(call["id"].encode()) & 1
    return [
        Word(word, start + WORD * at, start + WORD * at + 0.3, None, channel ^ swapped)
        for channel, start, text in call["turns"]
        for at, word in enumerate(text.split())
    ]


def scored(call: dict[str, Any], *, strict: bool) -> CallScore:
    """What a plan would leave of a call whose words were all recognised; nobody's name is known before."""
    words = words_of(call)
    cuts = list(_cuts(words, strict=strict))
    labels = tuple(
        Identifier(each["type"], words[each["first"]].start, words[each["last"]].end)
        for each in call["truth"]
        if not each.get("part")  # a few digits before somebody breaks off
    )
    seconds = max(word.end for word in words) + 1
    silence = audio.Sound(audio.Encoding.ULAW, 8000, 1, b"\xff" * round(8000 * seconds))
    spoken = tuple((word.start, word.end) for word in words)
    return evaluation.score(LabelledCall(call["id"], call["lang"], silence, labels, (), spoken, ()), cuts)


def _cuts(words: Sequence[Word], *, strict: bool) -> Iterator[Cut]:
    found = weighing.find(words, NOBODY)
    cuts = [Cut(max(0.0, each.start - PAD), each.end + PAD) for each in found.identifiers]
    yield from cuts
    spans = [(cut.start, cut.end) for cut in cuts]
    for start, end in united((max(0.0, each.start - PAD), each.end + PAD) for each in found.circumstances):
        if strict or any(behind - begin >= LOOK_SHORTEST for begin, behind in without([(start, end)], spans)):
            yield Cut(start, end, status="proposed" if strict else LOOK)
    for each in found.possible if strict else ():
        yield Cut(max(0.0, each.start - PAD), each.end + PAD)
    for word in words if strict else ():
        text = word.text.strip(" .,;:?!\"'-")
        is_kept = is_common(text.casefold()) and not (text[:1].isupper() and word_lists.is_given(text.casefold()))
        if not is_kept and word not in found.harmless:
            yield Cut(max(0.0, word.start - PAD), word.end + PAD)
