"""The words typed, as the front reads them: the store's place, the commands done here, and the named files.

The front parses no command. It knows the options whose values are files of the person's machine. It reads and writes no
other path, whatever the other end asks for (`tests/edge/door` holds the tables against the commands).
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from arlo_rec.edge.config import PERSONAL, Kept, handed_key, kept

READ: Final = frozenset({"--turns", "--anchor", "--cuts", "--transcript", "--published", "--sounds", "--map"})
SECRET: Final = frozenset({"--passphrase-file", "--new-passphrase-file", "--key-file"})
WRITE: Final = frozenset({"--out", "--turns", "--receipt-out", "--key-out", "--html"})
APPEND: Final = frozenset({"--append"})
WITNESS: Final = frozenset({"--witness-key"})
PLAYER: Final = "--player"
READ_WORD: Final = "policy propose"  # commands whose only word is a file
HERE: Final = frozenset(  # commands that open no store, and those of the account that owns it
    {
        *("certificate verify", "policy lint-prompt", "map list", "map show", "map check", "demo", "recovery join"),
        *("init", "restore", "serve", "install-units", "worker"),
    }
)
HERE_WITH: Final = frozenset(
    {"--help", "-h", "--version", "--bench", "--new", "--explain"}
)  # commands with them open no store
NOT_SENT: Final = frozenset({"--via", "--store", "--config"})
FLAGS: Final = frozenset({"--json", "--quiet"})  # options of every command that take no value
SOCKET: Final = "unix:"  # how a door begins that is a socket
STDIN: Final = "-"
_SIDE: Final = re.compile(r"(?:caller|agent|[0-9]{1,8})=(.+)", re.DOTALL)  # of a transcript
_BESIDE: Final = re.compile(r'^\s*(?:sound|file)\s*=\s*"([^"\\]+)"\s*$', re.MULTILINE)  # a proposed policy


class Way(NamedTuple):
    """The way to a store through a door, with the person's own settings."""

    via: list[str]  # the words of the command that is the door
    config: Kept
    personal: dict[str, str]


def way(words: Sequence[str], environment: Mapping[str, str]) -> Way | None:
    """The way through the door; None if the program works here. Raises Usage for an invalid config file.

    The strongest source that names a store or a door decides: the words typed, the environment, the config file. If it
    names both, the store's owner opens it, and all others go through the door.
    """
    if not words or HERE_WITH & set(words) or _is_here(words) or "_ARLO_REC_COMPLETE" in environment:
        return None
    config = kept(value(words, "--config"), environment)
    nothing = Kept({})
    for named_via, named_store, its_config in (
        (value(words, "--via"), value(words, "--store"), nothing),
        (environment.get("ARLO_REC_VIA"), environment.get("ARLO_REC_STORE") or None, nothing),
        (config.text("via"), config.text("store"), config),
    ):
        if named_via is None and named_store is None:
            continue
        command = _command(named_via or "")
        if not command or (named_store is not None and (_is_owner(named_store) or _leads_home(command))):
            return None
        name = {"as": named} if (named := config.text("as")) else {}  # but no secret for a door that it does not name
        return Way(command, config, {**name, **_personal(environment, its_config)})
    return None


def _is_here(words: Sequence[str]) -> bool:
    return words[0] in HERE or " ".join(words[:2]) in HERE


def _is_owner(store: str) -> bool:
    """Whether this account owns that store; False if it is out of reach."""
    try:
        return os.stat(store).st_uid == os.geteuid()  # noqa: PTH116 - nothing of pathlib is needed
    except (AttributeError, OSError, ValueError):
        return False


def socket_of(via: Sequence[str]) -> str | None:
    """The path of a door that is a socket, `unix:PATH`; None for one that is a command."""
    return via[0].removeprefix(SOCKET) if len(via) == 1 and via[0].startswith(SOCKET) else None


def _leads_home(command: Sequence[str]) -> bool:
    """Whether a door leads to this very account by sudo or by its own socket: the owner, whose store is away."""
    if (path := socket_of(command)) is not None:
        return _is_owner(path)
    if not command[0].endswith("sudo"):
        return False
    try:
        import pwd

        own = pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return False
    return own in values(command, {"-u", "--user"})


def _command(via: str) -> list[str]:
    """The words of a door's command; an invalid line is one word, which does not start."""
    try:
        return shlex.split(via)
    except ValueError:
        return [via]


def _personal(environment: Mapping[str, str], config: Kept) -> dict[str, str]:
    """Name, passphrase file and key file, from the environment or the person's config."""
    named = {key: environment.get(f"ARLO_REC_{key.upper()}") or config.text(key) for key in PERSONAL}
    handed = handed_key(environment)
    return {**({"key_file": handed} if handed else {}), **{key: text for key, text in named.items() if text}}


def value(words: Sequence[str], option: str) -> str | None:
    """The last value of an option; None if it was not typed."""
    typed = list(values(words, {option}))
    return typed[-1] if typed else None


def values(words: Sequence[str], options: frozenset[str] | set[str]) -> Iterator[str]:
    """Every value of some options, in order."""
    for word, following in zip(words, [*words[1:], None], strict=False):
        option, sign, attached = word.partition("=")
        if option in options and (sign or following is not None):
            yield attached if sign else str(following)


def sent(words: Sequence[str]) -> list[str]:
    """The words without the options that name the store's place."""
    left, skips = list[str](), False
    for word in words:
        option, sign, _ = word.partition("=")
        if not skips and option not in NOT_SENT:
            left.append(word)
        skips = not skips and option in NOT_SENT and not sign
    return left


def is_plugin(words: Sequence[str]) -> bool:
    """Whether a monitoring system reads the first line of stdout: `check` in words."""
    return words[:1] == ["check"] and "--json" not in words


def has_one_answer(words: Sequence[str]) -> bool:
    """Whether a failure is told on stdout too, in the place of the answer: JSON, or the line of a plugin."""
    return "--json" in words or is_plugin(words)


class Named:
    """The files that the person named, and their permitted uses."""

    def __init__(self, words: Sequence[str], personal: Mapping[str, str]) -> None:
        self._command = " ".join(words[:2])
        secrets = [*values(words, SECRET), *(text for key, text in personal.items() if key != "as")]
        self._secrets = _paths(secrets)
        typed = [_SIDE.fullmatch(text) for text in values(words, READ)]
        sides = [match[1] for match in typed if match is not None]
        self._read = _paths([*values(words, READ), *sides, *self._words_that_are_files(words)])
        self._write = _paths(values(words, WRITE))
        self._append, self._witness = _paths(values(words, APPEND)), _paths(values(words, WITNESS))
        self._sounds: set[Path] = set()
        self.player = _command(value(words, PLAYER) or "")
        self.may_read_stdin = STDIN in words or any(word.endswith(f"={STDIN}") for word in words)
        self.may_replace = bool(words) and words[0] == "metrics"
        self.may_publish = self._command == "policy publish"
        self.may_listen = bool(words) and words[0] in {"listen", "review", "desk"}
        self.has_one_answer = has_one_answer(words)

    def _words_that_are_files(self, words: Sequence[str]) -> list[str]:
        if self._command != READ_WORD:
            return []
        free = [word for before, word in pairwise(words[1:]) if not _takes_a_value(before)]
        return [word for word in free if not word.startswith("--")]

    def is_secret(self, path: Path) -> bool:
        """Whether a passphrase or a key may be read there."""
        return path in self._secrets

    def may_be_read(self, path: Path) -> bool:
        """Whether a path was named to be read, or lies in such a folder."""
        return path in self._read or self.lies_in_named(path) or path in self._sounds

    def lies_in_named(self, path: Path) -> bool:
        """Whether a path lies in a folder that was named to be read, and was not named itself."""
        return path not in self._read and path.parent in self._read and path.name not in {"", ".."}

    def may_be_written(self, path: Path) -> bool:
        """Whether a path was named to be written; an answer that becomes an archive ends in .zip."""
        if path in self._write or path.suffix != ".zip":
            return path in self._write
        archives = {path.with_suffix(ending) for ending in (".html", ".htm", "")}
        return self._command.startswith("dsar") and bool(archives & self._write)

    def written(self) -> set[Path]:
        """The paths named to be written."""
        return self._write

    def may_be_appended_to(self, path: Path) -> bool:
        """Whether notes may be added there."""
        return path in self._append

    def is_witness_key(self, path: Path) -> bool:
        """Whether the key of a witness was named there."""
        return path in self._witness

    def note_sounds(self, path: Path, content: bytes) -> None:
        """Note the sounds that a proposed policy names: they lie beside it, and are read to be summed."""
        if self._command == READ_WORD and path in self._read:
            self._sounds |= {path.parent / name for name in _BESIDE.findall(content.decode("utf-8", "replace"))}


def _takes_a_value(word: str) -> bool:
    return word.startswith("--") and "=" not in word and word not in FLAGS


def _paths(texts: Sequence[str] | Iterator[str]) -> set[Path]:
    return {Path(text) for text in texts if text != STDIN}
