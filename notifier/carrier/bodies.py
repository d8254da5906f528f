"""Reads a request's body up to a limit, so that a huge one is refused and not kept in memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

_TOO_LARGE = 413


async def read_body(request: Request, largest_bytes: int) -> bytes:
    """Read the whole body.

    Raises:
        HTTPException: 413, when it is larger than largest_bytes or says that it is.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > largest_bytes:
        raise HTTPException(_TOO_LARGE, f"The body is larger than {largest_bytes} bytes.")
    chunks: list[bytes] = []
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > largest_bytes:
            raise HTTPException(_TOO_LARGE, f"The body is larger than {largest_bytes} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)
