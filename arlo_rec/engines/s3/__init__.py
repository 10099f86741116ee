"""Objects in an S3 service: places `s3://BUCKET/PREFIX`, with the variables that programs for S3 share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arlo_rec.law.model.errors import NotUnlocked, Unreachable, Usage
from arlo_rec.vault.backends.elsewhere import Engine, Given, Way

if TYPE_CHECKING:
    from arlo_rec.engines.objects import ObjectBlobs
    from arlo_rec.engines.s3.bucket import Access

_PLACE: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9._-]+)*)/?")
CERTIFICATES_BYTES: Final = 1024 * 1024  # of the authorities that are trusted


class _Objects:
    """See Objects."""

    def place(self, text: str) -> str | None:
        """See Objects."""
        match = _PLACE.fullmatch(text)
        return None if match is None or ".." in text else f"s3://{match[1]}{match[2]}"

    def blobs(self, at: str, way: Way | None) -> ObjectBlobs:
        """See Objects."""
        from arlo_rec.engines.objects import ObjectBlobs
        from arlo_rec.engines.s3.bucket import SIGNS, Access, s3_bucket

        match = _PLACE.fullmatch(at)
        if match is None:
            raise ValueError(at)
        bucket, prefix = match[1], match[2].strip("/")

        def access() -> Access:
            return access_of(way("s3")) if way is not None else Access()

        return ObjectBlobs(lambda patience: s3_bucket(bucket, prefix, access(), patience), SIGNS)


def access_of(given: Given) -> Access:
    """Address and credentials of the service, by the variables of S3 programs, credentials of systemd and settings.

    Raises Unreachable for a file that cannot be read: an erasure goes on without its objects.
    """
    from arlo_rec.engines.s3.bucket import Access

    said, here = given.settings, given.environment
    secret, authority = here.get("AWS_SECRET_ACCESS_KEY", ""), None
    files = (said.get("secret_file") or given.handed("arlo-rec.s3"), here.get("AWS_CA_BUNDLE") or said.get("ca"))
    path = None
    try:
        if not secret and files[0]:
            secret = given.secret(path := Path(str(files[0]))).decode("ascii", "replace").strip()
        if files[1]:
            authority = given.read(path := Path(str(files[1])), CERTIFICATES_BYTES)
    except (OSError, NotUnlocked, Usage):
        raise Unreachable("objects_no_secret", path=str(path)) from None
    return Access(
        here.get("AWS_ENDPOINT_URL") or said.get("endpoint"),
        here.get("AWS_REGION") or here.get("AWS_DEFAULT_REGION") or str(said.get("region", "us-east-1")),
        here.get("AWS_ACCESS_KEY_ID") or str(said.get("key_id", "")),
        secret,
        here.get("AWS_SESSION_TOKEN"),
        authority,
    )


ENGINE: Final = Engine(
    section="s3",
    settings=dict.fromkeys(("endpoint", "region", "key_id", "secret_file", "ca"), str),
    files=("secret_file", "ca"),
    objects=_Objects(),
)
