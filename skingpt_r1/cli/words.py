"""What several commands say the same way."""

from __future__ import annotations

import sys


def one_line(message: str) -> str:
    """The message with what cannot be printed, line breaks included, as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    sys.stderr.write(f"skingpt: {one_line(message)}\n")
    sys.stderr.flush()
