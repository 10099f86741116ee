"""Paths of a store's parts, and the plain file `store.toml` that identifies the store and the place of its objects.

No path holds a person's name: people's files are named by a hash of the store's id and the name.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from arlo_rec.law.model.errors import Integrity, InUse, NoStore, Unreachable, Usage
from arlo_rec.vault.backends import FILE_MODE, FOLDER_MODE, mounts, shared_folder
from arlo_rec.vault.backends.durable import disk, put_new, sync_folder, translated, write_whole
from arlo_rec.vault.backends.files import LOCK, file_lock, wipe_root
from arlo_rec.vault.backends.holders import STILL, STILL_FOR_ERASURE
from arlo_rec.vault.crypto import primitives

if TYPE_CHECKING:
    from arlo_rec.vault.backends.elsewhere import Way

FORMAT = 3  # of the store
NEEDS = "0.1.0"  # the first arlo-rec that opens these formats
ELSEWHERE = 4  # the format of a store with objects elsewhere, which a reader of 3 would miss
IN_DATABASE = 5  # the format of a store whose catalogue lies in a database; every other is refused
FILES = "files"  # the place of objects, or of the catalogue, in the store's own folder
_ADDRESS = re.compile(r"[a-z][a-z0-9]{1,15}://[!#-\[\]-~]{1,300}")  # of an engine: signs without quotes
STORE_FILE_BYTES = 64 * 1024  # of `store.toml`; it has about 200
ROOT_FILE = "root"  # in the root folder
BALLAST_BYTES = 8 * 1024 * 1024  # reserved for an erasure's journal when the disk is full
FIRST_LOCKS = ("open", "intake", "drill")  # whose files are made with the store
HALF_WRITTEN = timedelta(hours=1)  # age after which a `.part` file is a killed run's
COPY_STAYS = timedelta(days=1)  # of the catalogue before an upgrade
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_UPGRADED = re.compile(r"catalogue-[0-9]{1,9}\.db(-journal)?")
_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n"  # bford.info/cachedir: backups omit the folder
_ROOT_README = b"""This folder holds the root secret, below which the keys of all recordings are wrapped.
Never copy it into a backup set: whoever has an old copy can undo erasures.
It is overwritten in place at each erasure. Keep it on a local disk (ext4 or xfs), not on btrfs, zfs,
overlay or a network file system. docs/operating.md says how to move a store.
"""
_LOCK_README = b"""The root secret of this store lies in a service, at the address in store.toml. This folder has
the lock of its runs, and the copy of a drill while it runs. docs/operating.md says what the service may keep.
"""


class Layout(NamedTuple):
    """The folders of one store."""

    store: Path
    root: Path
    id: bytes
    objects_at: str = FILES  # or an address, as `demanded_place` writes it
    objects_from: str | None = None  # the place that a move of the objects has not emptied yet
    root_at: str | None = None  # the address of R in a service; None: R lies in the root folder
    way: Way | None = None  # to engines beyond this machine; None: nothing is known of them
    catalogue_at: str = FILES  # or the address of a database
    catalogue_to: str | None = None  # the place that a move of the catalogue fills, where nothing counts yet
    catalogue_from: str | None = None  # the place that a move has left, where nothing counts any more

    @property
    def is_shared(self) -> bool:
        """Whether several hosts may open the store: root secret and catalogue lie on none of them."""
        return self.root_at is not None and self.catalogue_at != FILES

    @property
    def locks_at(self) -> str:
        """The database whose sessions have the locks of a shared store; else FILES."""
        return self.catalogue_at if self.is_shared else FILES

    @property
    def place(self) -> bytes:
        """The digest of the store's path, by which root and accounts remember where the store lies."""
        return _digest(Path(os.path.realpath(self.store)))

    def lies_at(self, place: bytes | None) -> bool:
        """Whether this folder is that *place*: by its path, a link to it, or another mount of it; None: not known."""
        known = (None, self.place, _digest(self.store.absolute()))
        return place in known or place in map(_digest, mounts.paths_of(self.store))

    @property
    def catalogue(self) -> Path:
        """The SQLCipher file, unless the catalogue lies in a database."""
        return self.store / "catalogue.db"

    @property
    def objects(self) -> Path:
        """The sealed recordings, unless they lie elsewhere."""
        return self.store / "objects"

    @property
    def receipts(self) -> Path:
        """Deletion receipts, without personal data."""
        return self.store / "receipts"

    @property
    def attempts(self) -> Path:
        """Failed unlocks, one per line, until the next command logs them."""
        return self.store / "attempts"

    @property
    def ballast(self) -> Path:
        """A file that reserves space; it is deleted for an erasure on a full disk."""
        return self.store / "ballast"

    def lock_file(self, name: str) -> Path:
        """The file of a lock.

        `open` is locked shared by every run with an open catalogue, exclusively by a re-keying. `intake` is locked
        exclusively by the removal of a killed intake's leftovers. `objects` is locked by a move, and there since
        the first one. `drill` is locked by a drill, and by the removal of a killed drill's copy.
        """
        return self.store / f"{name}.lock"

    @property
    def drill(self) -> Path:
        """The throw-away copy of a drill, on the disk of the store; it is there while a drill runs."""
        return self.store / "drill"

    @property
    def drill_root(self) -> Path:
        """The root folder of that copy, on the disk of the root, which no backup may copy."""
        return self.root / "drill"

    def catalogue_before(self, version: int) -> Path:
        """The copy of the catalogue that an upgrade makes."""
        return self.store / f"catalogue-{version}.db"

    def key_file(self, name: str) -> Path:
        """The encrypted key file of a person."""
        return self.store / "people" / self._named(name)

    def seal_file(self, name: str) -> Path:
        """The file of the catalogue's key, sealed to a person."""
        return self.store / "seals" / self._named(name)

    def _named(self, name: str) -> str:
        return primitives.sha256(self.id, name.encode("utf-8", "surrogatepass")).hex()[:32]


def _digest(path: Path) -> bytes:
    return primitives.sha256(os.fsencode(path))


def find(store: Path) -> Layout:
    """Read `store.toml`; raises NoStore, Unreachable (another account's store, another format) or Integrity."""
    demand_owner(store)
    path = store / "store.toml"
    try:
        text = shared_folder.read_small(path, STORE_FILE_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        mounts.demand(store)
        raise NoStore("no_store", path=str(store)) from None
    except OSError as error:
        raise translated(error) from None
    try:
        document = tomllib.loads(text.decode("utf-8"))
        if document["format"] < FORMAT:
            raise Unreachable("store_too_old", path=str(store))
        if document["format"] > IN_DATABASE:
            raise Unreachable("store_too_new", path=str(store), needs=str(document.get("needs", "?"))[:20])
        named, store_id = str(document["root"]), bytes.fromhex(document["id"])
        root_at = named if "://" in named else None
        root = Path(named) if root_at is None else _beside(store.absolute())
        if "\0" in str(root):
            raise ValueError("no path")  # noqa: TRY301 - handled like any other error in the file
        at, left = str(document.get("objects", FILES)), document.get("objects_from")
        places = (root_at, at, left, *(document.get(f"catalogue{end}") for end in ("", "_to", "_from")))
        _demand_engines(str(each) for each in places if each is not None)
        at, left = demanded_place(at), demanded_place(str(left)) if left is not None else None
        here, to, left_by = (_database_in(document, f"catalogue{end}") for end in ("", "_to", "_from"))
    except (KeyError, TypeError, ValueError, RecursionError, Usage):
        raise Integrity("store_file_damaged", path=str(path)) from None
    absolute = store.absolute()
    root = root if root.is_absolute() else absolute.parent / root
    if not shared_folder.is_plain(root / (ROOT_FILE if root_at is None else LOCK)):
        mounts.demand(root)
    return Layout(absolute, root, store_id, at, left, root_at, None, here or FILES, to, left_by)


def with_places_now(place: Layout) -> Layout:
    """The same folders, with objects and catalogue where `store.toml` says now; for a holder of the open lock.

    The lock keeps it so: a move of the objects begins alone, and one of the catalogue is made alone.
    """
    now = find(place.store)
    return now._replace(store=place.store, root=place.root, root_at=place.root_at, way=place.way)


def demanded_place(text: str) -> str:
    """A place of objects in its one form: FILES, or an address of an engine; raises Usage for anything else."""
    if text == FILES:
        return FILES
    from arlo_rec.vault.backends import elsewhere

    place = elsewhere.place_of_objects(text)
    if place is None:
        raise Usage("bad_objects_place", value=elsewhere.without_secret(text))
    return place


def _demand_engines(addresses: Iterable[str]) -> None:
    """Raise Unreachable for an address whose engine is not installed."""
    for address in addresses:
        if _ADDRESS.fullmatch(address):
            from arlo_rec.vault.backends import elsewhere  # here: a store of files alone asks no engine

            if elsewhere.engine_at(address) is None:
                raise Unreachable("elsewhere_missing", value=address.partition("://")[0])


def _database_in(document: Mapping[str, object], key: str) -> str | None:
    """A place of the catalogue in a store file; raises ValueError."""
    if key not in document:
        return None
    text = str(document[key])
    if text == FILES:
        return text
    from arlo_rec.vault.backends import elsewhere

    if _ADDRESS.fullmatch(text) is None or elsewhere.catalogues_at(text) is None:
        raise ValueError(text)
    return text


def _beside(store: Path) -> Path:
    """The root folder's usual place; where R lies in a service the only one, with the lock and the copy of a drill."""
    return store.with_name(f"{store.name}.root")


def root_of(store: Path) -> Path:
    """The root folder that a store names, for an account that only looks; STORE.root where there is no store yet."""
    named = _named_in(store, "root")
    if named is None or "://" in named:
        return _beside(store)
    return Path(named) if Path(named).is_absolute() else store.parent / named


def is_root_elsewhere(store: Path) -> bool:
    """Whether a store says that its root secret lies in a service; False where there is no store yet."""
    return "://" in (_named_in(store, "root") or "")


def patience(place: Layout) -> float:
    """Seconds without work of a holder that an erasure waits for (`holders`): it may wait for a service itself."""
    places = (place.objects_at, place.objects_from or FILES, place.catalogue_at)
    return STILL_FOR_ERASURE if place.root_at is None and set(places) == {FILES} else STILL


def asks_server(store: Path) -> bool:
    """Whether the root secret of a store lies in a service, or its catalogue in a database; for who only looks."""
    return is_root_elsewhere(store) or (_named_in(store, "catalogue") or FILES) != FILES


def reaches_a_service(store: Path) -> bool:
    """Whether objects of a store lie, or lay until a move, in a service; for an account that only looks."""
    return any((_named_in(store, key) or FILES) != FILES for key in ("objects", "objects_from"))


def _named_in(store: Path, key: str) -> str | None:
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return str(tomllib.loads(shared_folder.read_small(store / "store.toml", STORE_FILE_BYTES).decode())[key])
    return None


def owner_of(store: Path) -> str:
    """The login account that owns a store; `arlo` where there is no store yet."""
    return account(store.stat().st_uid) if store.is_dir() else "arlo"


def demand_owner(store: Path) -> None:
    """Raise Unreachable (`not_the_owner`) if another account owns the store: one account reads and writes it.

    Root counts as another account: the owner could not replace what it creates. An empty folder is no store, but where
    the disk of one belongs.
    """
    owner = _owner(store)
    if owner is not None and owner != os.geteuid() and not _is_empty(store):
        raise Unreachable("not_the_owner", path=str(store), owner=account(owner))


def _is_empty(folder: Path) -> bool:
    try:
        return not shared_folder.names(folder)
    except OSError:
        return False


def _owner(path: Path) -> int | None:
    """The owner of a folder, or of the nearest folder above that can be examined."""
    for folder in (path, *path.absolute().parents):
        try:
            return folder.stat().st_uid
        except PermissionError:
            continue
        except OSError:  # missing: reported when it is opened
            return None
    return None


def account(number: int) -> str:
    """The name of a login account, or its number without one."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def create(place: Layout) -> Layout:
    """Make the folders of a new store; raises Usage if something is in the way."""
    place = place._replace(store=place.store.absolute(), root=place.root.absolute())
    store, root = place.store, place.root
    if root == store or store in root.parents or root in store.parents:
        raise Usage("root_inside_store", path=str(root))
    for folder in (store, root):
        if _is_taken(folder):
            raise Usage("already_exists", path=str(folder))
    about = _ROOT_README if place.root_at is None else _LOCK_README
    with disk():
        folders = [store, root, *(store / name for name in ("objects", "people", "seals", "receipts"))]
        for folder in (store, root):
            folder.parent.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            shared_folder.make_folder(folder, FOLDER_MODE)
        for file in (place.attempts, *map(place.lock_file, FIRST_LOCKS)):
            shared_folder.touch(file, FILE_MODE)
        fill_ballast(place)
        put_new(root / "CACHEDIR.TAG", [_CACHE_TAG], FILE_MODE)
        put_new(root / "README", [about], FILE_MODE)
        for folder in folders:
            sync_folder(folder)
    return place


def _is_taken(folder: Path) -> bool:
    """Whether something is in the way of a new folder; raises Unreachable where only another account can see that."""
    with disk():
        try:
            return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        except PermissionError:
            demand_owner(folder)
            raise


def finish(place: Layout) -> None:
    """Write `store.toml` durably, which makes the folder a store, or names another place of objects or catalogue."""
    elsewhere = place.objects_at != FILES or place.objects_from is not None
    catalogues = {"catalogue": place.catalogue_at, "catalogue_to": place.catalogue_to}
    catalogues["catalogue_from"] = place.catalogue_from
    lies_here = set(catalogues.values()) <= {FILES, None}
    form = (ELSEWHERE if elsewhere else FORMAT) if lies_here else IN_DATABASE
    text = (
        f"# arlo-rec store. Plain on purpose: it says which store this is, and nothing else.\n"
        f'format = {form}\nneeds = "{NEEDS}"\nid = "{place.id.hex()}"\n'
        f"root = {_toml_string(root_name(place))}\n"
    )
    text += f'objects = "{place.objects_at}"\n' if elsewhere else ""
    text += f'objects_from = "{place.objects_from}"\n' if place.objects_from is not None else ""
    text += "" if lies_here else "".join(f'{key} = "{at}"\n' for key, at in catalogues.items() if at is not None)
    write_whole(place.store / "store.toml", text.encode("utf-8"))


def root_name(place: Layout) -> str:
    """The root as in `store.toml`: its address in a service; else the folder's name beside the store, or its path."""
    if place.root_at is not None:
        return place.root_at
    return place.root.name if place.root.parent == place.store.parent else str(place.root)


def fill_ballast(place: Layout) -> None:
    """Create the missing ballast file; raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    handle = shared_folder.open_file(place.ballast, flags, mode=FILE_MODE)
    try:
        os.posix_fallocate(handle, 0, BALLAST_BYTES)
    finally:
        os.close(handle)


def has_ballast(place: Layout) -> bool:
    """Whether the ballast is whole."""
    try:
        about = shared_folder.status(place.ballast)
    except OSError:
        return False
    return about is not None and stat.S_ISREG(about.st_mode) and about.st_blocks * 512 >= BALLAST_BYTES


def has_room(place: Layout, more: int = 0) -> bool:
    """Whether the disk has room for *more* bytes and the ballast twice: with less, what is left is for erasures."""
    try:
        free = os.statvfs(place.store)
    except OSError:
        return True
    return free.f_bavail * free.f_frsize > more + 2 * BALLAST_BYTES


def ballast_is_missing(place: Layout) -> bool:
    """Whether the ballast is missing or short although the disk has room for it: no erasure needed it."""
    return not has_ballast(place) and has_room(place)


def restore_ballast(place: Layout) -> None:
    """Create the ballast file again after an erasure, if there is space, in place of anything that is not it.

    One that gave a part up to notes of failed unlocks is made whole where there is room for another.
    """
    about = shared_folder.status(place.ballast)
    if about is not None and stat.S_ISREG(about.st_mode) and (about.st_size >= BALLAST_BYTES or not has_room(place)):
        return
    with suppress(OSError):
        shared_folder.remove(place.ballast)
        try:
            fill_ballast(place)
        except OSError:
            shared_folder.remove(place.ballast)


def open_to_others(place: Layout) -> Iterator[Path]:
    """Folders of a store, and files in them, that other accounts may open; without each sound and receipt."""
    with_secrets = (place.store, place.root, place.store / "people", place.store / "seals")
    for folder in (*with_secrets, place.objects, place.receipts):
        with suppress(OSError):
            if folder.stat().st_mode & _OTHERS:
                yield folder
    for folder in with_secrets:
        with suppress(OSError):
            for path in (folder / name for name in shared_folder.names(folder)):
                about = shared_folder.status(path)
                if about is not None and stat.S_ISREG(about.st_mode) and about.st_mode & _OTHERS:
                    yield path


def sweep_half_written(place: Layout, now: datetime) -> None:
    """Delete what runs left behind and nothing needs any more; raises Unreachable.

    Old `.part` files of key files, seals and receipts are of killed runs; copies of the catalogue are of upgrades.
    """
    with disk():
        for folder in (place.store, place.store / "people", place.store / "seals", place.receipts):
            for name in shared_folder.names(folder):
                is_part = name.startswith(".") and name.endswith(".part")
                is_copy = folder == place.store and _UPGRADED.fullmatch(name) is not None
                about = shared_folder.status(folder / name) if is_part or is_copy else None
                age = COPY_STAYS if is_copy else HALF_WRITTEN
                if about and datetime.fromtimestamp(about.st_mtime, UTC) < now - age:
                    shared_folder.remove(folder / name)


def remove_copy(store: Path, root: Path) -> None:
    """Remove the folders of a copy of a store; its root secret is overwritten first. Raises Unreachable."""
    with disk():
        wipe_root(root)
        for folder in (root, store):
            shared_folder.remove_tree(folder)


def sweep_drill(place: Layout) -> None:
    """Remove what a killed drill left, unless a drill runs; raises Unreachable."""
    if shared_folder.status(place.drill) is None and shared_folder.status(place.drill_root) is None:
        return
    with suppress(InUse), file_lock(place.lock_file("drill"), exclusive=True, wait=0):
        remove_copy(place.drill, place.drill_root)


def _toml_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
