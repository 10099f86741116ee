"""The calls of the other end, in parts that belong together; a value that no call takes shuts the door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arlo_rec.door.frames import LONGEST, Broken
from arlo_rec.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.backends.state_files import LocalStateFiles

Result = tuple[Any, bytes]


class Values:
    """The values of a call; each method raises Broken where the value is another than the call takes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """A text, without zero bytes."""
        value = self._values.get(name)
        if not isinstance(value, str) or "\0" in value:
            raise Broken
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise Broken
        return value

    def number(self, name: str, *, least: int = 0) -> int:
        """A whole number from *least* on."""
        value = self._values.get(name)
        if type(value) is not int or not least <= value < 2**53:
            raise Broken
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise Broken
        return value

    def seconds(self) -> float:
        """A span, in seconds."""
        value = self._values.get("seconds")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < LONGEST:
            raise Broken
        return float(value)

    def path(self) -> Path:
        """A path of this machine."""
        return Path(self.text("path"))

    def store(self) -> bytes:
        """The id of a store."""
        try:
            store = bytes.fromhex(self.text("store"))
        except ValueError:
            raise Broken from None
        if len(store) != 16:
            raise Broken
        return store


Call = Callable[[Values, bytes], Result]


class NotOurs(Usage):
    """The other end asked for what is not its own: the front ends by it."""


class NotNamed(NotOurs):
    """A path that nobody named."""

    def __init__(self, path: Path) -> None:
        super().__init__("not_named", path=str(path))


class DoorStore:
    """The store to which a door leads: the one that was asked for the first time that it was used, as with a host key.

    So another door's command gets neither the unlock nor the memory of this store.
    """

    def __init__(self, states: LocalStateFiles, via: str) -> None:
        self._states, self._via = states, via
        self.id = states.store_of(via)

    def demand(self, store: bytes) -> None:
        """Raise NotOurs for another store."""
        if self.id is None:
            self.id = store
            self._states.keep_store_of(self._via, store)
        if store != self.id:
            raise NotOurs("door_store_differs", store=store.hex(), path=self._states.place_of(self._via))


class Part:
    """Calls that belong together, and what is left of them at the end."""

    def calls(self) -> dict[str, Call]:
        """Each by its name."""
        return {name.removeprefix("do_"): getattr(self, name) for name in dir(self) if name.startswith("do_")}

    def close(self) -> None:
        """Leave nothing half."""
