"""Publishing the guidelines: the pages for the website, the intranet and the company's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arlo_rec.commands.options import opt
from arlo_rec.commands.run import Run
from arlo_rec.ui.terminal import Answer


def policy_publish(ctx: typer.Context, *, out: Annotated[Path, opt("opt.pages_out", "--out", "DIR")]) -> Answer:
    """Write the guidelines, the notices and the records as signed pages into a new folder."""
    from arlo_rec.publishing.publish import publish

    run: Run = ctx.obj
    folder = run.named(run.client.files.demand_new_folder(out))
    company = run.particulars()
    with run.store() as store:
        published = publish(store, company, folder, run.now())
    for key in company.missing:
        run.note(run.say("policy.particular_missing", key=key))
    if company.missing:
        run.note(run.say("policy.state_particulars"))
    pages = [
        {**page._asdict(), "file": page.file, "sha256": sha256, "bytes": size} for page, sha256, size in published.pages
    ]
    data = {"version": published.version, "out": str(folder), "pages": pages, "missing": list(company.missing)}
    lines = [run.say("policy.published", version=published.version, count=len(pages), path=folder)]
    return Answer(data, lines)
