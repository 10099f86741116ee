"""The address of a root secret in OpenBao, and the way to a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

BAO: Final = "bao://"
ADDRESS_LONGEST: Final = 200  # characters


class KeyAddress(NamedTuple):
    """A root secret in OpenBao: the mount of its transit engine, and the key."""

    mount: str
    key: str

    def __str__(self) -> str:
        return f"{BAO}{self.mount}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> KeyAddress:
        """The address in `bao://MOUNT/KEY`; raises ValueError."""
        mount, slash, key = text.removeprefix(BAO).rpartition("/")
        words = [*mount.split("/"), key]
        if not text.startswith(BAO) or not slash or not all(map(_is_word, words)) or len(text) > ADDRESS_LONGEST:
            raise ValueError(text)
        return cls(mount, key)


def _is_word(word: str) -> bool:
    return word.isascii() and word.replace("-", "a").replace("_", "a").isalnum()


@dataclass(frozen=True, slots=True)
class BaoAccess:
    """The way to an OpenBao: its nodes, what proves that they are these, and what proves who asks."""

    addresses: tuple[str, ...]  # URLs
    token: str | None = field(default=None, repr=False)
    role_id: str | None = field(default=None, repr=False)
    secret_id: str | None = field(default=None, repr=False)
    ca: str | None = None  # a file of certificates; None: those that the system trusts
    seen: str = "secret"  # mount of the key-value engine
    wait: float = 10.0  # seconds for each answer
