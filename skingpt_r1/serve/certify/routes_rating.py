"""The work itself: a page, and the JSON behind it."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Header, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from skingpt_r1.dermeval.rubric import HIGHEST, LOWEST, STEP, rubric
from skingpt_r1.serve.certify import answers, queue, throttle, view
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.decisions import LEAST
from skingpt_r1.serve.certify.edits import LONGEST, checked
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.store import note
from skingpt_r1.serve.certify.tables import Role
from skingpt_r1.serve.certify.web import House, changer, house, known, page, viewer

router = APIRouter()
WORKERS = (Role.RATER, Role.ADJUDICATOR)
Token = Annotated[str | None, Header(alias="X-Form-Token")]


@router.get("/rate")
def rate(request: Request) -> Response:
    """The page on which cases are rated."""
    if (found := viewer(request)) is None:
        return RedirectResponse("/sign-in", 303)
    known(request, *WORKERS)
    settings = {
        "form": found.form,
        "role": found.role,
        "rubric": [dataclasses.asdict(d) for d in rubric().dimensions],
        "lowest": LOWEST,
        "highest": HIGHEST,
        "step": STEP,
        "least": LEAST,
        "longest": LONGEST,
        "longestComment": answers.LONGEST_COMMENT,
    }
    return page(request, "rate.html", who=found, dimensions=rubric().dimensions, settings=json.dumps(settings))


@router.post("/api/next")
def next_case(request: Request, form: Token = None) -> Response:
    """The case to work on; a change, for it is held for this person."""
    return _next(house(request), changer(request, form, *WORKERS))


@router.post("/api/answer")
async def answer(request: Request, form: Token = None) -> Response:
    """An answer; what comes back is the next case."""
    from starlette.concurrency import run_in_threadpool

    told = await _json(request)

    def work() -> Response:
        found = changer(request, form, *WORKERS)
        answers.submit(house(request).store, found, answers.read(told))
        return _next(house(request), found)

    return await run_in_threadpool(work)


@router.post("/api/undo")
def undo(request: Request, form: Token = None) -> Response:
    """The last answer back."""
    found = changer(request, form, *WORKERS)
    if answers.take_back(house(request).store, found) is None:
        raise Refusal(404, "You have no answer to take back.")
    return _next(house(request), found)


@router.post("/api/check")
async def check(request: Request) -> Response:
    """Whether an edited text would be taken, and how it reads."""
    from starlette.concurrency import run_in_threadpool

    told = await _json(request)

    def work() -> Response:
        found = known(request, *WORKERS)
        throttle.spend(house(request).store, throttle.LOOKS, str(found.id))
        text, token = told.get("text"), told.get("case")
        if not isinstance(text, str) or not isinstance(token, str):
            raise Refusal(400, "The request is incomplete; load the page again.")
        with house(request).store.begin() as session:
            draft = view.may_see_picture(session, found, token).draft
        try:
            text = checked(draft, text)
        except Refusal as refusal:
            return JSONResponse({"fine": False, "message": str(refusal)})
        return JSONResponse({"fine": True, "message": "", "diagnosis": view.narrative(text)["diagnosis"]})

    return await run_in_threadpool(work)


@router.get("/image/{token}")
def image(request: Request, token: str) -> Response:
    """The picture of a case that this person was given."""
    found = known(request, *WORKERS)
    with house(request).store.begin() as session:
        path = view.may_see_picture(session, found, token).picture
    return Response(house(request).pictures.jpeg(path), media_type="image/jpeg")


@router.get("/answers")
def own(request: Request) -> Response:
    """One's own answers."""
    if (found := viewer(request)) is None:
        return RedirectResponse("/sign-in", 303)
    known(request, *WORKERS)
    with house(request).store.begin() as session:
        return page(
            request,
            "answers.html",
            who=found,
            rows=view.own(session, found),
            done=view.progress(session, found),
            dimensions=rubric().dimensions,
        )


@router.post("/answers/{token}")
def reveal(request: Request, token: str, form: Annotated[str, Form(max_length=100)]) -> Response:
    """Show the reference of an answered case; the answer is final with it."""
    answers.reveal(house(request).store, changer(request, form, *WORKERS), token)
    return RedirectResponse(f"/answers#{token}" if token.isalnum() else "/answers", 303)


def _next(home: House, found: Viewer) -> Response:
    with home.store.begin() as session:
        seat = queue.take(session, found)
        shown = {"task": view.task(session, seat, found) if seat else None, "progress": view.progress(session, found)}
        if seat:
            note(session, "shown", found.id, seat.case_id, slot=seat.slot)
    return JSONResponse(shown)


async def _json(request: Request) -> dict[str, Any]:
    try:
        told = json.loads(await request.body())
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise Refusal(400, "The request is no JSON object; load the page again.")
    return told
