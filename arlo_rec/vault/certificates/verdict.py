"""The results of `check` as errors of the program: a code by kind, and the reason in the user's language."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import BinaryIO, Final

from arlo_rec.law.model.errors import NotGenuine, Usage
from arlo_rec.vault.certificates import check
from arlo_rec.vault.certificates.check import Forged, Genuine, Unknown

_NOT_GENUINE: Final[Mapping[str, str]] = {
    check.RECEIPT: "certificate_invalid",
    check.ANSWER: "answer_invalid",
    check.LIST: "accesses_invalid",
    check.PAGE: "page_invalid",
}
_BY_REASON: Final[Mapping[tuple[str, str], str]] = {
    (check.ANSWER, "cut_off"): "answer_cut_off",
    (check.ANSWER, "content_changed"): "answer_changed",
    (check.ANSWER, "archive_rewritten"): "answer_changed",
    (check.PAGE, "cut_off"): "page_cut_off",
    (check.PAGE, "content_changed"): "page_changed",
    (check.LIST, "list_of_another"): "accesses_of_another",
}
CODES: Final = frozenset({*_NOT_GENUINE.values(), *_BY_REASON.values(), "certificate_of_another_log"})


def verify(file: BinaryIO, vkeys: Collection[str] = (), *, inside: Genuine | None = None) -> Genuine:
    """The document in a seekable file, if it is genuine, with its `kind`.

    *inside*: the answer that holds a list of accesses. Raises NotGenuine, also for the list of another answer. Raises
    Usage for a file of another kind, and if one of *vkeys* is no verifier key.
    """
    wanted = [vkey.strip() for vkey in vkeys]
    if not all(map(check.is_vkey, wanted)):
        raise Usage("bad_vkey")
    try:
        return check.check(file, wanted) if inside is None else check.check_list(file, inside, wanted)
    except Unknown:
        raise Usage("not_a_certificate") from None
    except Forged as forged:
        is_of_another = forged.reason == "another_key"
        code = _BY_REASON.get((forged.kind, forged.reason), _NOT_GENUINE[forged.kind])
        raise NotGenuine("certificate_of_another_log" if is_of_another else code, reason=forged.reason) from None
