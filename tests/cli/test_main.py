"""All commands at once."""

from __future__ import annotations

import subprocess
import sys


def test_the_commands_are_told_without_loading_networks() -> None:
    told = "import sys, skingpt_r1.cli.main; print(sorted({'torch', 'transformers', 'inspect_ai'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
