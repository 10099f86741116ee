"""What officers and managers type to review a training copy: look, decide and confirm; to hear it, a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from arlo_rec.commands.copy_answers import doubts
from arlo_rec.commands.copy_orders import TypedChanges
from arlo_rec.commands.options import SometimesReason, arg, opt
from arlo_rec.commands.review_answers import changed_answer, page_answer, review_answer, waiting_answer
from arlo_rec.commands.run import Run
from arlo_rec.model.errors import NothingMatched, Usage
from arlo_rec.ui.terminal import Answer, message_of

if TYPE_CHECKING:
    from arlo_rec.store import Store


def review(
    ctx: typer.Context,
    copy: Annotated[str | None, arg("arg.copy_or_none", "[COPY]")] = None,
    *,
    next_one: Annotated[bool, opt("opt.next_copy", "--next")] = False,
    page: Annotated[bool, opt("opt.review_page", "--page")] = False,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
    accept: Annotated[list[str] | None, opt("opt.accept_cut", "--accept", "N|N-M|all")] = None,
    remove: Annotated[list[int] | None, opt("opt.remove_cut", "--remove", "N")] = None,
    change: Annotated[list[str] | None, opt("opt.change_cut", "--change", "N:START-END")] = None,
    add: Annotated[list[str] | None, opt("opt.add_cut", "--add", "START-END")] = None,
    undo: Annotated[list[int] | None, opt("opt.undo_cut", "--undo", "N")] = None,
    reason: SometimesReason = None,
    confirm: Annotated[bool, opt("opt.confirm", "--confirm")] = False,
) -> Answer:
    """Show, change or confirm what is cut out of a copy, here or on a page; without a copy, those that wait."""
    run: Run = ctx.obj
    typed = TypedChanges(accept or [], remove or [], change or [], add or [], undo or [])
    on_page = page or no_browser
    if copy is None and not next_one:
        if typed or confirm or on_page:
            raise Usage("copy_missing")
        return _waiting(run)
    _demand_one(typed, confirm=confirm, on_page=on_page, both=copy is not None and next_one)
    if on_page:
        return _page(run, copy, reason, browse=not no_browser)
    return _decide(run, copy, typed, reason, confirm=confirm)


def _demand_one(typed: TypedChanges, *, confirm: bool, on_page: bool, both: bool) -> None:
    """Raise Usage where several things are asked for at once."""
    if both:
        raise Usage("next_or_copy")
    if on_page and (typed or confirm):
        raise Usage("page_alone")
    if confirm and typed:
        raise Usage("confirm_alone")


def _waiting(run: Run) -> Answer:
    """The copies that wait for a person."""
    from arlo_rec.training import backlog

    with run.store() as store:
        waiting = backlog.under_review(store, run.now())
    return waiting_answer(run, waiting)


def meant(run: Run, store: Store, copy: str | None) -> str:
    """The copy that was named; for None the next one. Raises NothingMatched where there is no next one."""
    from arlo_rec.training import backlog

    if copy is not None:
        return copy
    found = backlog.next_to_review(store, run.now())
    if found is None:
        raise NothingMatched("nothing_to_review")
    return found.copy.first.hex()


def _decide(run: Run, named: str | None, typed: TypedChanges, reason: str | None, *, confirm: bool) -> Answer:
    """Show a copy, change its cuts, or confirm it."""
    from arlo_rec import pseudonymise as copies

    changes = typed.parsed()
    with run.store() as store:
        copy = meant(run, store, named)
        if typed:
            return changed_answer(run, "changed", copies.change(store, copy, changes, run.now))
        if confirm:
            return changed_answer(run, "confirmed", copies.confirm(store, copy, reason, run.now))
        return review_answer(run, copies.show(store, copy, run.now))


def _page(run: Run, named: str | None, reason: str | None, *, browse: bool) -> Answer:
    """Serve the page of a copy until it is over."""
    from arlo_rec.commands.listening import demand_not_closed, ended_by_signals, serve
    from arlo_rec.listening import review as reviewing

    with run.store() as store:
        opened = reviewing.open_for(store, meant(run, store, named), reason, run.now)
        session = reviewing.session(store, opened, doubts(run, opened.shown), run.now())
        with ended_by_signals(session):
            watching = reviewing.watched(store, opened, session, run.now, lambda error: message_of(error, run.lang))
            url = serve(run, store, session, watching, browse=browse)
    demand_not_closed(session)
    return page_answer(run, opened, session, url)
