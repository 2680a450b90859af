"""A small real server that speaks the OpenAI chat protocol; how a model behaves is told by its name.

fine, slow, refusing (in words), filtered (by stop reason), flaky (429 first, then fine), busy (429 always), nonsense
(no chat answer), gibberish (an answer without words), silent (no answer in time).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

ANSWER = """<think>
[observation] Dermoscopic view of a large lesion. It has an irregular border.
[category] melanocytic, malignant suspected: irregular border.
[differential] melanoma: for irregular border. melanocytic nevus: against irregular border.
[synthesis] Irregular border favours melanoma over melanocytic nevus.
</think>
<answer>melanoma | moderate | urgent: see a dermatologist within two weeks</answer>"""
REFUSAL = "I'm sorry, but I can't help with interpreting medical images. Please see a doctor about this."


@dataclass
class Asked:
    """One request. picture: hash of the decoded pixels. answered: when the whole answer was handed to the network."""

    model: str
    picture: str
    size: tuple[int, int]
    kind: str
    body: dict[str, Any]
    status: int = 0
    answered: float | None = None


@dataclass
class Server:
    """url: base address. requests: all, in order. mended: models that behave by now."""

    url: str
    slow: float = 0.5
    requests: list[Asked] = field(default_factory=list)
    mended: set[str] = field(default_factory=set)

    def counts(self, model: str, status: int = 200) -> Counter[str]:
        """Requests a picture."""
        return Counter(a.picture for a in self.requests if a.model == model and a.status == status)


def picture_in(body: dict[str, Any]) -> tuple[str, tuple[int, int], str]:
    """Hash of pixels, (width, height) and MIME type of the picture of a request; it must be base64."""
    url = next(p["image_url"]["url"] for p in body["messages"][-1]["content"] if p["type"] == "image_url")
    head, _, data = url.partition(",")
    assert head.startswith("data:image/") and head.endswith(";base64"), head
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()[:16], image.size, head[5:-7]


def chat(text: str, model: str, stop: str = "stop") -> bytes:
    """A chat answer."""
    return json.dumps(
        {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": stop}],
            "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940},
        }
    ).encode()  # fmt: skip


@contextmanager
def serving(slow: float = 0.5) -> Iterator[Server]:
    """A server on a free port."""
    lock = threading.Lock()

    def reply(asked: Asked, before: int) -> tuple[int, bytes]:
        kind = "fine" if asked.model in server.mended else asked.model
        if kind == "slow":
            time.sleep(server.slow)
        if kind == "silent":
            time.sleep(3)
        if kind == "busy" or (kind == "flaky" and before == 0):
            return 429, b'{"error": {"message": "too many requests", "type": "rate_limit"}}'
        if kind == "nonsense":
            return 200, b"<html>hello</html>"
        if kind == "gibberish":
            return 200, chat("%%% 0x17 ~~~ 42", asked.model)
        if kind == "refusing":
            return 200, chat(REFUSAL, asked.model)
        if kind == "filtered":
            return 200, chat("No.", asked.model, "content_filter")
        return 200, chat(ANSWER, asked.model)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            picture, size, kind = picture_in(body)
            asked = Asked(body["model"], picture, size, kind, body)
            with lock:
                before = sum(a.model == asked.model and a.picture == picture for a in server.requests)
                server.requests.append(asked)
            asked.status, content = reply(asked, before)
            try:
                self.send_response(asked.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if asked.status == 429:
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(content)
                asked.answered = time.monotonic()
            except OSError:  # the other side is gone
                pass

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/v1", slow)
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
