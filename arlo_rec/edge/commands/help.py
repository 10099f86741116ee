"""The layout of `--help`: a command's own options before those of every command, an example below.

Typer writes its own words in English and mixes all options; this writes the same facts in the run's language.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from arlo_rec.edge import terminal
from arlo_rec.edge.commands.options import COMMON, REQUIRED
from arlo_rec.law.messages import say

EXITS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 130)
SECTIONS = ("arguments", REQUIRED, "options", COMMON)


def language(ctx: typer.Context) -> str:
    """The language of this run, which the outermost context carries."""
    return str(getattr(ctx.find_root().obj, "lang", "en"))


class Help:
    """The help of a command or a group; mixed into Typer's classes of both."""

    name: str | None
    params: list[Any]

    def get_help_option(self, ctx: Any) -> Any:
        """`--help` in the run's language, among the options of every command; it is written as every answer is."""
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of the class beside this one
        option.callback = _show
        option.help = say("opt.help", language(ctx))
        option.rich_help_panel = "options" if isinstance(self, TyperGroup) else COMMON
        return option

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The line that shows the order of words, with every option that must be given."""
        lang = language(ctx)
        formatter.write_usage(ctx.command_path, " ".join(usage_words(self, lang)), prefix=say("usage", lang) + " ")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, required, own and common options; every section only where it has something."""
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            if not param.hidden:
                sections[section_of(param)].append((as_typed(param, ", "), param.help or ""))
        for section, rows in sections.items():
            if rows:
                with formatter.section(say(f"section.{section}", language(ctx))):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Examples, never broken into lines: they are there to be copied."""
        lang = language(ctx)
        with formatter.section(say("section.example", lang)):
            for line in example(ctx, lang).splitlines():
                formatter.write(f"  {line}\n")


def example(ctx: typer.Context, lang: str) -> str:
    """The example of a command or a group: one command a line."""
    words = ctx.command_path.split()[1:]
    return say("example." + (".".join(words) or "program"), lang)


def usage_words(command: Any, lang: str) -> list[str]:
    """The words behind a command's name: arguments, options that must be given, where others stand."""
    words = [
        as_typed(param) for param in command.params if param.param_type_name == "argument" or _must_be_given(param)
    ]
    return [*words, say("usage.options", lang), *([say("usage.command", lang)] * isinstance(command, TyperGroup))]


def _show(ctx: Any, _option: Any, asked: bool) -> None:  # noqa: FBT001 - Typer's own order
    """Write the help to stdout; raises Unreachable where it does not arrive, for that is no success."""
    if asked and not ctx.resilient_parsing:
        terminal.tell(ctx.get_help())
        ctx.exit()


def section_of(param: Any) -> str:
    """The section of the help in which an argument or an option stands."""
    if param.param_type_name == "argument":
        return "arguments"
    return REQUIRED if _must_be_given(param) else param.rich_help_panel or "options"


def _must_be_given(param: Any) -> bool:
    return param.param_type_name == "option" and bool(param.required or param.rich_help_panel == REQUIRED)


def as_typed(param: Any, between: str = "") -> str:
    """An argument, or an option with its value; with all its names where *between* says how they are joined."""
    if param.param_type_name == "argument":
        return str(param.metavar)
    names = between.join(sorted((*param.opts, *param.secondary_opts), key=len)) if between else param.opts[0]
    return names if param.is_flag else f"{names} {param.metavar}"
