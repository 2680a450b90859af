"""What several commands say the same way."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from skingpt_r1.records import SkinGPTError


def one_line(message: str) -> str:
    """The message with what cannot be printed, line breaks included, as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    sys.stderr.write(f"skingpt: {one_line(message)}\n")
    sys.stderr.flush()


def columns_of(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """{field: column} from ["field=column"], None from nothing. Raises SkinGPTError."""
    mapping: dict[str, str] = {}
    for pair in pairs or []:
        field, equals, name = pair.partition("=")
        if not equals or not name:
            raise SkinGPTError(f"--column {pair!r}: use field=column, for example image=file.")
        mapping[field.strip()] = name.strip()
    return mapping or None
