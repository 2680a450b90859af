"""One question with one picture to an OpenAI-compatible server; its answer is a stranger's text.

Tried again: 429, 5xx, timeouts and broken connections, with growing pauses or the server's Retry-After. What no
further case would survive (refused connection, 401, 404, a server that stays down) stops the run, for `--resume`.
Redirects are not followed, so that the key goes nowhere else; it lives in the environment and in no file of ours.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import logging
import os
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2 as httpx
from PIL import Image

from skingpt_r1.images.decoding import Pixels
from skingpt_r1.records import SkinGPTError

log = logging.getLogger(__name__)
_LONGEST_ANSWER: Final = 2**20  # bytes of the whole response
_LONGEST_TEXT: Final = 20_000  # characters of what the model says
_QUOTED: Final = 160  # characters of a server's complaint that are shown
_SIDE: Final = 1024  # pixels of the longer side that is sent
_QUALITY: Final = 90
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_PAUSE: Final = 60.0  # seconds, whatever the server asks for


class ChatUnavailable(SkinGPTError):
    """No further question has a chance; says what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """text: what the model said, verbatim. fault: why it is no answer, empty if it is one."""

    text: str
    fault: str = ""


@dataclass(frozen=True)
class Chat:
    """Where and whom to ask. Holds the name of the environment variable with the key, never the key."""

    url: str = field(metadata={"help": "base address, such as http://localhost:8000/v1"})
    model: str = field(metadata={"help": "the server's name of the model"})
    key_variable: str | None = field(default=None, metadata={"help": "environment variable that holds the API key"})
    timeout: float = field(default=120.0, metadata={"help": "seconds to wait for an answer"})
    tries: int = field(default=6, metadata={"help": "of one question, before the run stops"})
    pause: float = field(default=1.0, metadata={"help": "seconds before the second try; doubles"})
    most_tokens: int = field(default=400, metadata={"help": "of an answer"})

    def __post_init__(self) -> None:
        """Raises SkinGPTError for an address or a key that cannot be used, before any case is begun."""
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise SkinGPTError("--describer: no address; write one such as http://localhost:8000/v1.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise SkinGPTError("--describer: the address may hold no user, password or query; see --describer-key-env.")
        if not self.model.strip():
            raise SkinGPTError("--describer-model: name the model that the server shall use.")
        self._key()

    @property
    def host(self) -> str:
        """Host and port of the address."""
        return urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """Whom a run's settings say it asked: model and host, no key."""
        return f"{self.model} at {self.host}"

    def ask(self, text: str, pixels: Pixels) -> Answer:
        """What the model says. Raises ChatUnavailable where no further question has a chance."""
        asked = {
            "model": self.model,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": text},
                        {"type": "image_url", "image_url": {"url": data_url(pixels)}},
                    ],
                }
            ],
            "temperature": 0,
            "max_tokens": self.most_tokens,
        }
        body = json.dumps(asked).encode()
        trouble = ""
        for n in range(self.tries):
            try:
                status, headers, content = self._post(body)
            except httpx.ConnectError as error:
                raise ChatUnavailable(
                    f"{self.host}: no connection ({self._clean(str(error))}). Start the server or correct --describer, "
                    "then go on with --resume."
                ) from error
            except httpx.TimeoutException:
                trouble, headers = f"no answer within {self.timeout:g} s", httpx.Headers()
            except httpx.TransportError as error:
                trouble, headers = self._clean(str(error)), httpx.Headers()
            else:
                if status == 200:
                    return self._read(content)
                if status != 429 and status < 500:
                    return self._refused(status, content)
                trouble = f"status {status}"
            if n + 1 < self.tries:
                pause = self._pause(n, headers)
                log.info("%s: %s, again in %.1f s", self.host, trouble, pause)
                time.sleep(pause)
        raise ChatUnavailable(f"{self.host}: {trouble}, {self.tries} times. Wait, then go on with --resume.")

    def _post(self, body: bytes) -> tuple[int, httpx.Headers, bytes]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        until = time.monotonic() + self.timeout
        if key := self._key():
            headers["Authorization"] = f"Bearer {key}"
        url = f"{self.url.rstrip('/')}/chat/completions"
        with _client(self.timeout).stream("POST", url, content=body, headers=headers) as response:
            content = b""
            for piece in response.iter_raw():
                content += piece
                if len(content) > _LONGEST_ANSWER:
                    break
                if time.monotonic() > until:  # a server may send a byte a minute
                    raise httpx.ReadTimeout("too slow")
            return response.status_code, response.headers, content

    def _read(self, content: bytes) -> Answer:
        if len(content) > _LONGEST_ANSWER:
            return Answer("", f"the answer is longer than {_LONGEST_ANSWER // 2**20} MB")
        try:
            message = json.loads(content)["choices"][0]["message"]
            text, refusal = _text(message.get("content")), message.get("refusal")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return Answer(self._clean(content.decode("utf-8", "replace"), _LONGEST_TEXT), "this is no chat answer")
        text = self._without_key(text)
        if refusal:
            return Answer(self._without_key(str(refusal))[:_LONGEST_TEXT], "the model refused")
        if len(text) > _LONGEST_TEXT:
            return Answer(text[:_LONGEST_TEXT], f"the answer has over {_LONGEST_TEXT:,} characters")
        return Answer(text, "" if text.strip() else "the answer is empty")

    def _refused(self, status: int, content: bytes) -> Answer:
        """A fault of this one case; raises for one of them all."""
        if status in (401, 403):
            named = f"the key in ${self.key_variable}" if self.key_variable else "a key, see --describer-key-env"
            raise ChatUnavailable(f"{self.host}: status {status}, not allowed; check {named}, then use --resume.")
        if status in (404, 405) or 300 <= status < 400:
            raise ChatUnavailable(
                f"{self.host}: status {status}, no chat there or no model {self.model!r}. --describer is the address "
                "before /chat/completions, often ending in /v1; the server's /models lists the names."
            )
        said = self._clean(content.decode("utf-8", "replace"))
        return Answer("", f"the server refused it with status {status}: {said}")

    def _pause(self, n: int, headers: httpx.Headers) -> float:
        try:
            asked = float(headers.get("Retry-After", ""))
        except ValueError:
            asked = self.pause * 2**n * random.uniform(0.75, 1.25)
        return min(max(asked, 0.0), _LONGEST_PAUSE) if asked == asked else self.pause

    def _key(self) -> str | None:
        if self.key_variable is None:
            return None
        if not _VARIABLE.fullmatch(self.key_variable):  # a key in its place is not repeated
            raise SkinGPTError("--describer-key-env: name the environment variable, do not write the key itself.")
        key = os.environ.get(self.key_variable, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise SkinGPTError(f"${self.key_variable}: holds no API key; set it, or leave out --describer-key-env.")
        return key

    def _without_key(self, text: str) -> str:
        key = self._key()
        return _writable(text.replace(key, "[key]") if key else text)

    def _clean(self, text: str, most: int = _QUOTED) -> str:
        return self._without_key(" ".join(text.split()))[:most]


def _writable(text: str) -> str:
    """Half a surrogate pair is JSON, but no file can hold it."""
    return text.encode("utf-8", "replace").decode()


def data_url(pixels: Pixels) -> str:
    """The picture as a JPEG of at most 1024 pixels: decoded pixels only, so no metadata and no file name go along."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


@functools.cache
def _client(timeout: float) -> httpx.Client:
    """One a process; safe for threads."""
    return httpx.Client(timeout=httpx.Timeout(timeout, connect=10.0), follow_redirects=False)


def _text(content: Any) -> str:
    if isinstance(content, list):
        content = "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if content is None:
        return ""
    if not isinstance(content, str):
        raise TypeError("content is no text")
    return content
