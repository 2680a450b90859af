"""Why a request is not done: an HTTP status and one sentence for the person who asked."""

from __future__ import annotations

from skingpt_r1.records import SkinGPTError


class Refusal(SkinGPTError):
    """status: 400 malformed, 401 not signed in, 403 not allowed, 404 unknown, 409 stale, 413 too long, 422 not valid,

    429 too often.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Stale(Refusal):
    """Somebody, or the same person in another window, was quicker."""

    def __init__(self, message: str) -> None:
        super().__init__(409, message)
