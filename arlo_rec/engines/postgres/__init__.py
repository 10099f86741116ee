"""The catalogue in PostgreSQL: addresses `postgres://USER@HOST/DATABASE`, with libpq's own variables and files."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.engines.postgres.postgres_sql import DATABASE
from arlo_rec.law.model.errors import Unreachable
from arlo_rec.vault.backends import Connection, Locks
from arlo_rec.vault.backends.elsewhere import Engine

if TYPE_CHECKING:
    from arlo_rec.engines.postgres.postgres import PostgresConnection, PostgresSession


class _Catalogues:
    """See Catalogues."""

    def is_address(self, text: str) -> bool:
        """See Catalogues."""
        return DATABASE.fullmatch(text) is not None

    def session(self, at: str, *, reads_only: bool) -> PostgresSession:
        """See Catalogues."""
        session: PostgresSession = _postgres().PostgresSession(at, reads_only=reads_only)
        return session

    def opened(
        self, at: str, key: bytes, *, reads_only: bool = False, locks: Locks | None = None
    ) -> PostgresConnection:
        """See Catalogues."""
        postgres = _postgres()
        session = locks if isinstance(locks, postgres.PostgresSession) else None
        database: PostgresConnection = postgres.PostgresConnection(at, key, reads_only=reads_only, session=session)
        return database

    def is_made(self, database: Connection) -> bool:
        """See Catalogues."""
        return bool(_postgres().is_made(database))

    def demand_empty(self, database: Any) -> None:
        """See Catalogues."""
        _postgres().demand_empty(database)

    def drop(self, database: Any, tables: Sequence[str]) -> None:
        """See Catalogues."""
        _postgres().drop(database, tables)


def _postgres() -> ModuleType:
    try:
        from arlo_rec.engines.postgres import postgres
    except ImportError:
        raise Unreachable("database_no_library") from None
    return postgres


ENGINE: Final = Engine(catalogues=_Catalogues())
