"""What all routes share: the house (database, pictures, address), who is asking, and how a page is made."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from skingpt_r1.serve.certify import accounts, throttle
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.pictures import Pictures
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.security import Site
from skingpt_r1.serve.certify.store import Store, secret
from skingpt_r1.serve.certify.tables import Role

_FORM: Final = "skingpt-form"
_EXPIRED: Final = "This form has expired; load the page again."


@dataclass(frozen=True)
class House:
    """What the application holds; there is no other state in the process."""

    store: Store
    site: Site
    pictures: Pictures = field(default_factory=Pictures)


def house(request: Request) -> House:
    """The house that this request came to."""
    return request.app.state.house  # type: ignore[no-any-return]


def viewer(request: Request) -> Viewer | None:
    """Who is asking, if anybody is signed in."""
    home = house(request)
    return accounts.viewer_of(home.store, request.cookies.get(home.site.cookie))


def known(request: Request, *roles: Role) -> Viewer:
    """Who is asking. Raises Refusal: 401 if nobody, 403 for another role."""
    found = viewer(request)
    if found is None:
        raise Refusal(401, "You are not signed in, or it was too long ago; sign in again.")
    if roles and found.role not in roles:
        raise Refusal(403, f"This is for {' and '.join(f'{role}s' for role in roles)}; you are {found.role}.")
    return found


def changer(request: Request, given: str | None, *roles: Role) -> Viewer:
    """As `known`, for a change: it must carry the session's secret, and there may be so many a minute."""
    found = known(request, *roles)
    if not accounts.same(given, found.form):
        raise Refusal(403, _EXPIRED)
    throttle.spend(house(request).store, throttle.CHANGES, str(found.id))
    return found


def address(request: Request) -> str:
    """The network address of the browser (behind a proxy: as uvicorn was told to believe it)."""
    return request.client.host if request.client else "unknown"


def page(
    request: Request, template: str, code: int = 200, /, *, who: Viewer | None = None, **told: Any
) -> HTMLResponse:
    """An HTML page. `who`: whose menu it shows."""
    made = _environment().get_template(template).render(viewer=who, **told)
    return HTMLResponse(made, code)


def form_page(request: Request, template: str, code: int = 200, /, **told: Any) -> HTMLResponse:
    """A page with a form for somebody who is not signed in: a cookie and the form must carry the same secret."""
    token = request.cookies.get(_FORM) or secret()
    answer = page(request, template, code, form=token, **told)
    secure = house(request).site.secure
    answer.set_cookie(_FORM, token, max_age=3600, secure=secure, httponly=True, samesite="strict")
    return answer


def check_form(request: Request, given: str) -> None:
    """Raises Refusal unless the form is one that `form_page` gave to this browser."""
    cookie = request.cookies.get(_FORM)
    if not cookie or not accounts.same(given, cookie):
        raise Refusal(403, _EXPIRED)


def signed_in(request: Request, cookie: str, to: str = "/") -> Response:
    """Go on with a session cookie."""
    site = house(request).site
    answer = RedirectResponse(to, 303)
    lasts = int(accounts.SIGNED_IN_FOR.total_seconds())
    answer.set_cookie(site.cookie, cookie, max_age=lasts, secure=site.secure, httponly=True, samesite="lax", path="/")
    answer.delete_cookie(_FORM)
    return answer


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("skingpt_r1.serve.certify"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
