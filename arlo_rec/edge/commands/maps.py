"""Commands about maps, by which exports of a telephone system are read: list, show, check."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from arlo_rec.edge.commands.options import arg
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer
from arlo_rec.exchanges.maps import KeyExplained
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import Usage

if TYPE_CHECKING:
    from arlo_rec.exchanges.maps.read import Map


_ROWS_SHOWN: Final = 10


class MapListed(Record, frozen=True):
    """A map that comes with the program; `sha256` is the digest that officers approve."""

    name: str
    format: str
    sha256: str


class Maps(Record, frozen=True):
    """The maps that come with the program."""

    maps: list[MapListed]


class MapText(Record, frozen=True):
    """A map as its file."""

    name: str
    sha256: str
    text: str


class MapFinding(Record, frozen=True):
    """A mistake in a map."""

    line: int
    column: int
    code: str
    field: str
    message: str


class MapNotice(Record, frozen=True):
    """Something that a map without mistakes leaves open."""

    code: str
    field: str
    message: str


class MapFindings(Record, frozen=True):
    """The mistakes of a map and what it leaves open; `sha256` is the digest of its file.

    Of an export also every key to which the map leads, row by row.
    """

    sha256: str
    findings: list[MapFinding]
    notices: list[MapNotice]
    keys: list[KeyExplained]


def named(run: Run, named: Path) -> Map:
    """The map of a file, or the one of that name that comes with the program; raises Usage."""
    from arlo_rec.exchanges.maps import read

    return read.read(_bytes(run, named), str(named))


def _bytes(run: Run, named: Path) -> bytes:
    from arlo_rec.exchanges.maps import read

    if str(named) in read.shipped():
        return read.shipped_text(str(named)).encode("utf-8")
    if named.suffix != ".toml":
        raise Usage("no_map", value=str(named)[:40], known=", ".join(read.shipped()))
    return run.files.read(named, read.MAP_BYTES)


def map_list(ctx: typer.Context) -> Answer:
    """The maps that come with the program."""
    from arlo_rec.exchanges.maps import read

    run: Run = ctx.obj
    maps = [read.read(read.shipped_text(name).encode("utf-8"), name) for name in read.shipped()]
    shown = [MapListed.of(each) for each in maps]
    return Answer(Maps(shown), [], run.listing(MapListed, shown, "name format sha256", "sha256"))


def map_show(ctx: typer.Context, name: Annotated[str, arg("arg.map_name", "NAME")]) -> Answer:
    """A map that comes with the program, as its file."""
    from arlo_rec.exchanges.maps import read

    text = read.shipped_text(name)
    shown = MapText(name, read.digest(text.encode("utf-8")), text)
    return Answer(shown, text.rstrip("\n").split("\n"), always=True)


def map_check(
    ctx: typer.Context,
    file: Annotated[Path, arg("arg.map_file", "FILE")],
    export: Annotated[Path | None, arg("arg.map_export", "[EXPORT]")] = None,
) -> Answer:
    """The mistakes of a map, with line and column, exit 3 with any; and every key that it finds in an export."""
    from arlo_rec.exchanges.maps import read
    from arlo_rec.exchanges.maps.explain import EXPORT_BYTES, keys_of

    run: Run = ctx.obj
    raw = _bytes(run, file)
    found = [
        MapFinding(each.line, each.column, each.code, each.named, run.say(f"map.{each.code}", named=each.named))
        for each in read.check(raw, str(file))
    ]
    digest = read.digest(raw)
    if found:
        lines = [run.say("map.finding", line=each.line, column=each.column, message=each.message) for each in found]
        return Answer(MapFindings(digest, found, [], []), lines, always=True, exit_status=3)
    by = read.read(raw, str(file))
    notices = [MapNotice(code, field, run.say(f"map.{code}", named=field)) for code, field in read.left_open(by)]
    lines = [run.say("map.good", sha256=digest), *(notice.message for notice in notices)]
    keys = list[KeyExplained]()
    if export is not None:
        keys = keys_of(by, run.files.read(export, EXPORT_BYTES), export)
        lines += key_lines(run, keys)
    return Answer(MapFindings(digest, [], notices, keys), lines, always=True)


def key_lines(run: Run, keys: list[KeyExplained]) -> list[str]:
    """How often each key has which meaning; and the rows in which keys contradict each other, of which none is one."""
    counts = Counter((key.value or "", key.why) for key in keys)
    lines = [
        run.say("map.keys", key=value or "-", count=count, meaning=run.say(f"map.why_{why}"))
        for (value, why), count in sorted(counts.items())
    ]
    unclear = dict.fromkeys(key.row for key in keys if key.why in ("contradicts", "no_time"))
    shown = ", ".join(str(row) for row in [*unclear][:_ROWS_SHOWN])
    return lines + ([run.say("map.keys_unclear", count=len(unclear), rows=shown)] if unclear else [])
