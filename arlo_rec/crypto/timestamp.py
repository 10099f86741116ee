"""Timestamps of others (RFC 3161) over a few bytes: what is asked, and whether an answer is genuine.

With `rfc3161-client`, by those who make Python's `cryptography`; it comes with the extra `[timestamp]` and is loaded
only here. Nothing is sent: `offsite.timestamps` does that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.crypto import primitives
from arlo_rec.model.errors import Usage

_CERTIFICATES: Final = 0xA0  # the tag of the certificates in a SignedData (RFC 5652, 5.1)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    Certificates = Sequence[Certificate]


def _library() -> Any:
    """The library; raises Usage where it is not installed."""
    try:
        import rfc3161_client
    except ImportError:
        raise Usage("timestamp_not_installed") from None
    return rfc3161_client


def demand_library() -> None:
    """Raise Usage where the extra is not installed."""
    _library()


class Request:
    """A request for a timestamp over *content* with SHA-256, a number that chance chose, and the TSA's certificate."""

    def __init__(self, content: bytes) -> None:
        """Raises Usage where the library is not installed."""
        library = _library()
        self._content, self._library = content, library
        builder = library.TimestampRequestBuilder().data(content)
        self._request = builder.hash_algorithm(library.base.HashAlgorithm.SHA256).build()

    @property
    def der(self) -> bytes:
        """The bytes to be sent."""
        return bytes(self._request.as_bytes())

    def time_of(self, answer: bytes) -> datetime:
        """When the answer says that it was; raises ValueError where it does not answer this request.

        Whose signature it bears is not looked at: `genuine` does, with the certificate of somebody who is trusted.
        """
        said = _decoded(self._library, answer)
        if said.status != 0:
            raise ValueError(f"status {said.status}")
        imprint = said.tst_info.message_imprint
        if imprint.message != primitives.sha256(self._content) or said.tst_info.nonce != self._request.nonce:
            raise ValueError("an answer to something else")
        time: datetime = said.tst_info.gen_time
        return time


def parse_certificates(pem: bytes) -> Certificates:
    """The certificates of the CAs of a TSA; raises Usage where there is none, or the extra is not installed."""
    from cryptography import x509

    demand_library()
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise Usage("not_a_tsa_certificate") from None


def genuine(answer: bytes, content: bytes, trusted: Certificates) -> datetime | None:
    """When *content* was stamped, by a TSA whose certificate is below the *trusted* ones; None where it was not.

    Certificates count as they were at that time (RFC 3161, 2.3: the TSA's is for timestamps alone).
    """
    from cryptography import x509

    library = _library()
    builder = library.VerifierBuilder()
    for each in trusted:
        builder = builder.add_root_certificate(each)
    none = (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
    with warnings.catch_warnings(action="ignore"):  # what is odd about a certificate that somebody sent
        try:
            said = _decoded(library, answer)
            builder.build().verify_message(said, content)
        except (*none, library.errors.VerificationError):
            return None
    time: datetime = said.tst_info.gen_time
    return time


def _decoded(library: Any, answer: bytes) -> Any:
    """The answer as the library reads it; raises ValueError."""
    try:
        return library.decode_timestamp_response(_in_order(answer))
    except ValueError:
        raise ValueError("no answer of RFC 3161") from None


def _in_order(answer: bytes) -> bytes:
    """The same with its certificates in the order of DER (X.690, 11.6), which the library demands.

    Services send them in any order, openssl's too: RFC 5652, 10.2.3 allows it, and no signature covers it. What is no
    such answer stays as it is.
    """
    try:
        _, at, _ = _element(answer, 0)  # TimeStampResp
        _, _, at = _element(answer, at)  # past its status
        _, at, _ = _element(answer, at)  # the token: ContentInfo
        _, _, at = _element(answer, at)  # past its type
        for _ in range(2):  # into [0], into SignedData
            _, at, _ = _element(answer, at)
        for _ in range(3):  # past version, digest algorithms, content
            _, _, at = _element(answer, at)
        tag, begin, end = _element(answer, at)
        at, certificates = begin, list[bytes]()
        while at < end:
            _, _, after = _element(answer, at)
            certificates.append(answer[at:after])
            at = after
    except IndexError:
        return answer
    if tag != _CERTIFICATES or at != end:
        return answer
    return answer[:begin] + b"".join(sorted(certificates)) + answer[end:]


def _element(raw: bytes, at: int) -> tuple[int, int, int]:
    """Tag, begin and end of the content of the element of DER at that place; raises IndexError beyond the end."""
    tag, length, begin = raw[at], raw[at + 1], at + 2
    if length >= 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(raw[begin : begin + count], "big"), begin + count
    if begin + length > len(raw):
        raise IndexError
    return tag, begin, begin + length
