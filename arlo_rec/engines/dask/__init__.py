"""Planning the cuts of calls on other machines: a Dask cluster hears them, and learns nothing of the store."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from arlo_rec.vault.backends.elsewhere import Engine, Given

if TYPE_CHECKING:
    from arlo_rec.engines.dask.planners import ClusterPlanners

_KEYS: Final = ("ca", "certificate", "key")


class _Hearing:
    """See Hearing."""

    def planners(self, address: str, given: Given) -> AbstractContextManager[ClusterPlanners]:
        """See Hearing."""
        from arlo_rec.engines.dask.planners import cluster, tls_files

        return cluster(address, tls_files(given, "client"))

    def work(self, address: str, given: Given, about: Mapping[str, Any]) -> Generator[int]:
        """See Hearing."""
        from arlo_rec.engines.dask.link import WORKER, Link
        from arlo_rec.engines.dask.planners import settings_of, tls_files

        said = settings_of(address, tls_files(given, "worker")) | dict(about)
        link = Link(WORKER)
        try:
            link.send(said)
            while True:
                told, _ = link.receive()
                yield int(told["ready"])
        finally:
            link.close()


ENGINE: Final = Engine(
    section="cluster", settings=dict.fromkeys(("address", *_KEYS), str), files=_KEYS, hearing=_Hearing()
)
