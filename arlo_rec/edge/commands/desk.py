"""The desk: one page on the person's own machine, with what they may do, and a call or a copy to play beside it.

The store is open only while a request of the page is carried out, and for a call as long as it is heard. So every
request finds the roster, the policy and the recordings as they are now, and none holds up another person's work.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from arlo_rec.edge.commands.options import SometimesPurpose, SometimesReason, opt
from arlo_rec.edge.commands.pages import GOODBYE, end_where_locked, ended_by_signals, tell
from arlo_rec.edge.commands.run import Run
from arlo_rec.edge.terminal import Answer, message_of
from arlo_rec.law.model.documents import Record
from arlo_rec.law.model.errors import ArloError, NotGranted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arlo_rec.desk.server import Server
    from arlo_rec.desk.session import Answered, Session

    Asked = Mapping[str, Any]

MAY_BE_SILENT: Final = 0.1  # seconds for the last report of a call that makes room for another


class Worked(Record, frozen=True):
    """The address of a desk that was closed."""

    url: str


def desk(
    ctx: typer.Context,
    *,
    purpose: SometimesPurpose = None,
    reason: SometimesReason = None,
    no_browser: Annotated[bool, opt("opt.no_browser", "--no-browser")] = False,
) -> Answer:
    """Open a page with what this person may do: calls, copies, access, cases, what waits, or the state."""
    run: Run = ctx.obj
    return Answer(Worked(worked(run, purpose, reason, browse=not no_browser)), [run.say("desk.done")])


def worked(run: Run, purpose: str | None, reason: str | None, *, browse: bool) -> str:
    """Serve the page until it is closed; its address."""
    from arlo_rec.desk.listen import CHECK_EVERY
    from arlo_rec.desk.session import Page

    place = run.place()
    run.kept = run.identity(place)
    page = Page(_facts(run, purpose, reason))
    with ended_by_signals(page), run.client.page_server(page, run.lang) as server, ExitStack() as stack:
        began, work = time.monotonic(), _Work(run, server, page.facts["views"])
        stack.callback(work.leave)
        tell(run, server.url, server.place, browse=browse)
        while page.is_open and work.failed is None:
            page.requests.wait(CHECK_EVERY)
            page.requests.serve(work.answer)
            page.visit.note_activity(work.look())
            if why := page.visit.why_over(began, time.monotonic()):
                page.end(why)
            end_where_locked(run, place, page)
        page.end("ended")
        page.wait_for_goodbye(GOODBYE)
        work.leave()
        if work.failed is not None:
            raise work.failed
        return server.url


def _facts(run: Run, purpose: str | None, reason: str | None) -> dict[str, Any]:
    """The facts of the page: the person, what they may do, and purpose and reason to begin with; raises NotGranted."""
    from arlo_rec.policy import DESK

    with run.store() as store:
        views = DESK.get(store.person.role, ())
        if not views:
            raise NotGranted("no_desk", rule="access.need")
        facts = {"name": store.person.name, "role": run.say(f"desk.role.{store.person.role}"), "views": list(views)}
    return facts | {"purpose": purpose or "quality", "reason": reason or ""}


class _Work:
    """The requests of a desk, carried out one after another, and the call or the copy that is open beside it."""

    def __init__(self, run: Run, server: Server, views: list[str]) -> None:
        self._run, self._server, self._views = run, server, views
        self._session: Session | None = None
        self._look: Callable[[], None] = lambda: None
        self._open, self._began = ExitStack(), 0.0
        self.failed: ArloError | None = None  # what was heard could not be logged: the desk is over

    def answer(self, asked: dict[str, Any]) -> Answered:
        """Show a view, carry out a button, or open a call, a copy or a case."""
        from arlo_rec.desk.session import Answered

        try:
            return Answered(HTTPStatus.OK, self._answer(asked))
        except ArloError as problem:
            told = {"message": message_of(problem, self._run.lang), "code": problem.code}
            return Answered(HTTPStatus.UNPROCESSABLE_ENTITY, told)

    def _answer(self, asked: Asked) -> dict[str, Any]:
        import msgspec

        from arlo_rec.edge.commands import desk_views as views

        match views.text(asked, "do"):
            case "show" if asked.get("view") in self._views:
                return dict(msgspec.to_builtins(views.show(self._run, asked)))
            case "act" if views.is_on(asked.get("act"), self._views):
                return {"lines": views.do(self._run, asked)}
            case "open" if asked.get("kind") == "case" and "cases" in self._views:
                return {"lines": views.case_lines(self._run, views.text(asked, "id"))}
            case "open" if asked.get("kind") == "call" and "calls" in self._views:
                return {"url": self._opened(lambda stack: self._call(stack, asked))}
            case "open" if asked.get("kind") == "copy" and "copies" in self._views:
                return {"url": self._opened(lambda stack: self._copy(stack, asked))}
            case "leave":
                self.leave()
                return {}
        raise NotGranted("not_on_desk", rule="access.need")

    def _opened(self, opening: Callable[[ExitStack], tuple[Session, Callable[[], None]]]) -> str:
        """Open a call or a copy, then end the one before; its address."""
        with ExitStack() as stack:
            session, look = opening(stack)
            self.leave()
            self._session, self._look, self._began = session, look, time.monotonic()
            self._open = stack.pop_all()
        return self._server.add(session)

    def _call(self, stack: ExitStack, asked: Asked) -> tuple[Session, Callable[[], None]]:
        from arlo_rec.desk import listen
        from arlo_rec.edge.commands.desk_views import acting_as, text

        run = acting_as(self._run, "listen")
        store = stack.enter_context(run.store())
        opened = listen.open_for(store, text(asked, "id"), text(asked, "purpose"), text(asked, "reason"), run.now())
        session = listen.session(store, opened, run.now())
        session.facts["plays"] = True
        return session, stack.enter_context(listen.watched(store, opened, session, run.now))

    def _copy(self, stack: ExitStack, asked: Asked) -> tuple[Session, Callable[[], None]]:
        from arlo_rec.desk import review
        from arlo_rec.edge.commands.copy_answers import doubts
        from arlo_rec.edge.commands.desk_views import acting_as, text

        run = acting_as(self._run, "review")
        store = stack.enter_context(run.store())
        opened = review.open_for(store, text(asked, "id"), "training", text(asked, "reason"), run.now)
        session = review.session(store, opened, doubts(run, opened.shown), run.now())
        watching = review.watched(store, opened, session, run.now, lambda error: message_of(error, run.lang))
        return session, stack.enter_context(watching)

    def look(self) -> float:
        """Check whether what is open may still be heard; the time of its last activity."""
        session = self._session
        if session is None:
            return 0.0
        self._look()
        if why := session.visit.why_over(self._began, time.monotonic()):
            session.end(why)
        if not session.is_open:
            session.wait_for_goodbye(GOODBYE)
            self.leave()
        return session.visit.active_at

    def leave(self) -> None:
        """End what is open, and log what was heard of it."""
        if self._session is not None and self._session.is_open:
            time.sleep(MAY_BE_SILENT)  # its page reports what was heard when it goes
            self._session.end("ended")
        self._session, self._look = None, lambda: None
        opened, self._open = self._open, ExitStack()
        try:
            opened.close()
        except ArloError as problem:
            self.failed = problem
