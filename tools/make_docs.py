"""Write the documents made from the code: rules.md and data.schema.json in docs. `--check` compares instead."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from arlo_rec.dsar.data import schema_json
from arlo_rec.model.prompts import SHIPPED
from arlo_rec.policy import RULES

TOP = Path(__file__).resolve().parent.parent
HEAD = """# The rules

Made from `arlo_rec/rules.py` and `arlo_rec/model/prompts.py` by `./dev docs`; a test compares. Each rule stands under
the id that refusals and log entries cite, in our own words, with the place that carries it out, the commands with which
people keep or meet it, and the tests that show it. `policy show` names the days of the store's own retention.

"""


def rules() -> str:
    """The table of rules and the prompts, as Markdown."""
    lines = ["| id | section | norsk | English | carried out by | commands | pinned by | since |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    lines += [
        f"| `{rule.id}` | {rule.section} | {rule.nb} | {rule.en} "
        f"| `{rule.carried_out}` | {', '.join(f'`{each}`' for each in rule.commands)} "
        f"| `{rule.pinned_by}` | {rule.since} |"
        for rule in RULES.values()
    ]
    lines += ["", "## The texts that callers hear", ""]
    for prompt in SHIPPED:
        purposes = ", ".join(sorted(prompt.purposes))
        quoted = textwrap.wrap(prompt.text, 150, initial_indent="> ", subsequent_indent="> ", break_on_hyphens=False)
        lines += [f"**{prompt.version}** (since {prompt.since}; purposes: {purposes})", "", *quoted, ""]
    return HEAD + "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the documents, or with --check exit 1 where they differ."""
    made = {"rules.md": rules().encode("utf-8"), "data.schema.json": schema_json()}
    if "--check" in sys.argv:
        return 0 if all((TOP / "docs" / name).read_bytes() == content for name, content in made.items()) else 1
    for name, content in made.items():
        (TOP / "docs" / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
