"""Reading what programs give that people run themselves: the family of Whisper, Vosk, and our own list of words.

Seconds, but for whisper.cpp, which has milliseconds and parts of words. Nothing is checked here: `gathering` does.
"""

from __future__ import annotations

from typing import Any

from arlo_rec.speech.transcripts.gathering import Gathered, JsonObject, best, inner, listed, score

MILLI = 1000.0
DTW = 100.0  # t_dtw of whisper.cpp counts 10 ms
TEXTS = ("word", "text", "w")
_START = ("start", "s")
_END = ("end", "e")
_SCORE = ("probability", "score", "confidence", "conf", "p")
_CHANNEL = ("channel", "ch")


def _any(told: JsonObject, keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in told:
            return told[key]
    return None


def read_words(told: JsonObject, into: Gathered) -> None:
    """A plain list of words, under the long names or the short ones."""
    for one in listed(told, "words"):
        into.next()
        into.word(
            _any(one, TEXTS),
            into.seconds(_any(one, _START)),
            into.seconds(_any(one, _END)),
            score=score(_any(one, _SCORE)),
            channel=into.channel(_any(one, _CHANNEL)),
        )


def read_segments(told: JsonObject, into: Gathered) -> None:
    """Segments, with words where they were asked for. A word without times gets those between its neighbours.

    WhisperX cannot align what its alphabet lacks, above all digits: https://github.com/m-bain/whisperX, Limitations.
    """
    for one in listed(told, "segments"):
        words = listed(one, "words")
        for word in words:
            into.next()
            _aligned(word, one, into)
        if not words:
            into.next()
            into.segment(one.get("text"), into.seconds(one.get("start")), into.seconds(one.get("end")))


def read_whisperx(told: JsonObject, into: Gathered) -> None:
    """WhisperX has every word twice, and the segments say more; some keep only the words."""
    if told.get("segments"):
        read_segments(told, into)
        return
    for word in listed(told, "word_segments"):
        into.next()
        _aligned(word, {}, into)


def _aligned(word: JsonObject, segment: JsonObject, into: Gathered) -> None:
    text, start, end = _any(word, TEXTS), word.get("start"), word.get("end")
    sure = score(_any(word, _SCORE))
    if start is None or end is None:
        bounds = [segment.get(key) for key in ("start", "end")]
        first, last = (-1.0 if one is None else into.seconds(one) for one in bounds)
        into.untimed(text, first, last, sure)
    else:
        into.word(text, into.seconds(start), into.seconds(end), score=sure)


def read_openai_api(told: JsonObject, into: Gathered) -> None:
    """`verbose_json`: its words stand beside its segments, not in them."""
    (read_words if told.get("words") else read_segments)(told, into)


def read_whisper_cpp(told: JsonObject, into: Gathered, *, halved: bool = False) -> None:
    """Full output has tokens, which are parts of words; plain output has segments only.

    *halved*: every character stands for one byte, because letters were cut between tokens.
    """
    word = _Tokens(into, halved=halved)
    for one in listed(told, "transcription"):
        tokens = listed(one, "tokens")
        for token in tokens:
            word.take(token)
        if not tokens:
            word.close()
            into.next()
            times = inner(one, "offsets")
            start, end = into.seconds(times.get("from"), MILLI), into.seconds(times.get("to"), MILLI)
            text = one.get("text")
            into.segment(_mended(text) if halved else text, start, end)
    word.close()


class _Tokens:
    """Puts tokens of whisper.cpp together: a blank in front begins a word."""

    APART = 0.5  # seconds between tokens that are never one word

    def __init__(self, into: Gathered, *, halved: bool) -> None:
        self.into, self.halved = into, halved
        self.parts: list[str] = []
        self.start, self.end, self.sure = 0.0, 0.0, 1.0

    def take(self, token: JsonObject) -> None:
        text, times = token.get("text"), inner(token, "offsets")
        if not isinstance(text, str) or text.startswith("[_"):  # [_BEG_], [_TT_150]: no speech
            return
        start = self.into.seconds(times.get("from"), MILLI)
        end = self.into.seconds(times.get("to"), MILLI)
        if text[:1].isspace() or start - self.end > self.APART:
            self.close()
        if token.get("t_dtw", -1) not in (-1, None):  # where attention says that it was heard: better than the offsets,
            heard = self.into.seconds(token["t_dtw"], DTW)  # but one moment only, so that both count
            start, end = min(start, heard), max(end, heard)
        sure = score(token.get("p"))
        if not self.parts:
            self.into.next()
            self.start, self.end, self.sure = start, end, 1.0
        self.parts.append(text)
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.sure = min(self.sure, 0.0 if sure is None else sure)

    def close(self) -> None:
        """Hand on the word that is open; its score is that of its least sure token."""
        if self.parts:
            text = "".join(self.parts)
            self.into.word(_mended(text) if self.halved else text, self.start, self.end, score=self.sure)
            self.parts = []


def _mended(text: object) -> object:
    """Letters of the bytes that characters stand for; half a letter without its other half becomes a sign."""
    try:
        return text.encode("latin-1").decode("utf-8", "replace") if isinstance(text, str) else text
    except UnicodeEncodeError:  # written with an escape, and whole
        return text


def read_vosk(told: JsonObject, into: Gathered) -> None:
    """One utterance after another under "vosk", where the door puts them; partial ones say nothing final."""
    for one in listed(told, "vosk"):
        said = best(one, "alternatives") or one
        words = listed(said, "result")
        if not words:
            into.without_words(said.get("text"))
        for word in words:
            into.next()
            start, end = into.seconds(word.get("start")), into.seconds(word.get("end"))
            into.word(word.get("word"), start, end, score=score(word.get("conf")))
