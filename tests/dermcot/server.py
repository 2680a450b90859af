"""A small real server that speaks the OpenAI chat protocol and answers from a list, for tests of the describer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """status, body (bytes as they are; a str becomes the content of a chat answer), headers, seconds before it."""

    body: bytes | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return chat({"role": "assistant", "content": self.body})


def chat(message: dict[str, Any]) -> bytes:
    """The form of a recorded answer of vLLM."""
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "seer",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940},
    }
    return json.dumps(answer).encode()


@dataclass
class Seen:
    """What the server was sent: (path, headers, parsed body) of every request."""

    url: str
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def serving(replies: Sequence[Reply]) -> Iterator[Seen]:
    """A server on a free port; the last reply is repeated."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                reply = replies[min(len(seen.requests), len(replies) - 1)]
                seen.requests.append((self.path, dict(self.headers), json.loads(body)))
            time.sleep(reply.after)
            content = reply.content()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the other side had enough
                pass

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Seen(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
