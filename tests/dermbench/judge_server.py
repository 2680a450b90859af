"""A real server that speaks the OpenAI chat protocol and judges by a function of what it is sent."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from inspect_ai.model import Model, get_model

from tests.dermcot.server import Reply, chat

Answering = Callable[[str], Reply | str]  # the user's message -> what is answered


@dataclass
class Server:
    """url: base address. asked: parsed body of every request."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)

    def model(self, name: str = "seer") -> Model:
        return get_model(f"openai-api/local/{name}", base_url=self.url, api_key="none", memoize=False)


def block(message: str, kind: str) -> str:
    """The text between the markers of a kind."""
    mark = re.search(r"bear the name (\w+)\.", message)
    assert mark is not None
    found = re.search(rf"<<<{kind} {mark[1]}>>>\n(.*)\n<<<end of {kind} {mark[1]}>>>", message, re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def judging(answer: Answering) -> Iterator[Server]:
    """A server on a free port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.asked.append(body)
            told = answer(body["messages"][-1]["content"])
            reply = Reply(told) if isinstance(told, str) else told
            time.sleep(reply.after)
            content = (
                reply.body if isinstance(reply.body, bytes) else chat({"role": "assistant", "content": reply.body})
            )
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

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/v1")
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
