"""Pages before and around the work: invitation, sign-in, sign-out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from skingpt_r1.serve.certify import accounts, throttle
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.tables import Role
from skingpt_r1.serve.certify.web import address, changer, check_form, form_page, house, page, signed_in, viewer

router = APIRouter()
Text = Annotated[str, Form(max_length=400)]


@router.get("/")
def home(request: Request) -> Response:
    """Where this person works."""
    found = viewer(request)
    if found is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse("/admin" if found.role is Role.ADMIN else "/rate", 303)


@router.get("/sign-in")
def sign_in_page(request: Request) -> Response:
    """The form."""
    return form_page(request, "sign_in.html", problem=None, name="")


@router.post("/sign-in")
def sign_in(request: Request, form: Text, name: Text, password: Text) -> Response:
    """Name and password."""
    try:
        check_form(request, form)
        return signed_in(request, accounts.sign_in(house(request).store, name, password, address(request)))
    except Refusal as refusal:
        return form_page(request, "sign_in.html", refusal.status, problem=str(refusal), name=name)


@router.get("/invitation/{token}")
def invitation_page(request: Request, token: str) -> Response:
    """The form behind an invitation link. Looking at it uses nothing up: mail programs open links, too."""
    throttle.spend(house(request).store, throttle.ADDRESS, address(request))
    with house(request).store.begin() as session:
        role = accounts.invitation(session, token).role
    return form_page(request, "invitation.html", problem=None, name="", role=role)


@router.post("/invitation/{token}")
def join(request: Request, token: str, form: Text, name: Text, password: Text, again: Text) -> Response:
    """A new person."""
    store = house(request).store
    throttle.spend(store, throttle.ADDRESS, address(request))
    with store.begin() as session:
        role = accounts.invitation(session, token).role
    try:
        check_form(request, form)
        if password != again:
            raise Refusal(422, "The two passwords differ; type them again.")
        user = accounts.join(store, token, name, password)
    except Refusal as refusal:
        return form_page(request, "invitation.html", refusal.status, problem=str(refusal), name=name, role=role)
    return signed_in(request, accounts.new_login(store, user))


@router.post("/sign-out")
def sign_out(request: Request, form: Text) -> Response:
    """The end of this session."""
    accounts.sign_out(house(request).store, changer(request, form))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(house(request).site.cookie, secure=house(request).site.secure, httponly=True)
    return answer


@router.get("/help")
def help_page(request: Request) -> Response:
    """How to work here."""
    return page(request, "help.html", who=viewer(request))
