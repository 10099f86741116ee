"""The family of errors, a class per exit status.

An error has a *code* and its values, never a sentence: the sentence is in `i18n/sentences/errors.json` under that code,
in each language, and is made by `ui.terminal`. So scripts read codes, people read sentences, and no message holds a
value that was not chosen for it. Any other exception is a bug.

    ArloError                1
     |- Interrupted        130   Ctrl-C
     |   `- Lost           130   the door is shut in the middle
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
     `- SoundError           -   a sound that intake does not accept; becomes a refusal
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

Detail = str | int | float
ELSEWHERE = "_arlo_rec_elsewhere"  # attribute of an error from another process: where it happened there, no values
ALIKE = 0.7  # of 1: how alike a mistyped name and a known one must be, for the known one to be suggested


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
        """The code of its sentence, where one error code has several."""
        return self.code

    def __str__(self) -> str:
        """The code and its values, for developers; users see the sentence."""
        detail = ", ".join(f"{key}={value}" for key, value in self.detail.items())
        return f"{self.code}({detail})"


class Interrupted(ArloError):
    """Somebody pressed Ctrl-C."""

    exit_status = 130


class Lost(Interrupted):
    """The person's machine is gone; whether it has what was sent last, nobody can know."""

    def __init__(self) -> None:
        super().__init__("interrupted")


class Usage(ArloError):
    """The command was called wrongly, or a value is invalid."""

    exit_status = 2


class NothingMatched(ArloError):
    """What was named does not exist; nothing was done."""

    exit_status = 4


class NotANumber(NothingMatched):
    """What was given as a telephone number is none; *digits* are how many a domestic one had, where only that is wrong.

    The number itself is no value of the error: errors are logged.
    """

    def __init__(self, digits: int | None = None) -> None:
        super().__init__("not_a_number")
        if digits is not None:
            self.detail["digits"] = digits

    @property
    def sentence(self) -> str:
        """It says how many digits a number has, where they are what is wrong."""
        return "not_a_number_digits" if "digits" in self.detail else self.code


class NoStore(ArloError):
    """There is no store at the given path."""

    exit_status = 10


class InUse(ArloError):
    """Another run holds a lock; nothing was done, and the command can be tried again."""

    exit_status = 11

    @property
    def sentence(self) -> str:
        """It says who holds the lock where that is known."""
        return "in_use_by" if "pid" in self.detail else self.code


class NotUnlocked(ArloError):
    """The passphrase is wrong, a key is missing, or the key opens nothing in this store."""

    exit_status = 12


class NotGranted(ArloError):
    """No live grant, or no right to do it at all."""

    exit_status = 13


class NotOpen(NotGranted):
    """No recording of an id is open to who asks; the same error whether there is one or not.

    Of the beginning of an id that fits *several* that are open to them, it says that too.
    """

    def __init__(self, *, several: bool = False) -> None:
        super().__init__("no_grant", rule="access.managers")
        self._several = several

    @property
    def sentence(self) -> str:
        """It says what may be wrong with the id."""
        return "no_grant_for_beginning" if self._several else "no_grant_for_id"


class Refused(ArloError):
    """The guidelines forbid it; always names the rule."""

    exit_status = 14

    def __init__(self, code: str, *, rule: str, **detail: Detail) -> None:
        super().__init__(code, rule=rule, **detail)


class ClockBehind(Refused):
    """The clock is behind the log, so nothing opens and nothing is taken in until it is right or was accepted."""

    def __init__(self, **detail: Detail) -> None:
        super().__init__("retention.guard", rule="retention.90d", **detail)

    @property
    def sentence(self) -> str:
        """It is refused for the same reason as a purge, and what to do next is another thing."""
        return "clock_behind"


class ReviewUnfinished(Refused):
    """A copy cannot be confirmed yet: cuts are not decided, or what was heard badly was not heard, or both."""

    def __init__(self, *, copy: str, cuts: str, parts: str) -> None:
        super().__init__("review_unfinished", rule="data.pseudonymised", copy=copy, cuts=cuts, parts=parts)

    @property
    def sentence(self) -> str:
        """It says only what is left."""
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


class SoundError(ArloError):
    """A sound that intake does not accept; `reason` is a code."""

    def __init__(self, reason: str, **detail: Detail) -> None:
        super().__init__("bad_audio", rule=None, reason=reason, **detail)
        self.reason = reason


def nearest(mistyped: str, known: Iterable[str]) -> dict[str, str]:
    """The known name that was most likely meant, as a value of the error; nothing where none is alike.

    Only for names that whoever made the mistake may see.
    """
    from difflib import get_close_matches

    by_letters = {name.strip("-"): name for name in known}
    close = get_close_matches(mistyped.strip("-"), by_letters, 1, ALIKE)
    return {"nearest": by_letters[close[0]]} if close else {}


def nearest_names(mistyped: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that may be meant: those that hold what was typed, then those alike, the likeliest first.

    Only for names that whoever made the mistake may see.
    """
    from difflib import get_close_matches

    typed = mistyped.strip().casefold()
    by_letters = {name.casefold(): name for name in sorted(known)}
    holding = [letters for letters in by_letters if typed and typed in letters]
    alike = get_close_matches(typed, by_letters, most, ALIKE)
    return [by_letters[letters] for letters in dict.fromkeys([*holding, *alike])][:most]
