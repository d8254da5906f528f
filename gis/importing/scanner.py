"""JSON text that is too long to be held, read one value after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

_READ = 1 << 20
_LARGEST = 1 << 26
"""Characters that one value may have: more would have to be held whole."""
_WORD = 16
"""What is wrong nearer to the end than this may only be cut off there."""
_BETWEEN = re.compile(r"[\s,\x1e]*")
_scan = json.JSONDecoder().raw_decode


class NotJsonError(Exception):
    """The text is not JSON, or a value of it is too long."""


class Scanner:
    """Reads JSON text; commas are taken for blanks."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """Give the next character that is not blank; empty at the end."""
        while True:
            self._pass_blanks()
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def skip(self, character: str) -> None:
        """Pass one character. Raises `NotJsonError` if another one stands there."""
        if self.peek() != character:
            raise NotJsonError
        self._at += 1

    def value(self) -> Any:  # noqa: ANN401 any JSON value
        """Read the next value. Raises `NotJsonError` if there is none."""
        self._pass_blanks()
        while True:
            try:
                value, end = _scan(self._buffer, self._at)
            except json.JSONDecodeError as error:
                cut_off = "Unterminated" in error.msg or error.pos > len(self._buffer) - _WORD
                if not cut_off or not self._more():
                    raise NotJsonError from None
            except (ValueError, RecursionError):
                # A number of thousands of digits, or thousands of brackets.
                raise NotJsonError from None
            else:
                left = len(self._buffer) - end
                # A number that ends with the buffer may go on in what has not been read yet.
                if left or not self._more():
                    self._at = len(self._buffer) - left
                    return value

    def items(self) -> Iterator[Any]:
        """Read the values of a list, one by one."""
        self.skip("[")
        while self.peek() != "]":
            yield self.value()
        self.skip("]")

    def _pass_blanks(self) -> None:
        found = _BETWEEN.match(self._buffer, self._at)
        self._at = found.end() if found else self._at

    def _more(self) -> bool:
        """Read on; a value that is still not whole then is read from its beginning."""
        self._buffer = self._buffer[self._at :]
        self._at = 0
        if len(self._buffer) > _LARGEST:
            raise NotJsonError
        # Twice as much each time, so that a long value is not read over and over.
        more = self._text.read(max(_READ, len(self._buffer)))
        self._buffer += more
        return bool(more)
