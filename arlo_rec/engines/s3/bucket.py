"""The client of a bucket: what S3 has of its own, beside the objects that all services share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from arlo_rec.engines.objects import Signs, address_of, repeated, trouble
from arlo_rec.law.model.errors import Unreachable

if TYPE_CHECKING:
    from datetime import timedelta

    from obstore.store import S3Config, S3Store

SIGNS: Final[Signs] = (("RequestTimeTooSkewed", "objects_clock"), ("NoSuchBucket", "objects_no_bucket"))


@dataclass(frozen=True, slots=True)
class Access:
    """Address and credentials of an S3 service; without an address that of AWS in the region."""

    endpoint: str | None = None
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)  # of a session
    authority: bytes | None = None  # certificates (PEM) that are trusted; None: those of the system


def s3_bucket(bucket: str, prefix: str, access: Access, patience: timedelta) -> S3Store:
    """The client of a prefix of a bucket; asks nothing of the service. Raises Unreachable."""
    if not access.key_id or not access.secret:
        raise Unreachable("objects_no_key")
    options = address_of(access.endpoint, patience, access.authority)
    try:
        from obstore.store import S3Store
    except ImportError:
        raise Unreachable("objects_no_library") from None
    config: S3Config = {
        "checksum_algorithm": "SHA256",  # else SeaweedFS keeps an empty object where the line breaks behind the head
        **({} if access.endpoint is None else {"endpoint": access.endpoint}),
        **({} if access.token is None else {"session_token": access.token}),
    }
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            region=access.region,
            access_key_id=access.key_id,
            secret_access_key=access.secret,
            virtual_hosted_style_request=access.endpoint is None,
            client_options=options,
            retry_config=repeated(),
        )
    except (ValueError, OSError) as error:
        raise trouble(str(error)) from None
