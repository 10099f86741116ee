"""The address of a database, its errors, and what a server there is told: no password in clear or for every host.

An address is the owner's, as all places are. A server that took its name, or its socket, gets by SCRAM nothing that
logs in elsewhere.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import conninfo, errors, pq

from arlo_rec.engines.postgres.postgres_sql import DATABASE
from arlo_rec.law.model.errors import Integrity, InUse, Unreachable, Usage
from arlo_rec.vault.backends.bounded_read import read_named
from arlo_rec.vault.backends.elsewhere import without_secret

if pq.version() < 160_000:
    raise ImportError("libpq before 16 knows no require_auth")

_SAID: Final = ("host", "port", "user", "dbname", "sslrootcert", "sslcert", "sslkey")  # what an address may say
_NAME: Final = re.compile(r"[^/@:]+")  # of a database; with these signs it is the rest of a password
_PASSWORDS_BYTES: Final = 1024 * 1024  # of a file of passwords
_DAMAGE: Final = (errors.DataCorrupted, errors.IndexCorrupted, errors.UndefinedTable, errors.UndefinedColumn)
SECURED: Final[dict[str, Any]] = {  # of every connection
    "sslmode": "verify-full",  # TLS alone, but by a socket of this machine
    "gssencmode": "disable",
    "require_auth": "scram-sha-256,gss,none",  # none: `peer`, or the certificate of the client
}


def demanded_address(text: str) -> str:
    """An address of a database in its one form, `postgres://[USER@]HOST[:PORT]/DATABASE`; raises Usage.

    A host that begins with a slash is the folder of a socket. An address holds no password: libpq reads it from a file
    for its owner alone.
    """
    try:
        said = conninfo.conninfo_to_dict(text)
    except psycopg.Error:
        said = {}
    is_plain = said.get("host") and _NAME.fullmatch(str(said.get("dbname", ""))) and not set(said) - set(_SAID)
    if DATABASE.fullmatch(text) is None or not is_plain:
        raise Usage("bad_database", value=without_secret(text))
    return text


def shown(address: str) -> str:
    """The server and the database of an address: no user, and no files."""
    said = conninfo.conninfo_to_dict(address)
    return f"{said['host']}/{said['dbname']}"


def demand_bound_passwords() -> None:
    """Raise Usage where the file from which libpq takes passwords has one for every host."""
    named = next((each.val for each in pq.Conninfo.get_defaults() if each.keyword == b"passfile"), None)
    path = Path(os.fsdecode(named) if named else os.path.expanduser("~/.pgpass"))  # noqa: PTH111 - raises without a home
    try:
        lines = read_named(path, _PASSWORDS_BYTES).splitlines()
    except OSError:  # libpq takes none from there
        return
    for number, line in enumerate(lines, 1):
        if line.startswith(b"*:"):
            raise Usage("database_password_for_all", path=str(path), line=number)


@contextmanager
def translated(address: str) -> Iterator[None]:
    """Turn the errors of server and library into ArloErrors; those of our own statements are bugs."""
    try:
        yield
    except errors.LockNotAvailable:
        raise InUse("in_use") from None
    except (errors.DiskFull, errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise Unreachable("database_refuses", address=shown(address), reason=_reason(error)) from None
    except (psycopg.DataError, psycopg.IntegrityError, *_DAMAGE):
        raise Integrity("catalogue_damaged") from None
    except (psycopg.OperationalError, psycopg.InternalError) as error:
        raise Unreachable("database_unreachable", address=shown(address), reason=_reason(error)) from None


def _reason(error: psycopg.Error) -> str:
    said = (error.diag.message_primary or str(error)).splitlines()
    return ([line for line in said if line.strip() and not line.startswith("\t")] or ["?"])[-1][:200]
