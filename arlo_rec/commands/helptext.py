"""What `--help` looks like: in the language of the run, a command's own options before those of every command.

Click writes its own words in English and mixes all options; these classes write the same facts in ours.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from arlo_rec.commands import COMMON, PANELS
from arlo_rec.i18n.messages import say
from arlo_rec.model.errors import Usage
from arlo_rec.ui import terminal

EXITS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 130)


def speaking(kind: type[Any], lang: str) -> type[Any]:
    """That class, in the language of the run."""
    return type(kind.__name__, (kind,), {"language": lang})


class _Help:
    """Help in one language: a command's own words first, then the options of every command."""

    language = "nb"
    params: list[Any]

    def get_help_option(self, ctx: Any) -> Any:
        """Click's `--help`, written as every answer is: what could not be told is no success."""
        option = super().get_help_option(ctx)  # type: ignore[misc]  # of the class beside this one
        option.callback = _told
        return option

    def say(self, code: str) -> str:
        """A sentence in the language of this run."""
        return say(code, self.language)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """The line that shows the order of words."""
        words = [one.metavar for one in self.params if one.param_type_name == "argument"]
        last = [self.say("usage.command")] if isinstance(self, TyperGroup) else []
        pieces = " ".join([*words, self.say("usage.options"), *last])
        formatter.write_usage(ctx.command_path, pieces, prefix=self.say("usage") + " ")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, own options, common options; every section only where it has something."""
        options = [one for one in self.params if one.param_type_name == "option"]
        sections = {
            "arguments": [self._record(one) for one in self.params if one.param_type_name == "argument"],
            "options": [self._record(one) for one in options if one.name not in COMMON],
            "common": [self._record(one) for one in options if one.name in COMMON],
        }
        sections["common" if sections["common"] else "options"].append(("--help", self.say("opt.help")))
        for name, records in sections.items():
            if records:
                with formatter.section(self.say(f"section.{name}")):
                    formatter.write_dl(records)

    def _record(self, one: Any) -> tuple[str, str]:
        words = [one.metavar] if one.param_type_name == "argument" else [", ".join(one.opts)]
        if one.param_type_name == "option" and not one.is_flag:
            words.append(one.metavar)
        required = "  " + self.say("required") if one.required else ""
        return " ".join(words), (one.help or "") + required


def _told(ctx: Any, _option: Any, asked: bool) -> None:  # noqa: FBT001 - Click's own order
    if asked and not ctx.resilient_parsing:
        terminal.tell(ctx.get_help())
        ctx.exit()


class Command(_Help, TyperCommand):
    """One command."""


class Group(_Help, TyperGroup):
    """Commands listed by who uses them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of that name; raises Usage where there is none."""
        if args[0] not in self.commands:
            raise Usage("no_such_command", name=args[0][:40])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per kind of user."""
        for panel in PANELS:
            listed = [
                (name, one) for name, one in self.commands.items() if getattr(one, "rich_help_panel", None) == panel
            ]
            if listed:
                with formatter.section(self.say(f"panel.{panel}")):
                    formatter.write_dl([(name, one.get_short_help_str(90)) for name, one in listed])


class Program(Group):
    """The program itself; its help ends with what the exit statuses mean."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The exit statuses."""
        with formatter.section(self.say("section.exits")):
            formatter.write_dl([(str(one), self.say(f"exit.{one}")) for one in EXITS])
