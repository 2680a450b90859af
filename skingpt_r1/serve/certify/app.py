"""The application: routes behind the guard, and errors as one sentence, as JSON or as a page.

FastAPI's own documentation pages are switched off: they load scripts from elsewhere.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from skingpt_r1.records import CaseError
from skingpt_r1.serve.certify import routes_account, routes_admin, routes_rating
from skingpt_r1.serve.certify.refusal import Refusal
from skingpt_r1.serve.certify.security import Guard, Site
from skingpt_r1.serve.certify.store import Store
from skingpt_r1.serve.certify.web import House, page, viewer

log = logging.getLogger(__name__)
_STATIC: Final = Path(__file__).parent / "static"
_WORDS: Final = {404: "There is no such page.", 405: "This page cannot be used that way."}


def create_app(store: Store, site: Site) -> FastAPI:
    """The certification page over a database."""
    app = FastAPI(title="SkinGPT-R1 certification", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.house = House(store, site)
    for router in (routes_account.router, routes_rating.router, routes_admin.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(CaseError, _no_picture)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(Guard, site=site)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _told(request, error.status, str(error))


def _no_picture(request: Request, error: Exception) -> Response:
    log.warning("a picture cannot be read: %s", error.__cause__)
    return _told(request, 410, str(error))


def _malformed(request: Request, error: Exception) -> Response:
    return _told(request, 422, "The form is incomplete or too long; load the page again.")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _told(request, error.status_code, _WORDS.get(error.status_code, "This request cannot be done."))


def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"message": "Something broke here; nothing was saved. Try again, then tell the admin."}, 500)


def _told(request: Request, status: int, message: str) -> Response:
    if request.url.path.startswith(("/api/", "/image/")):
        return JSONResponse({"message": message}, status)
    return page(request, "message.html", status, who=viewer(request), message=message, status=status)
