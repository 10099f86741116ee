"""Write the documents made from the code: rules, exit statuses, and the schemas of answers and of data.json.

    python -m tools.make_docs [FOLDER]

The folder is dist/docs; a package has them among its documents. `security` prints the register of claims, `log` every
kind of log entry; `man FOLDER` writes the manual (`make_man`).
"""

from __future__ import annotations

import ast
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from arlo_rec.edge.commands.command import EXITS
from arlo_rec.engines.dask import link
from arlo_rec.law.log import events
from arlo_rec.law.log.event import AuditEvent, form_of
from arlo_rec.law.messages import every
from arlo_rec.law.model import errors
from arlo_rec.law.model.errors import ArloError
from arlo_rec.law.model.prompts import SHIPPED
from arlo_rec.law.rules import RULES
from arlo_rec.people.dsar.enclosures import schema_json
from arlo_rec.vault.certificates import verdict
from tools import answers_schema, make_man

TOP = Path(__file__).resolve().parent.parent
REGISTER = TOP / "tests" / "security.toml"
AWAY = TOP / "tools" / "away.toml"
CAUSES = TOP / "tools" / "causes_of_15.toml"
RULES_HEAD = """# The rules

Made from `arlo_rec/law/rules.py` and `arlo_rec/law/model/prompts.py` by `./dev docs`. Each rule stands under the id
that refusals and log entries cite, with the place that carries it out, the commands with which people keep or meet it,
and the tests that show it. `arlo-rec policy show --lang nb` has the Norwegian words.

"""
STATUSES_HEAD = """# Exit statuses

Made from the code and its sentences by `./dev docs`. `--json` has the code under `error.code`. Every
sentence of an error says what to do next; here stand the causes of 15 and the sentences of 16, which IT acts on.

"""
NAMED_ELSEWHERE = {  # codes that reach their class by a variable
    "Integrity": (
        *("authority_forged", "log_rolled_back"),
        *(
            "policy_missing",
            "root_missing",
            "root_moved",
            "store_moved",
            "roster_missing",
            "rows_rolled_back",
            "settings_missing",
        ),
    ),
    "NotGenuine": tuple(verdict.CODES),
    "Unreachable": tuple(link.CLIENT.problems or ()),
}


def rules() -> str:
    """The table of rules and the prompts, as Markdown."""
    lines = ["| id | section | rule | carried out by | commands | pinned by |"]
    lines.append("|---|---|---|---|---|---|")
    lines += [
        f"| `{rule.id}` | {rule.section} | {rule.en} "
        f"| `{rule.carried_out}` | {', '.join(f'`{each}`' for each in rule.commands)} "
        f"| `{rule.pinned_by}` |"
        for rule in RULES.values()
    ]
    lines += ["", "## The texts that callers hear", ""]
    for prompt in SHIPPED:
        purposes = ", ".join(sorted(prompt.purposes))
        quoted = textwrap.wrap(prompt.text, 150, initial_indent="> ", subsequent_indent="> ", break_on_hyphens=False)
        lines += [f"**{prompt.version}** (since {prompt.since}; purposes: {purposes})", "", *quoted, ""]
    return RULES_HEAD + "\n".join(lines).rstrip() + "\n"


def statuses() -> str:
    """Every exit status, the codes and causes of 15, and the sentences of 16, as Markdown."""
    texts = every()
    lines = ["| exit | meaning |", "|---|---|"]
    lines += [f"| {status} | {texts[f'exit.{status}'][1]} |" for status in EXITS]
    lines += ["", "## What is away", ""]
    lines += ["A place is away that is not mounted though `/etc/fstab` names it, gone, or an empty mount point.", ""]
    lines += ["| place | | command | exit | code |", "|---|---|---|---|---|"]
    for row in tomllib.loads(AWAY.read_text("utf-8"))["away"]:
        how, code = (
            {"fstab": "not mounted", "gone": "gone", "empty": "empty mount point"}[row["how"]],
            f"`{row['code']}`" if row["code"] else "",
        )
        lines.append(f"| {row['place']} | {how} | {row['command']} | {row['exit']} | {code} |")
    lines += ["", "## Exit 15", "", "Codes of errors, and of the problems that `verify` and `audit verify` name.", ""]
    lines += ["| code | usual cause | what to do |", "|---|---|---|"]
    lines += [f"| {' '.join(f'`{code}`' for code in sorted(of))} | {cause} | {do} |" for of, cause, do in causes()]
    lines += ["", "## Exit 16", "", "| code | it says |", "|---|---|"]
    lines += [f"| `{code}` | {texts[f'error.{code}'][1]} |" for code in sorted(codes(16))]
    return STATUSES_HEAD + "\n".join(lines) + "\n"


def causes() -> list[tuple[set[str], str, str]]:
    """The codes of exit 15 in groups, with cause and remedy; raises SystemExit where one is in none."""
    with CAUSES.open("rb") as file:
        groups = tomllib.load(file)["group"]
    left = codes(15) | {code.removeprefix("problem.") for code in every() if code.startswith("problem.")}
    grouped = []
    for group in groups:
        of = {code for code in left if any(fnmatchcase(code, pattern) for pattern in group["codes"])}
        idle = [pattern for pattern in group["codes"] if not any(fnmatchcase(code, pattern) for code in of)]
        if idle:
            raise SystemExit(f"{CAUSES.name} has patterns for no code: {', '.join(idle)}")
        left -= of
        grouped.append((of, group["cause"], group["remedy"]))
    if left:
        raise SystemExit(f"{CAUSES.name} has no cause for {', '.join(sorted(left))}")
    return grouped


def codes(status: int) -> set[str]:
    """The codes of the errors that end with this status, as the program's modules make them."""
    classes = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, ArloError) and each.exit_status == status
    }
    made = {code for path in sorted((TOP / "arlo_rec").rglob("*.py")) for code in _made(path, classes)}
    return made | {code for name in classes for code in NAMED_ELSEWHERE.get(name, ())}


def _made(path: Path, classes: set[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes and node.args:
            for each in ast.walk(node.args[0]):
                if isinstance(each, ast.Constant) and isinstance(each.value, str) and f"error.{each.value}" in every():
                    yield each.value


def entries() -> str:
    """Every kind of log entry, what it tells and the fields of its `detail`; a star where the log may forget it."""
    lines = []
    for kind in vars(events).values():
        if isinstance(kind, type) and issubclass(kind, AuditEvent) and kind.OUTCOME and not kind.__subclasses__():
            tells = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
            star = "*" * issubclass(kind, events.Forgettable)
            fields = ", ".join(sorted(form_of(kind).detail))
            lines += [f"{kind.ACTION or 'any'} {kind.OUTCOME}: {kind.__name__}{star} ({fields})"]
            lines += textwrap.wrap(tells, 110, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def register() -> str:
    """The register of claims as text: each with its attackers and its tests, then what is not promised."""
    with REGISTER.open("rb") as file:
        held = tomllib.load(file)
    lines: list[str] = []
    subject = ""
    for promise in held["promise"]:
        if promise["subject"] != subject:
            subject = promise["subject"]
            lines += ["", subject, "-" * len(subject)]
        lines += ["", *textwrap.wrap(promise["claim"], 100), f"  against: {', '.join(promise['attackers'])}"]
        lines += [f"  {test}" for test in promise["tests"]]
    lines += ["", "Not promised, and shown", "-----------------------"]
    for limit in held["not_promised"]:
        lines += ["", *textwrap.wrap(limit["claim"], 100), *(f"  {test}" for test in limit["tests"])]
    lines += ["", "Attackers", "---------", ""]
    lines += [f"{name}: {what}" for name, what in held["attackers"].items()]
    return "\n".join(lines).lstrip() + "\n"


def documents() -> dict[str, bytes]:
    """The documents that are made from the code, each by its name."""
    return {
        "rules.md": rules().encode("utf-8"),
        "exit-statuses.md": statuses().encode("utf-8"),
        "data.schema.json": schema_json(),
        "answers.schema.json": answers_schema.document(),
    }


def main() -> int:
    """Write the documents into the folder; with a word print what has that name."""
    if sys.argv[1:2] == ["man"]:
        return make_man.main(sys.argv[2:])
    for word, text in {"security": register, "log": entries}.items():
        if word in sys.argv:
            sys.stdout.write(text())
            return 0
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "dist" / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (folder / name).write_bytes(content)
        print(folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
