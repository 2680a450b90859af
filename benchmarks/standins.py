"""Two foreign systems for machines without an API key: a local server that speaks the OpenAI chat protocol.

    python -m benchmarks.standins --port 8009 &
    export STAND_IN_BASE_URL=http://127.0.0.1:8009/v1 STAND_IN_API_KEY=none
    skingpt bench run dermbench-open --systems openai-api/stand-in/smollm2,openai-api/stand-in/colour

smollm2: SmolLM2-135M-Instruct as it was published, which reads the words and cannot see. colour: no language model;
looks at the picture's mean colour alone and names the candidate whose validation pictures are nearest to it. Both
answer through the whole path that a commercial system is asked through.
"""

from __future__ import annotations

import argparse
import base64
import functools
import io
import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from skingpt_r1.dermbench.protocol import FINAL, asked
from skingpt_r1.dermbench.systems.asking import candidates
from skingpt_r1.images.reading import read_photo
from skingpt_r1.models.language import Language
from skingpt_r1.sources.registry import TESTED, load

EACH: Final = 20  # validation pictures of a diagnosis that its colour is a mean of
MOST: Final = 160  # tokens that smollm2 writes
_ONE: Final = threading.Lock()


class Colour:
    """Nearest mean colour."""

    def __init__(self) -> None:
        seen: dict[str, list[np.ndarray]] = defaultdict(list)
        for name in TESTED:
            for case in load(name):
                if case.split == "val" and case.diagnosis and len(seen[case.diagnosis]) < EACH:
                    seen[case.diagnosis].append(read_photo(case.image).pixels.reshape(-1, 3).mean(0))
        self.means = {diagnosis: np.mean(colours, 0) for diagnosis, colours in seen.items()}

    def answer(self, prompt: str, pixels: np.ndarray) -> str:
        """A few sentences; the label where labels were asked for."""
        mean = pixels.reshape(-1, 3).mean(0)
        labels = asked(prompt).labels
        allowed = {**candidates(labels).labels} if labels else {name: name for name in self.means}
        near = {x: float(np.linalg.norm(self.means[d] - mean)) for x, d in allowed.items() if d in self.means}
        label = min(near, key=lambda x: near[x])
        said = allowed[label]
        text = (
            f"The picture is, on average, of the colour ({', '.join(str(round(v)) for v in mean)}). Nothing else was "
            f"looked at. Of the candidates it is nearest to {said}. The confidence is low: a mean colour proves "
            f"nothing, and a doctor should look.\n<answer>{said} | low | soon: see a doctor within weeks</answer>"
        )
        return f"{text}\n{FINAL} {label}" if labels else text


class Blindfolded:
    """SmolLM2, text only."""

    def __init__(self) -> None:
        self.language = Language().eval()
        self.said = functools.cache(self._said)  # it is greedy and sees nothing: the same question, the same answer

    def answer(self, prompt: str, pixels: np.ndarray) -> str:
        """Whatever the picture."""
        return self.said(prompt)

    @torch.inference_mode()
    def _said(self, prompt: str) -> str:
        tokenizer, model = self.language.tokenizer, self.language.model
        told = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        written = model.generate(**told, max_new_tokens=MOST, do_sample=False)
        return str(tokenizer.decode(written[0, told["input_ids"].shape[1] :], skip_special_tokens=True))


def parts_of(body: dict[str, Any]) -> tuple[str, np.ndarray]:
    """Prompt and picture of the last message."""
    content = body["messages"][-1]["content"]
    text = "\n".join(part["text"] for part in content if part["type"] == "text")
    url = next(part["image_url"]["url"] for part in content if part["type"] == "image_url")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return text, np.asarray(image.convert("RGB"))


def chat(model: str, text: str) -> bytes:
    """An answer of the protocol."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    told = {"id": "stand-in", "object": "chat.completion", "created": 0, "model": model, "choices": [choice]}
    return json.dumps({**told, "usage": usage}).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8009)
    options = parser.parse_args()
    systems = {"smollm2": Blindfolded(), "colour": Colour()}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with _ONE:
                content = chat(body["model"], systems[body["model"]].answer(*parts_of(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    print(f"http://127.0.0.1:{server.server_port}/v1 serves {', '.join(systems)}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
