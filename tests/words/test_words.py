"""Transcripts as companies have them: each form gives words, seconds, channels and marks, or is refused by a code.

The files in words/ were written for these tests after the makers' documentation; who talks in them does not exist.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arlo_rec.law.model.errors import Usage
from arlo_rec.sound.speech import Transcript, Word
from arlo_rec.words import transcript_builder, transcript_reading
from arlo_rec.words.transcript_reading import FORMS, read
from tests.support.forms import FIXTURES, WORD, own
from tests.support.places import GIVEN


def read_rows(name: str, channel: int | None = None) -> list[tuple[Any, ...]]:
    """Text, start, end, score and channel of each word of a fixture."""
    words = read(FIXTURES[name], channel).words
    return [(word.text, word.start, word.end, word.score, word.channel) for word in words]


def spread(name: str) -> list[tuple[str, float, float]]:
    """Text, start and end of the words whose times are worked out."""
    return [(word.text, word.start, word.end) for word in read(FIXTURES[name]).words if not word.timed]


def marked(name: str) -> list[tuple[float, float, int | None]]:
    return [(redaction.start, redaction.end, redaction.channel) for redaction in read(FIXTURES[name]).redactions]


def refused(raw: bytes, channel: int | None = None) -> tuple[str, str]:
    """Why and where *raw* is refused."""
    with pytest.raises(Usage) as error:
        read(raw, channel)
    assert error.value.code == "transcript_wrong"
    return str(error.value.detail["why"]), str(error.value.detail["place"])


def test_every_form_that_is_promised_has_a_file_and_the_docstring_lists_it() -> None:
    assert {read(raw).form for raw in FIXTURES.values()} == set(FORMS)
    listed = re.findall(r"^    ([a-z.0-9-]+) {2,}\S", transcript_reading.__doc__ or "", re.MULTILINE)
    assert sorted(listed) == sorted(["form", *FORMS])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "words.json",
            [
                ("Hei,", 0.2, 0.5, 0.98, 0),
                ("jeg", 0.62, 0.8, 0.91, 1),
                ("heter", 0.8, 1.1, 0.9, 1),
                ("Kari", 1.1, 1.5, 0.55, 1),
                ("Eksempel.", 1.5, 2.1, 0.6, 1),
                ("Hei", 2.4, 2.6, 0.99, 0),
                ("Kari.", 2.6, 3.0, 0.7, 0),
            ],
        ),
        ("words-long-names.json", [("Hello", 0.0, 0.4, 1.0, 0), ("Kari", 0.5, 1.0, None, None)]),
        (
            "openai-whisper.json",
            [
                ("Jeg", 0.0, 0.36, 0.81, None),
                ("heter", 0.36, 0.7, 0.97, None),
                ("Kari", 0.7, 1.2, 0.64, None),
                ("Eksempel.", 1.2, 2.2, 0.7, None),
                ("Takk.", 2.5, 3.0, 0.93, None),
            ],
        ),
        (
            "faster-whisper.json",
            [
                ("Nummeret", 0.0, 0.62, 0.88, None),
                ("er", 0.62, 0.8, 0.99, None),
                ("ni.", 0.8, 1.4, 0.75, None),
                ("Ja.", 1.9, 2.3, 0.96, None),
            ],
        ),
        (
            "openai-api.json",
            [
                ("My", 0.0, 0.3, None, None),
                ("order", 0.3, 0.72, None, None),
                ("is", 0.72, 0.9, None, None),
                ("late", 0.9, 1.5, None, None),
            ],
        ),
        (
            "whisperx.json",  # 2014. and 90 00 have no times: they lie between those that have
            [
                ("Born", 1.0, 1.3, 0.9, None),
                ("in", 1.3, 1.42, 0.84, None),
                ("2014.", 1.42, 3.02, None, None),
                ("Call", 3.02, 3.3, 0.7, None),
                ("90", 3.3, 5.1, None, None),
                ("00", 3.3, 5.1, None, None),
                ("please.", 5.1, 5.6, 0.95, None),
            ],
        ),
        (
            "whisper.cpp.json",  # milliseconds; a word is as sure as its least sure token; t_dtw widens it
            [
                ("Kari", 0.12, 0.51, 0.7, None),
                ("Eksempel,", 0.49, 1.35, 0.5, None),
                ("takk.", 1.31, 2.3, 0.9, None),
                ("Ja.", 2.5, 3.0, 0.8, None),
            ],
        ),
        ("whisper.cpp-halved.json", [("Bjørg", 0.0, 0.9, 0.8, None)]),
        (
            "vosk.json",
            [
                ("my", 0.3, 0.45, 1.0, None),
                ("name", 0.45, 0.78, 0.98, None),
                ("is", 0.78, 0.9, 1.0, None),
                ("kari", 1.2, 1.62, 0.61, None),
            ],
        ),
        ("vosk-alternatives.json", [("hello", 0.33, 0.9, None, None)]),
        ("google.json", [("hei", 0.0, 0.4, 0.92, 0), ("Kari", 0.4, 1.3, 0.6, 0), ("ja", 1.1, 1.3, None, 1)]),
        ("google-v2.json", [("it", 0.0, 0.3, 0.9, None), ("is", 0.3, 0.5, 0.8, None), ("Kari", 0.5, 1.04, None, None)]),
        ("google-diarised.json", [("hello", 0.1, 0.5, None, None), ("yes", 0.9, 1.2, None, None)]),
        (
            "azure-batch.json",  # ticks of 100 ns
            [
                ("hei", 0.07, 0.39, 0.91, 0),
                ("du", 0.39, 0.55, 0.95, 0),
                ("Kari", 2.0, 2.4, None, 1),
                ("Eksempel.", 2.4, 3.0, None, 1),
                ("Takk,", 4.0, 4.5, None, 1),
                ("ja.", 4.5, 4.8, None, 1),
            ],
        ),
        (
            "azure-fast.json",
            [
                ("Good", 0.12, 0.36, None, 0),
                ("morning.", 0.36, 0.9, None, 0),
                ("Kari", 1.3, 1.655556, None, 1),
                ("here.", 1.655556, 2.1, None, 1),
            ],
        ),
        (
            "aws-transcribe.json",
            [
                ("Hello,", 0.14, 0.5, 0.998, 0),
                ("you?", 0.5, 0.7, 0.9, 0),
                ("I'm", 1.0, 1.2, 1.0, 1),
                ("Thanks.", 2.5, 2.9, 0.97, 1),
            ],
        ),
        ("aws-transcribe-mono.json", [("Hello,", 0.14, 0.5, 0.998, None), ("you?", 0.5, 0.7, 0.9, None)]),
        (
            "contact-lens.json",
            [
                ("Who", 0.0, 0.3, None, None),
                ("is", 0.3, 0.5, None, None),
                ("it?", 0.5, 0.8, None, None),
                ("I", 1.0, 1.166667, None, None),
                ("am", 1.166667, 1.5, None, None),
                ("Mhm", 1.2, 1.5, None, None),
                ("yes", 2.5, 3.0, None, None),
            ],
        ),
        (
            "contact-lens-items.json",
            [("Good", 0.0, 0.3, 1.0, None), ("Hi.", 0.1, 0.25, 0.8, None), ("day,", 0.3, 0.7, 0.95, None)],
        ),
        ("wtf.json", [("Hi,", 0.2, 0.4, 0.93, None), ("Kari.", 0.6, 1.2, 0.61, None)]),
        ("vcon.json", [("Hi,", 0.2, 0.4, 0.93, None), ("Kari.", 0.6, 1.2, 0.61, None)]),
        (
            "vcon-two-dialogs.json",  # the second began 59.5 s after the first, and was told in another time zone
            [("Hi,", 0.2, 0.4, 0.93, None), ("Kari.", 0.6, 1.2, 0.61, None), ("yes", 60.0, 60.3, 0.9, None)],
        ),
    ],
)
def test_words_have_their_text_seconds_score_and_channel(name: str, words: list[tuple[Any, ...]]) -> None:
    assert read_rows(name) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("openai-whisper-segments.json", "My 1.0 name 1.184615 is 1.553846 Kari. 1.738462 Yes. 2.0"),
        ("openai-api-diarized.json", "Hi 0.0 there. 0.2 Bye 1.0"),
        ("whisper.cpp-segments.json", "Hei 0.0 Kari. 0.75 Ja. 2.0"),
        ("wtf-segments.json", "Hi, 0.2 Kari. 0.575"),
        ("srt.srt", "Hei, 1.0 du 1.666667 mitt 2.5 nummer 3.0 Ja 3.0 er 3.75 90 4.0 00 4.25"),
        ("webvtt.vtt", "God 1.0 & 1.327273 lang 1.436364 dag 1.872727 jeg 3602.5 heter 3602.8375"),
    ],
)
def test_words_of_a_segment_share_its_time_by_their_length_and_say_so(name: str, words: str) -> None:
    assert " ".join(f"{text} {start}" for text, start, _ in spread(name)) == words
    ends = [end for _, _, end in spread(name)]
    assert all(end > start for (_, start, _), end in zip(spread(name), ends, strict=True))


def test_times_inside_a_cue_are_those_of_the_words_behind_them_and_the_voice_is_not_said() -> None:
    words = read(FIXTURES["webvtt.vtt"]).words
    assert [(word.text, word.start, word.end) for word in words if word.timed] == [
        ("Ja,", 3602.0, 3602.5),
        ("Kari.", 3603.4, 3604.0),
    ]
    assert not {"Ola", "Prøve", "Eksempel", "cue"} & {word.text for word in words}


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("aws-transcribe.json", [(1.2, 2.35, 1)]),
        ("contact-lens.json", [(1.5, 2.6, None)]),
        ("contact-lens-items.json", [(0.9, 1.7, None)]),
    ],
)
def test_what_a_vendor_masked_is_a_redaction_and_its_label_is_nowhere(name: str, marks: list[Any]) -> None:
    assert marked(name) == marks
    assert not re.search(r"PII|NAME|##", repr(read(FIXTURES[name])))


@pytest.mark.parametrize("name", [name for name in FIXTURES if name not in {"whisper.cpp-halved.json"}])
def test_no_word_has_blanks_around_it_or_none_in_it(name: str) -> None:
    words = read(FIXTURES[name]).words
    assert words and all(word.text == word.text.strip() != "" for word in words)


@pytest.mark.parametrize("path", sorted((GIVEN / "words-base").iterdir()), ids=lambda path: path.stem)
def test_words_of_the_given_calls_are_read_one_for_one(path: Path) -> None:
    given_words = json.loads(path.read_text("utf-8"))["words"]
    words = read(path.read_bytes()).words
    for channel in {word["ch"] for word in given_words}:
        expected = [
            Word(word["w"].strip(), word["s"], word["e"], word["p"], channel)
            for word in given_words
            if word["ch"] == channel and word["w"].strip()
        ]
        assert [word for word in words if word.channel == channel] == expected


@pytest.mark.parametrize("name", list(FIXTURES))
def test_a_channel_that_the_user_names_is_that_of_every_word_and_mark(name: str) -> None:
    plain, named = read(FIXTURES[name]), read(FIXTURES[name], 3)
    assert {word.channel for word in named.words} | {redaction.channel for redaction in named.redactions} == {3}
    assert [word.text for word in named.words] == [word.text for word in plain.words]


@pytest.mark.parametrize("channel", [-1, 32, 10**30])
def test_a_channel_that_no_recording_has_is_refused(channel: int) -> None:
    assert refused(FIXTURES["words.json"], channel)[0] == "no_such_channel"


def test_scores_in_percent_are_read_and_one_above_a_hundredth_too_much_is_none() -> None:
    def scores(*given: object) -> list[float | None]:
        return [word.score for word in read(own(*({**WORD, "score": score} for score in given))).words]

    assert scores(97.5, "42", 1, 0, None) == [0.975, 0.42, 0.01, 0, None]
    assert scores(0.975, "0.42", 1, 1.0000001) == [0.975, 0.42, 1, 1]
    assert scores(101, -1, 0.5) == [None, None, 0.5]


def test_each_part_of_a_vcon_counts_its_scores_its_own_way() -> None:
    def heard(dialog: int, score: float) -> dict[str, object]:
        body = {"transcript": {}, "words": [{"text": "ja", "start": 1, "end": 2, "confidence": score}]}
        return {"type": "wtf_transcription", "dialog": dialog, "encoding": "json", "body": body}

    starts = [{"start": "2026-09-01T10:00:00Z"}, {"start": "2026-09-01T10:01:00Z"}]
    document = {"vcon": "0.3.0", "dialog": starts, "analysis": [heard(0, 90), heard(1, 0.8)]}
    assert [word.score for word in read(json.dumps(document).encode()).words] == [0.9, 0.8]


def test_a_word_without_times_at_an_end_gets_as_long_as_it_can_take_to_be_read_out() -> None:
    words = [{"word": "90"}, {"word": "til", "start": 9.0, "end": 9.2, "score": 1}, {"word": "0000"}]
    raw = json.dumps({"segments": [{"start": 9.0, "end": 9.2, "words": words}], "word_segments": []}).encode()
    assert [(word.start, word.end, word.timed) for word in read(raw).words] == [
        (8.0, 9.0, False),
        (9.0, 9.2, True),
        (9.2, 11.2, False),
    ]


def test_a_word_whose_neighbours_leave_it_no_gap_takes_some_of_their_time() -> None:
    words = [{"word": "er", "start": 1, "end": 2}, {"word": "1234"}, {"word": "ja", "start": 2, "end": 3}]
    raw = json.dumps({"segments": [{"start": 1, "end": 3, "words": words}], "word_segments": []}).encode()
    assert [(word.start, word.end) for word in read(raw).words] == [(1, 2), (1.9, 2.1), (2, 3)]


def test_words_without_any_times_lie_in_their_segment_and_without_one_nowhere() -> None:
    words = [{"word": "90"}, {"word": "00"}]
    raw = json.dumps({"segments": [{"start": 1, "end": 3, "words": words}], "word_segments": []}).encode()
    assert [(word.start, word.end) for word in read(raw).words] == [(1, 3), (1, 3)]
    assert refused(json.dumps({"word_segments": words}).encode()) == ("no_time", "1")


@pytest.mark.parametrize("between", ["", " ", "\n", "\r\n\t"])
def test_documents_of_vosk_may_follow_one_another_with_anything_blank_between(between: str) -> None:
    utterance = '{"result":[{"conf":1,"end":%s,"start":%s,"word":"ord"}],"text":"}  {"}'
    raw = between.join([utterance % (1.5, 1), utterance % (2.5, 2), '{"text":""}']).encode()
    assert read(raw) == Transcript("vosk", (Word("ord", 1, 1.5, 1), Word("ord", 2, 2.5, 1)))


@pytest.mark.parametrize(
    "document",
    [
        [{"result": [{"word": "ja", "start": 1, "end": 2}]}, {"text": "jeg heter kari"}],
        {"alternatives": [{"confidence": 1, "text": "jeg heter kari"}]},
        {"results": [{"alternatives": [{"transcript": "jeg heter kari"}]}]},
    ],
    ids=["vosk", "vosk-alternatives", "google"],
)
def test_what_was_said_without_words_that_have_times_is_not_passed_over(document: Any) -> None:
    assert refused(json.dumps(document).encode())[0] == "no_time"


def test_segments_are_read_where_the_list_of_words_is_empty() -> None:
    segments = [{"start": 0, "end": 1, "text": "hei"}]
    raw = json.dumps({"text": "hei", "words": [], "segments": segments}).encode()
    assert read(raw) == Transcript("openai-whisper", (Word("hei", 0, 1, timed=False),))


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_milliseconds_and_ticks_become_the_seconds_that_people_would_write(start: int, more: int) -> None:
    phrase = {"text": "a", "offsetMilliseconds": start, "durationMilliseconds": more}
    (word,) = read(json.dumps({"phrases": [{"words": [phrase]}]}).encode()).words
    assert (word.start, word.end) == (start / 1000, (start + more) / 1000)
    ticks = {"word": "a", "offsetInTicks": start * 10_000, "durationInTicks": more * 10_000}
    (word,) = read(json.dumps({"recognizedPhrases": [{"nBest": [{"words": [ticks]}]}]}).encode()).words
    assert (word.start, word.end) == (start / 1000, (start + more) / 1000)
    text = {"word": "a", "startOffset": f"{start / 1000:.3f}s", "endOffset": f"{(start + more) / 1000:.3f}s"}
    (word,) = read(json.dumps({"results": [{"alternatives": [{"words": [text]}]}]}).encode()).words
    assert (word.start, word.end) == (start / 1000, (start + more) / 1000)


def test_a_body_of_a_vcon_may_be_captions_or_base64_but_no_other_vcon() -> None:
    for body, encoding in ((FIXTURES["srt.srt"].decode(), "none"), (_base64url(FIXTURES["srt.srt"]), "base64url")):
        analysis = {"type": "transcript", "dialog": 0, "encoding": encoding, "body": body}
        assert (
            read(json.dumps({"vcon": "0.4.0", "analysis": [analysis]}).encode()).words
            == read(FIXTURES["srt.srt"]).words
        )
    nested = {"type": "transcript", "dialog": 0, "encoding": "none", "body": FIXTURES["vcon.json"].decode()}
    assert refused(json.dumps({"vcon": "0.4.0", "analysis": [nested]}).encode()) == ("unknown_form", "analysis")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_two_dialogs_whose_starts_nobody_told_cannot_be_put_together() -> None:
    vcon = json.loads(FIXTURES["vcon-two-dialogs.json"])
    for start in (None, "yesterday", "2024-01-01T10:00:00"):
        vcon["dialog"][1]["start"] = start
        assert refused(json.dumps(vcon).encode()) == ("no_time", "dialog[1].start")


def test_words_of_one_voice_that_go_back_are_refused_and_small_overlaps_are_not() -> None:
    def at(*starts: float, channel: int | None = 0) -> list[dict[str, Any]]:
        return [{"text": "a", "start": start, "end": start + 1, "channel": channel} for start in starts]

    assert len(read(own(*at(1, 2, 1.5))).words) == 3
    assert refused(own(*at(1, 2, 1.49))) == ("out_of_order", "3")
    assert refused(own(*at(2, 1.6, 1.2, 0.9))) == ("out_of_order", "3"), "many small steps are a large one"
    assert [word.start for word in read(own(*at(1, 2), *at(0, 1.5, channel=1))).words] == [0, 1, 1.5, 2]


def test_segments_that_go_back_are_refused_and_turns_that_overlap_are_not() -> None:
    def said(*times: tuple[float, float]) -> bytes:
        segments = [{"start": start, "end": end, "text": "a b"} for start, end in times]
        return json.dumps({"text": "", "segments": segments}).encode()

    assert [word.start for word in read(said((0, 10), (1, 2), (3, 4))).words] == [0, 1, 1.5, 3, 3.5, 5]
    assert refused(said((0, 1), (5, 6), (2, 3))) == ("out_of_order", "3")
    assert refused(said(*[(0, 10)] * 17)) == ("out_of_order", "17")


@pytest.mark.parametrize(
    ("raw", "why", "place"),
    [
        (b"", "no_words", "1"),
        (b" \n\t", "no_words", "1"),
        (b"\xff\xfe1\x00", "not_utf8", "1"),
        (b'{"transcription": "\xff"}', "not_utf8", "1"),
        (b"{", "not_json", "1"),
        (b'{"words": [{"text": "a", "start": NaN, "end": 2}]}', "not_json", "1"),
        (b'{"words": [{"text": "a", "start": 1e999, "end": 2}]}', "not_json", "1"),
        (b"[" * 5000, "not_json", "1"),
        (b"Agent: good morning, this is a text", "unknown_form", "1"),
        (b"{}", "unknown_form", "1"),
        (b"[]", "unknown_form", "1"),
        (b'{"words": [1]}', "unknown_form", "words"),
        (own({**WORD, "text": 1}), "unknown_form", "1"),
        (own(), "no_words", "1"),
        (own({**WORD, "text": " "}), "no_words", "1"),
        (b'{"text": ""}', "no_words", "1"),
        (b"WEBVTT", "no_words", "1"),
        (own(WORD, {**WORD, "start": -0.1}), "negative_time", "2"),
        (own(WORD, {**WORD, "start": True}), "no_time", "2"),
        (own(WORD, {**WORD, "start": "1.0"}), "no_time", "2"),
        (own(WORD, {**WORD, "end": 10**400}), "not_json", "1"),  # a number that the catalogue does not hold
        (own(WORD, {**WORD, "end": None}), "no_time", "2"),
        (own({"text": "a"}), "no_time", "1"),
        (own(WORD, WORD, {**WORD, "end": 0.5}), "ends_before_it_starts", "3"),
        (own({**WORD, "channel": -1}), "no_such_channel", "1"),
        (own({**WORD, "channel": True}), "no_such_channel", "1"),
        (own({**WORD, "channel": 1.0}), "no_such_channel", "1"),
        (own({**WORD, "channel": 32}), "no_such_channel", "1"),
        (b"WEBVTT\n\n00:02.000 --> 00:01.000\nhei", "ends_before_it_starts", "3"),
        (b"WEBVTT\n\n00:02.000 --> soon\nhei", "no_time", "3"),
        (b"WEBVTT\n\n00:02.000 -->\nhei", "no_time", "3"),
        (b"WEBVTT\n\n-00:02.000 --> 00:03.000\nhei", "negative_time", "3"),
        (b'{"results": {"items": [{"alternatives": [{"content": "a"}], "end_time": "1"}]}}', "no_time", "1"),
        (b'{"results": [{"alternatives": [{"words": [{"word": "hei"}]}]}]}', "no_time", "1"),
        (b'{"vcon": "0.4.0", "analysis": [{"type": "transcript", "body": "Hei"}]}', "unknown_form", "analysis"),
    ],
)
def test_what_is_wrong_is_refused_by_its_reason_and_place(raw: bytes, why: str, place: str) -> None:
    assert refused(raw) == (why, place)


def test_too_much_is_refused_before_it_costs_much(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(b" " * (64 * 1024 * 1024 + 1)) == ("too_large", "1")
    monkeypatch.setattr(transcript_builder, "MOST", 3)
    assert len(read(own(WORD, WORD, WORD)).words) == 3
    assert refused(own(WORD, WORD, WORD, WORD)) == ("too_many", "4")
    assert refused(own(WORD, {**WORD, "text": "a b c d"})) == ("too_many", "2")
    assert len(read(own({**WORD, "text": "a" * 1000})).words[0].text) == 1000
    assert refused(own(WORD, {**WORD, "text": "a" * 1001})) == ("word_too_long", "2")
    masked = [{"text": "####", "start": 1, "end": 2}] * 4
    assert refused(json.dumps({"audio_url": "", "words": masked}).encode()) == ("too_many", "4")
