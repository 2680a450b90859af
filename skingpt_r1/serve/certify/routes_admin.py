"""For admins: progress, people, invitations, agreement, the end of the audit trail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from skingpt_r1.dermeval.rubric import rubric
from skingpt_r1.serve.certify import accounts, overview
from skingpt_r1.serve.certify.agreement import agreement
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.tables import Role
from skingpt_r1.serve.certify.web import changer, house, known, page, viewer

router = APIRouter(prefix="/admin")
Text = Annotated[str, Form(max_length=100)]


@router.get("")
def admin(request: Request) -> Response:
    """The overview."""
    return _page(request) if viewer(request) else RedirectResponse("/sign-in", 303)


@router.post("/invitation")
def invite(request: Request, form: Text, role: Text) -> Response:
    """A new link, shown once."""
    found = changer(request, form, Role.ADMIN)
    if role not in tuple(Role):
        raise Refusal(422, "Choose rater, adjudicator or admin.")
    token = accounts.invite(house(request).store, Role(role), found.id)
    return _page(request, link=f"{house(request).site.url}/invitation/{token}", role=role)


@router.post("/person/{person}")
def lock(request: Request, person: int, form: Text, active: Text) -> Response:
    """Lock somebody out, or in again."""
    found = changer(request, form, Role.ADMIN)
    accounts.set_active(house(request).store, person, active == "yes", found.id)
    return RedirectResponse("/admin", 303)


@router.get("/agreement")
def agree(request: Request) -> Response:
    """How far raters agree."""
    found = known(request, Role.ADMIN)
    with house(request).store.begin() as session:
        pairs = overview.pairs(session)
    return page(request, "agreement.html", who=found, told=agreement(pairs), dimensions=rubric().dimensions)


def _page(request: Request, link: str | None = None, role: str = "") -> Response:
    found = known(request, Role.ADMIN)
    with house(request).store.begin() as session:
        return page(
            request,
            "admin.html",
            who=found,
            link=link,
            role=role,
            states=overview.states(session),
            people=overview.people(session),
            waiting=overview.open_invitations(session),
            trail=overview.trail(session),
        )
