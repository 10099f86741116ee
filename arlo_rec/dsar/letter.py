"""The letter that answers an access request (GDPR 15), as HTML: seven short parts, each under its heading.

In short, then the case, the confirmation, the information, each recording, the files and how to check them.
Times stand in the zone of the policy. It knows nothing of passphrases or pages; `package` does
the sealing, and `letter_texts` has the sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from arlo_rec.crypto import primitives
from arlo_rec.dsar.answer import Answer, PossibleAccess, RecordedAccess, RecordingFacts
from arlo_rec.i18n.formats import Wording
from arlo_rec.i18n.html import Html, element, together
from arlo_rec.model.records import to_iso
from arlo_rec.policy import Purpose

COMMANDS = {
    "windows": "Get-FileHash {name}",  # SHA-256 unless told otherwise
    "mac": "shasum -a 256 {name}",
    "linux": "sha256sum {name}",
}


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with the letter."""

    name: str
    mediatype: str
    body: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Its checksum in hex."""
        return primitives.sha256(self.body).hex()


def sound_name(number: int) -> str:
    """The name of the file with the sound of the recording of that number, counted from 1."""
    return f"recording-{number:02}.wav"


def render(answer: Answer, files: Sequence[Enclosure], lang: str) -> str:
    """The letter in `nb` or `en`; `package` puts the sound where `data-file` stands."""
    return _Letter(answer, files, lang).whole()


class _Letter(Wording):
    """One answer in one language; every method gives one piece of it."""

    def __init__(self, answer: Answer, files: Sequence[Enclosure], lang: str) -> None:
        super().__init__(lang)
        self.answer = answer
        self.files = {one.name: one for one in files}

    def whole(self) -> Html:
        pieces = {
            "a": self.case(),
            "b": self.confirmation(),
            "c": self.information(),
            "d": self.recordings(),
            "e": self.enclosures(),
            "f": self.check(),
        }
        told = {key: piece for key, piece in pieces.items() if piece}
        titles = {key: f"{sign}. {self.say(f'section.{key}')}" for sign, key in zip("ABCDEF", told, strict=False)}
        return together(
            element("h1", self.say("letter.title"), tabindex="-1"),
            self.line("letter.intro"),
            self.summary(),
            self.line("times"),
            self.contents(titles),
            *(
                element("section", element("h2", titles[key]), piece, id=f"section-{key}")
                for key, piece in told.items()
            ),
        )

    def summary(self) -> Html:
        held = self.answer.recordings
        missing = sum(one.sound is None for one in held)
        lines = [self.say("summary.count", count=len(held)) if held else self.say("summary.none")]
        if missing < len(held):
            whole = self.answer.whole_call_reason is not None
            lines.append(self.say("summary.whole" if whole else "summary.own"))
        if missing:
            lines.append(self.say("summary.withheld", count=missing))
        if held:
            first = min(one.erased_on for one in held)
            lines += [self.say("summary.next", when=self.instant(first)), self.say("summary.withdraw")]
        return element("section", self.heading(2, "summary.heading"), _list(lines), class_="summary")

    def contents(self, titles: Mapping[str, str]) -> Html:
        links = [element("a", title, href=f"#section-{key}") for key, title in titles.items()]
        return element("nav", _list(links), aria_label=self.say("letter.contents"))

    # -- A and B ------------------------------------------------------------------------------------------

    def case(self) -> Html:
        case = self.answer.case
        return _facts(
            (self.say("case.id"), _outside(case.id)),
            (self.say("case.received_at"), self.time(case.received_at)),
            (self.say("case.answered_at"), self.time(self.answer.answered_at)),
            (self.say("case.due_on"), element("time", self.day(case.due_on), datetime=case.due_on.isoformat())),
            (self.say("case.identifiers"), self.identifiers()),
            (self.say("case.identity"), _outside(case.identity)),
            (self.say("case.scope"), self.say("case.scope.said")),
            (self.say("case.fee"), self.say("case.fee.none")),
        )

    def confirmation(self) -> Html:
        count = len(self.answer.recordings)
        if count:
            return together(
                self.line("held.said", count=count),
                self.line("held.searched"),
                self.identifiers(),
                self.line("search.withheld_number"),
            )
        return together(
            self.line("none.said"),
            self.line("none.searched"),
            self.identifiers(),
            *(self.line(code) for code in ("none.why", "search.withheld_number", "none.case")),
        )

    def identifiers(self) -> Html:
        return _list(_outside(one) for one in self.answer.identifiers)

    # -- C ------------------------------------------------------------------------------------------------

    def information(self) -> Html:
        if not self.answer.recordings:
            return together(
                self.titled("controller"), self.rights("rectification", "erasure"), self.titled("complaint")
            )
        return together(
            self.titled("controller"),
            self.titled("purposes", _list(self.purposes())),
            self.categories(),
            self.titled("recipients"),
            self.titled("retention", self.deletion_dates()),
            self.rights("withdraw", "rectification", "erasure", "restriction", "objection"),
            self.titled("complaint"),
            self.titled("source"),
            self.titled("automated"),
            self.titled("transfers"),
            self.left_out(),
        )

    def purposes(self, *recordings: RecordingFacts) -> list[str]:
        named = {one for recording in recordings or self.answer.recordings for one in recording.purposes}
        basis = self.say("basis")
        return [
            self.say("purpose.with_basis", purpose=self.say(f"purpose.{one}"), basis=basis)
            for one in Purpose
            if one in named
        ]

    def categories(self) -> Html:
        codes = ("voice", "number", "call", "known", "consent", "access", "case")
        return together(
            self.heading(3, "categories.heading"),
            _list(self.say(f"category.{code}") for code in codes),
            self.line("category.not_held"),
        )

    def deletion_dates(self) -> Html:
        rows = [
            (self.recording_heading(number, one), self.time(one.erased_on))
            for number, one in enumerate(self.answer.recordings, 1)
        ]
        columns = (self.say("column.recording"), self.say("field.erased_on"))
        return _table(self.say("retention.heading"), columns, rows)

    def rights(self, *codes: str) -> Html:
        return together(self.heading(3, "rights.heading"), _list(self.say(f"right.{code}") for code in codes))

    def left_out(self) -> Html:
        reason = self.answer.whole_call_reason
        missing = [one for one in self.answer.recordings if one.sound is None]
        lines = [self.say("withheld.names")]
        if any(one.own_speech for one in self.answer.recordings):
            lines.append(self.say("withheld.agent"))
        if reason is not None:
            lines.append(self.say("withheld.whole", reason=reason))
        if missing:
            lines.append(self.say("withheld.some"))
        return together(self.heading(3, "withheld.heading"), _list(lines))

    # -- D ------------------------------------------------------------------------------------------------

    def recordings(self) -> Html:
        return together(*(self.recording(number, one) for number, one in enumerate(self.answer.recordings, 1)))

    def recording(self, number: int, one: RecordingFacts) -> Html:
        return element(
            "article",
            element("h3", self.recording_heading(number, one)),
            self.sound(number, one),
            self.details(one),
            self.consent(one),
            self.accesses(one.accesses),
            self.grants(one.grants),
        )

    def recording_heading(self, number: int, one: RecordingFacts) -> str:
        return self.say("recording.heading", number=number, when=self.instant(one.started_at))

    def sound(self, number: int, one: RecordingFacts) -> Html:
        if one.sound is None:
            return element("p", self.say(f"withheld.{one.withheld}"), class_="missing")
        name, label = sound_name(number), self.say("recording.listen", number=number)
        return together(
            self.line("recording.own" if one.own_speech else "recording.whole"),
            element("audio", controls="", preload="metadata", data_file=name, aria_label=label),
            element("p", self.save(name)),
        )

    def details(self, one: RecordingFacts) -> Html:
        known = _list(_outside(name) for name in one.identifiers) if one.identifiers else self.say("identifiers.none")
        number = _outside(one.number) if one.number is not None else self.say("number.withheld")
        return _facts(
            (self.say("field.started_at"), self.time(one.started_at)),
            (self.say("field.ended_at"), self.time(one.started_at + timedelta(seconds=one.duration_s))),
            (self.say("field.duration_s"), self.duration(one.duration_s)),
            (self.say("field.direction"), self.say("direction.inbound")),
            (self.say("field.team"), _outside(one.team)),
            (self.say("field.agent"), self.say("agent")),
            (self.say("field.number"), number),
            (self.say("field.identifiers"), known),
            (self.say("field.reference"), _outside(one.reference)),
            (self.say("field.id"), _outside(one.id)),
            (self.say("field.purposes"), _list(self.purposes(one))),
            (self.say("field.erased_on"), self.time(one.erased_on)),
            (self.say("field.derived"), self.copies(one)),
        )

    def copies(self, one: RecordingFacts) -> str | Html:
        told = [self.say(f"copy.{each.state}", when=self.instant(each.made_at)) for each in one.copies]
        return _list(told) if told else self.say("derived.none")

    def consent(self, one: RecordingFacts) -> Html:
        pressed = self.say("consent.key.said", when=self.instant(one.consent_at))
        return together(
            self.heading(4, "consent.heading"),
            _facts(
                (self.say("consent.key"), pressed),
                (self.say("consent.version"), _outside(one.prompt_version)),
                (self.say("consent.sha256"), element("code", one.prompt_sha256)),
            ),
            self.line("consent.text"),
            element("blockquote", one.prompt_text, dir="auto"),
        )

    def accesses(self, told: Sequence[RecordedAccess]) -> Html:
        if not told:
            return together(self.heading(4, "accesses.heading"), self.line("accesses.none"))
        columns = [self.say(f"column.{key}") for key in ("at", "action", "purpose", "role")]
        rows = [
            (
                self.time(one.at),
                self.say(f"action.{one.action}"),
                self.say(f"purpose.{one.purpose or 'access'}"),
                self.say(f"role.{one.role}"),
            )
            for one in told
        ]
        title = "accesses.heading"
        return together(self.heading(4, title), _table(self.say(title), columns, rows))

    def grants(self, told: Sequence[PossibleAccess]) -> Html:
        if not told:
            return together(self.heading(4, "grants.heading"), self.line("grants.none"))
        columns = [self.say(f"column.{key}") for key in ("role", "purpose", "starts_at", "until")]
        rows = [
            (
                self.say(f"role.{one.role}"),
                self.say(f"purpose.{one.purpose}"),
                self.time(one.starts_at),
                self.time(one.until),
            )
            for one in told
        ]
        title = "grants.heading"
        return together(self.heading(4, title), _table(self.say(title), columns, rows))

    # -- E and F ------------------------------------------------------------------------------------------

    def enclosures(self) -> Html:
        columns = (self.say("column.file"), self.say("column.sha256"))
        rows = [(self.save(one.name), element("code", one.sha256)) for one in self.files.values()]
        said = "files.said" if len(self.files) > 1 else "files.data_only"
        return together(self.line(said), self.line("files.keep"), _table(self.say("section.e"), columns, rows))

    def check(self) -> Html:
        name = next(iter(self.files))
        commands = [
            self.say(f"check.{system}", command=command.format(name=name)) for system, command in COMMANDS.items()
        ]
        log = (self.line("check.log"), element("p", element("code", self.answer.log_vkey)))
        return together(
            self.line("check.said"),
            _list(commands),
            self.line("check.page"),
            *(log if self.answer.recordings else ()),
            self.line("check.policy", version=self.answer.policy_version),
        )

    def save(self, name: str) -> Html:
        size = -(-len(self.files[name].body) // 1000)
        return element("a", self.say("file.save", name=name, size=size), data_file=name)

    def line(self, code: str, **values: str | int) -> Html:
        return element("p", self.say(code, **values))

    def heading(self, level: int, code: str) -> Html:
        return element(f"h{level}", self.say(code))

    def titled(self, topic: str, *more: Html) -> Html:
        return together(self.heading(3, f"{topic}.heading"), self.line(f"{topic}.said"), *more)

    def time(self, at: datetime) -> Html:
        return element("time", self.instant(at), datetime=to_iso(at))


def _outside(text: str) -> Html:
    """A text that came from elsewhere: its direction of writing stays its own."""
    return element("bdi", text)


def _list(lines: Iterable[str]) -> Html:
    return element("ul", *(element("li", one) for one in lines))


def _facts(*pairs: tuple[str, str]) -> Html:
    return element("dl", *(element("div", element("dt", key), element("dd", value)) for key, value in pairs))


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Html:
    """A table that a narrow window scrolls, by keyboard too."""
    head = element("thead", element("tr", *(element("th", one, scope="col") for one in columns)))
    body = element("tbody", *(element("tr", *(element("td", one) for one in row)) for row in rows))
    table = element("table", element("caption", title), head, body)
    return element("div", table, class_="wide", role="group", aria_label=title, tabindex="0")
