"""Files of narratives are read a line at a time."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

MEMORY = 150_000_000  # bytes, less than the narrative
READ = """
import sys
from pathlib import Path
from skingpt_r1.knowledge.extraction import extract
for found in extract(Path(sys.argv[1]), lambda message: print(message, file=sys.stderr)):
    print(found.to_json())
"""


def test_a_narrative_of_200_mb_is_skipped_without_being_held(tmp_path: Path) -> None:
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as stream:
        stream.write(b'{"id": 1, "narrative": "The diagnosis is scabies."}\n{"id": 2, "narrative": "')
        for _ in range(200):
            stream.write(b"psoriasis " * 100_000)
        stream.write(b'"}\n{"id": 3, "narrative": "The diagnosis is scabies."}\n')

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", READ, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, preexec_fn=limit)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 3], done.stderr
    told = f"{file}:2: longer than 1,000,000 bytes. Cut the narrative to the text of one case."
    assert done.stderr.splitlines() == [told]
