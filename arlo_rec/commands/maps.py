"""Commands about maps, by which exports of a telephone system are read: list, show, check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.options import arg
from arlo_rec.commands.run import Run
from arlo_rec.model.documents import Record
from arlo_rec.model.errors import Usage
from arlo_rec.ui.terminal import Answer

if TYPE_CHECKING:
    from arlo_rec.intake.maps.read import Map


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


class MapFindings(Record, frozen=True):
    """The mistakes of a map; `sha256` is the digest of its file."""

    sha256: str
    findings: list[MapFinding]


def named(run: Run, named: Path) -> Map:
    """The map of a file, or the one of that name that comes with the program; raises Usage."""
    from arlo_rec.intake.maps import read

    return read.read(_bytes(run, named), str(named))


def _bytes(run: Run, named: Path) -> bytes:
    from arlo_rec.intake.maps import read

    if str(named) in read.shipped():
        return read.shipped_text(str(named)).encode("utf-8")
    if named.suffix != ".toml":
        raise Usage("no_map", value=str(named)[:40], known=", ".join(read.shipped()))
    return run.files.read(named, read.MAP_BYTES)


def map_list(ctx: typer.Context) -> Answer:
    """The maps that come with the program."""
    from arlo_rec.intake.maps import read

    run: Run = ctx.obj
    maps = [read.read(read.shipped_text(name).encode("utf-8"), name) for name in read.shipped()]
    shown = [MapListed.of(each) for each in maps]
    return Answer(Maps(shown), [], run.listing(MapListed, shown, "name format sha256", "sha256"))


def map_show(ctx: typer.Context, name: Annotated[str, arg("arg.map_name", "NAME")]) -> Answer:
    """A map that comes with the program, as its file."""
    from arlo_rec.intake.maps import read

    text = read.shipped_text(name)
    shown = MapText(name, read.digest(text.encode("utf-8")), text)
    return Answer(shown, text.rstrip("\n").split("\n"), always=True)


def map_check(ctx: typer.Context, file: Annotated[Path, arg("arg.map_file", "FILE")]) -> Answer:
    """The mistakes of a map, with line and column; exit 3 with any."""
    from arlo_rec.intake.maps import read

    run: Run = ctx.obj
    raw = _bytes(run, file)
    found = [
        MapFinding(each.line, each.column, each.code, each.named, run.say(f"map.{each.code}", named=each.named))
        for each in read.check(raw, str(file))
    ]
    digest = read.digest(raw)
    lines = [run.say("map.finding", line=each.line, column=each.column, message=each.message) for each in found]
    lines = lines or [run.say("map.good", sha256=digest)]
    return Answer(MapFindings(digest, found), lines, always=True, exit_status=3 if found else 0)
