"""The family of errors, a class per exit status.

An error has a *code* and its values, never a sentence: `i18n/sentences/errors.json` has the sentence of each code in
each language, and `edge.terminal` fills it in. So scripts read codes, people read sentences, and a message holds only
values chosen for it. Any other exception is a bug.

    ArloError                1
     |- Interrupted        130   Ctrl-C
     |   `- Lost           130   the door closed during a command
     |- Usage                2   wrong usage, a bad value
     |- NothingMatched       4
     |- NoStore             10
     |- InUse               11   another run holds a lock; try again
     |- NotUnlocked         12   wrong passphrase, no key
     |- NotGranted          13
     |- Refused             14   the guidelines say no; always names the rule
     |- Integrity           15   something was changed, truncated or rolled back
     |   `- NotGenuine      15   a file that was given out
     |- Unreachable         16   disk, object store or database fails
     |- Warned               1   `check`: something should be mended
     |- Alarmed              2   `check`: something must be mended now
     `- SoundError           -   a sound that intake does not accept; becomes a refusal
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

Detail = str | int | float
ELSEWHERE = "_arlo_rec_elsewhere"  # attribute of an error from another process: its place there, without values
ALIKE = 0.7  # of 1: similarity at which a known name is suggested for a mistyped one


class ArloError(Exception):
    """An error for the user. `code` does not depend on the language."""

    exit_status: ClassVar[int] = 1

    def __init__(self, code: str, *, rule: str | None = None, **detail: Detail) -> None:
        super().__init__(code)
        self.code = code
        self.rule = rule
        self.detail = detail

    @property
    def sentence(self) -> str:
        """The code of its sentence; an error code can have several."""
        return self.code

    def __str__(self) -> str:
        """The code and its values, for developers; users see the sentence."""
        detail = ", ".join(f"{key}={value}" for key, value in self.detail.items())
        return f"{self.code}({detail})"


class Interrupted(ArloError):
    """The user pressed Ctrl-C."""

    exit_status = 130


class Lost(Interrupted):
    """The person's machine is gone; whether it got the last bytes is unknown."""

    def __init__(self) -> None:
        super().__init__("interrupted")


class Usage(ArloError):
    """The command was called wrongly, or a value is invalid."""

    exit_status = 2


class NothingMatched(ArloError):
    """The named thing does not exist; nothing was done."""

    exit_status = 4


class NotANumber(NothingMatched):
    """A text is no telephone number; *digits* is the length of a domestic one, if only that is wrong.

    The number itself is no value of the error: errors are logged.
    """

    def __init__(self, digits: int | None = None) -> None:
        super().__init__("not_a_number")
        if digits is not None:
            self.detail["digits"] = digits

    @property
    def sentence(self) -> str:
        """The sentence with the number of digits, if that is wrong."""
        return "not_a_number_digits" if "digits" in self.detail else self.code


class NoStore(ArloError):
    """There is no store at the given path."""

    exit_status = 10


class InUse(ArloError):
    """Another run holds a lock; nothing was done, and the command can be tried again."""

    exit_status = 11

    @property
    def sentence(self) -> str:
        """The sentence with the holder of the lock, if known."""
        return "in_use_by" if "pid" in self.detail else self.code


class NotUnlocked(ArloError):
    """The passphrase is wrong, a key is missing, or the key opens nothing in this store."""

    exit_status = 12


class NotGranted(ArloError):
    """There is no live grant, or no right at all."""

    exit_status = 13


class GrantEnded(NotGranted):
    """The person's grant for the purpose has ended: the same error, in other words."""

    @property
    def sentence(self) -> str:
        """The sentence that says when it ended, and how to ask again."""
        return "no_grant_any_more"


class NotOpen(NotGranted):
    """No recording of an id is open to this person; the same error whether one exists or not.

    *several*: the beginning of an id fits several recordings that are open to them.
    """

    def __init__(self, *, several: bool = False) -> None:
        super().__init__("no_grant", rule="access.managers")
        self._several = several

    @property
    def sentence(self) -> str:
        """The sentence for a whole id, or for an ambiguous beginning."""
        return "no_grant_for_beginning" if self._several else "no_grant_for_id"


class Refused(ArloError):
    """The guidelines forbid it; always names the rule."""

    exit_status = 14

    def __init__(self, code: str, *, rule: str, **detail: Detail) -> None:
        super().__init__(code, rule=rule, **detail)


class ClockBehind(Refused):
    """The clock is behind the log: nothing opens and nothing is taken in until it is right or accepted."""

    def __init__(self, **detail: Detail) -> None:
        super().__init__("retention.guard", rule="retention.90d", **detail)

    @property
    def sentence(self) -> str:
        """A sentence of its own: the rule is that of a purge, the remedy another."""
        return "clock_behind"


class ClockAhead(Refused):
    """The clock may be ahead of all that the store vouches for: nothing is taken in and nothing removed."""

    def __init__(self, **detail: Detail) -> None:
        super().__init__("retention.guard", rule="retention.90d", **detail)

    @property
    def sentence(self) -> str:
        """A sentence of its own, as an intake erases nothing."""
        return "ingest_clock_ahead"


class ReviewUnfinished(Refused):
    """A copy cannot be confirmed yet: cuts are undecided, unclear parts unheard, or both."""

    def __init__(self, *, copy: str, cuts: str, parts: str) -> None:
        super().__init__("review_unfinished", rule="data.pseudonymised", copy=copy, cuts=cuts, parts=parts)

    @property
    def sentence(self) -> str:
        """The sentence for the unfinished part."""
        left = bool(self.detail["cuts"]), bool(self.detail["parts"])
        return {(True, False): "review_undecided", (False, True): "review_unheard"}.get(left, self.code)


class Integrity(ArloError):
    """Stored data was changed, truncated, exchanged or rolled back."""

    exit_status = 15


class NotGenuine(Integrity):
    """A file that was given out is not genuine; *reason* is a code of `certificates.check`."""

    def __init__(self, code: str, *, reason: str) -> None:
        super().__init__(code, reason=reason)
        self.reason = reason


class Unreachable(ArloError):
    """The disk, the object store or the database fails."""

    exit_status = 16

    @property
    def sentence(self) -> str:
        """The sentence with the place of a full disk, where that is known."""
        return "no_space_at" if self.code == "no_space" and "path" in self.detail else self.code


class Warned(ArloError):
    """The state of a store as a plugin of Nagios tells it: a warning."""


class Alarmed(ArloError):
    """The state of a store as a plugin of Nagios tells it: critical."""

    exit_status = 2


class SoundError(ArloError):
    """A sound that intake does not accept; `reason` is a code."""

    def __init__(self, reason: str, **detail: Detail) -> None:
        super().__init__("bad_audio", rule=None, reason=reason, **detail)
        self.reason = reason


def nearest(mistyped: str, known: Iterable[str]) -> dict[str, str]:
    """The known name most similar to a mistyped one, as a value of the error; empty without one.

    Only for names that the user may see.
    """
    from difflib import get_close_matches

    by_letters = {name.strip("-"): name for name in known}
    close = get_close_matches(mistyped.strip("-"), by_letters, 1, ALIKE)
    return {"nearest": by_letters[close[0]]} if close else {}


def nearest_names(mistyped: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known names similar to a mistyped one: those that contain it, then similar ones, the likeliest first.

    Only for names that the user may see.
    """
    from difflib import get_close_matches

    typed = mistyped.strip().casefold()
    by_letters = {name.casefold(): name for name in sorted(known)}
    holding = [letters for letters in by_letters if typed and typed in letters]
    alike = get_close_matches(typed, by_letters, most, ALIKE)
    return [by_letters[letters] for letters in dict.fromkeys([*holding, *alike])][:most]
