"""What a power cut may leave of the files below a folder, by the strict reading of POSIX that ALICE uses.

A write is on the disk once its file was synced, a name once its folder was; until then each may be there or not, in
any order, and the last write may be torn at a sector. A write through O_DSYNC is synced by itself; syncfs(2) syncs all
of both. ext4 promises more than this. T. S. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.proof.trace import OPENS, Syscall, below, unquoted

SECTOR = 512  # bytes that a disk writes whole or not at all


@dataclass(slots=True)
class Piece:
    """A change of a file's content: bytes at a place, or (None) a new length."""

    at: int
    content: bytes | None

    def onto(self, whole: bytes) -> bytes:
        """The content after this change."""
        whole = whole.ljust(self.at, b"\0")
        if self.content is None:
            return whole[: self.at]
        return whole[: self.at] + self.content + whole[self.at + len(self.content) :]


@dataclass(eq=False, slots=True)
class File:
    """What is on the disk for certain, and what may be."""

    certain: bytes = b""
    pending: list[Piece] = field(default_factory=list)

    def seen(self) -> bytes:
        """What a program reads."""
        return _with(self.certain, self.pending)

    def sync(self) -> None:
        """Everything is certain now."""
        self.certain = self.seen()
        self.pending = []


FOLDER = "folder"
Node = File | str  # FOLDER, or -> and where a symbolic link leads
Tree = dict[str, Node]
Image = dict[str, bytes | str]


@dataclass(frozen=True, slots=True)
class Naming:
    """A change of names that is whole or not at all: where something is, and where it was."""

    new: str | None
    node: Node | None
    old: str | None

    def onto(self, tree: Tree) -> None:
        """Do it."""
        moved: Tree = {}
        if self.old is not None:
            for path in [one for one in tree if below(one, Path(self.old))]:
                moved[path] = tree.pop(path)
        if self.new is None:
            return
        if self.old is None:
            if self.node is not None:
                tree[self.new] = self.node
            return
        for path, node in moved.items():
            tree[self.new + path[len(self.old) :]] = node
        if not moved and self.node is not None:
            tree[self.new] = self.node

    def folders(self) -> set[str]:
        """Whose syncing makes it certain."""
        return {os.path.dirname(one) for one in (self.new, self.old) if one is not None}  # noqa: PTH120 - text


class Disk:
    """The files below one folder, followed call by call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live: Tree = read_tree(folder)
        self.certain: Tree = dict(self.live)
        self.namings: list[Naming] = []
        self.freed: list[bytes] = []  # what files held that lost their last name: it stays in blocks of the disk
        self._places: dict[tuple[str, int], int | None] = {}  # by path and descriptor; None where it appends
        self._nameless: dict[str, File] = {}  # by what strace calls them
        self._synced: set[tuple[str, int]] = set()  # descriptors that were opened with O_DSYNC

    def follow(self, call: Syscall) -> Iterator[None]:
        """Do what a call did; each time it yields, the power may be cut."""
        if call.failed:
            return
        if call.name in OPENS:
            yield from self._open(call)
        elif call.name == "lseek" and call.descriptor is not None:
            self._places[call.paths[0], call.descriptor] = int(call.answer.split()[0], 0)
        elif call.name in {"write", "pwrite64"}:
            yield from self._write(call)
        elif call.name in {"ftruncate", "truncate", "fallocate"}:
            yield from self._length(call)
        elif call.name in {"fsync", "fdatasync"}:
            self._sync(call.paths[0])
            yield
        elif call.name == "syncfs":
            self._sync_all(call)
            yield
        elif call.name in {"sync", "sync_file_range", "writev", "pwritev", "sendfile", "copy_file_range"}:
            if call.changes(self.folder):
                raise NotImplementedError(f"{call.name} is not known here: say what it may leave")
        elif any(below(one, self.folder) for one in call.paths):
            yield from self._rename(call)

    def _open(self, call: Syscall) -> Iterator[None]:
        path, descriptor = call.paths[0], int(call.answer.split("<")[0])
        self._places[path, descriptor] = None if "O_APPEND" in call.words else 0
        self._synced.discard((path, descriptor))
        if "O_DSYNC" in call.words or "O_SYNC" in call.words:
            self._synced.add((path, descriptor))
        if not below(path, self.folder):
            return
        if "O_TMPFILE" in call.words:
            self._nameless[_behind(call.answer)] = File()
            self._places[_behind(call.answer), descriptor] = 0
            return
        node = self.live.get(path)
        if node is None and "O_CREAT" in call.words:
            self._name(Naming(path, File(), None))
            yield
        elif isinstance(node, File) and "O_TRUNC" in call.words:
            node.pending.append(Piece(0, None))
            yield

    def _write(self, call: Syscall) -> Iterator[None]:
        file = self._file(call.paths[0]) if call.paths else None
        if not isinstance(file, File) or call.descriptor is None:
            return
        content = b"".join(call.texts)[: int(call.answer.split()[0])]
        where = (call.paths[0], call.descriptor)
        at = int(call.words.rsplit(",", 1)[1], 0) if call.name == "pwrite64" else self._places.get(where)
        if at is None:
            at = len(file.seen())
        elif call.name == "write":
            self._places[where] = at + len(content)
        file.pending.append(Piece(at, content))
        yield
        if where in self._synced:
            file.sync()
            yield

    def _length(self, call: Syscall) -> Iterator[None]:
        file = self.live.get(call.paths[0])
        if not isinstance(file, File):
            return
        numbers = [int(one, 0) for one in re.findall(r", (0x[0-9a-f]+|\d+)", call.words)]
        length = max(len(file.seen()), sum(numbers[-2:])) if call.name == "fallocate" else numbers[-1]
        file.pending.append(Piece(length, None))
        yield

    def _sync(self, path: str) -> None:
        node = self._file(path)
        if isinstance(node, File):
            node.sync()
        elif node == FOLDER:
            certain = [one for one in self.namings if path in one.folders()]
            for one in certain:
                one.onto(self.certain)
            self.namings = [one for one in self.namings if one not in certain]

    def _sync_all(self, call: Syscall) -> None:
        """Everything that was written and named on the file system of a folder is certain; the world lies on one."""
        if not call.changes(self.folder):
            return
        for node in [*self.live.values(), *self._nameless.values()]:
            if isinstance(node, File):
                node.sync()
        for naming in self.namings:
            naming.onto(self.certain)
        self.namings = []

    def _rename(self, call: Syscall) -> Iterator[None]:
        paths = call.paths
        if call.name.startswith("rename"):
            self._name(Naming(paths[1], self.live.get(paths[0]), paths[0]))
        elif call.name in {"unlink", "unlinkat", "rmdir"}:
            self._name(Naming(None, None, paths[0]))
        elif call.name in {"mkdir", "mkdirat"}:
            self._name(Naming(paths[0], FOLDER, None))
        elif call.name in {"link", "linkat"}:
            self._name(Naming(paths[1], self._linked(call), None))
        else:  # modes and owners: a store that lost one is not less readable for its owner
            return
        yield

    def _file(self, path: str) -> Node | None:
        return self.live.get(path) or self._nameless.get(path)

    def _linked(self, call: Syscall) -> Node | None:
        """What gets another name; the file behind a descriptor, where the name is one of /proc."""
        name = call.texts[0].decode("utf-8", "surrogateescape")
        if name.startswith("/proc/self/fd/"):
            return self._nameless.get(call.behind[0])
        return self.live.get(call.paths[0])

    def _name(self, naming: Naming) -> None:
        for path in {naming.new, naming.old if naming.new is None else None} - {None}:
            gone = self.live.get(str(path))
            if isinstance(gone, File):
                self.freed.append(gone.seen())
        self.namings.append(naming)
        naming.onto(self.live)

    # -- after the cut --------------------------------------------------------------------------------

    def images(self, chance: random.Random, more: int) -> Iterator[tuple[str, Image]]:
        """What may be there after a cut at this instant, by a name: the corners, and *more* by chance."""
        yield "all", self._image(self.live, lambda one: one.pending)
        if not self.namings and not any(isinstance(one, File) and one.pending for one in self.live.values()):
            return
        yield "data lost", self._image(self.live, lambda _: [])
        yield "names lost", self._image(self.certain, lambda one: one.pending)
        yield "both lost", self._image(self.certain, lambda _: [])
        yield "torn", self._image(self.live, _torn)
        for count in range(more):
            names = dict(self.certain)
            for one in self.namings[: chance.randint(0, len(self.namings))]:
                one.onto(names)
            kept: dict[int, list[Piece]] = {}
            yield f"chance {count}", self._image(names, lambda one, kept=kept: _some(one, kept, chance))  # type: ignore[misc]

    def _image(self, tree: Tree, chosen: Callable[[File], Iterable[Piece]]) -> Image:
        return {path: _with(one.certain, chosen(one)) if isinstance(one, File) else one for path, one in tree.items()}


def _behind(answer: str) -> str:
    """What strace says of the descriptor that a call gave."""
    return unquoted(answer.split("<", 1)[1].rsplit(">", 1)[0]).decode("utf-8", "surrogateescape")


def _torn(file: File) -> list[Piece]:
    """Everything, but of the last write the first half of its sectors."""
    if not file.pending or file.pending[-1].content is None:
        return file.pending[:-1]
    last = file.pending[-1]
    content = last.content or b""
    half = len(content) // 2 // SECTOR * SECTOR or len(content) // 2
    return [*file.pending[:-1], Piece(last.at, content[:half])]


def _some(file: File, kept: dict[int, list[Piece]], chance: random.Random) -> list[Piece]:
    if id(file) not in kept:
        kept[id(file)] = [one for one in file.pending if chance.random() < 0.5]
    return kept[id(file)]


def _with(content: bytes, pieces: Iterable[Piece]) -> bytes:
    for piece in pieces:
        content = piece.onto(content)
    return content


def read_tree(folder: Path) -> Tree:
    """What lies below a folder, the folder itself included."""
    tree: Tree = {str(folder): FOLDER}
    for one in sorted(folder.rglob("*")):
        if one.is_symlink():
            tree[str(one)] = f"-> {one.readlink()}"
        else:
            tree[str(one)] = FOLDER if one.is_dir() else File(one.read_bytes())
    return tree


def put_back(image: Image, folder: Path, target: Path) -> None:
    """Lay an image out as files; what lies in a folder whose name was lost is lost too."""
    for path in sorted(image):
        content, where = image[path], target / os.path.relpath(path, folder)
        if content == FOLDER:
            where.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not where.parent.is_dir():
            continue
        elif isinstance(content, str):
            where.symlink_to(content.removeprefix("-> "))
        else:
            where.write_bytes(content)
            where.chmod(0o600)


def model_differs(disk: Disk) -> list[str]:
    """Paths that the model and the real folder do not agree on; the shared memory of the database is not written."""
    model = disk._image(disk.live, lambda one: one.pending)
    real = {path: one.seen() if isinstance(one, File) else one for path, one in read_tree(disk.folder).items()}
    return sorted(one for one in {*model, *real} if model.get(one) != real.get(one) and not one.endswith("-shm"))
