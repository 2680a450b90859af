"""What several commands say the same way."""

from __future__ import annotations

import sys


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
    sys.stderr.write(f"skingpt: {line}\n")
    sys.stderr.flush()
