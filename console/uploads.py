"""Forms that may bring a file: read whole, within a limit, into plain fields."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from console import bodies
from console.errors import BadForm

Fields = Callable[[Request], Awaitable[dict[str, str]]]
UPLOAD, FILE, FILE_NAME = "upload", "file", "file_name"
"""What a file is chosen by, and where its content (as base64) and its name stand from then on."""
MOST_FIELDS = 60
_LONGEST_NAME = 100


def reading(limit: int) -> Fields:
    """Make what reads a form of at most so many bytes, with one file at most.

    The file's content goes with the form from then on, for a browser does not send it twice: a
    page that shows the form again keeps it in a hidden field.
    """

    async def fields(request: Request) -> dict[str, str]:
        raw = await bodies.read(request, limit)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return await _parts(request, raw, limit)
        try:
            return dict(
                parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
            )
        except ValueError as error:
            raise BadForm(problem="it is no form of ours") from error

    return fields


async def _parts(request: Request, raw: bytes, limit: int) -> dict[str, str]:
    async def stream() -> AsyncGenerator[bytes]:
        yield raw

    parser = MultiPartParser(
        request.headers, stream(), max_files=1, max_fields=MOST_FIELDS, max_part_size=limit
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise BadForm(problem="it is no form of ours") from error
    found: dict[str, str] = {}
    upload: UploadFile | None = None
    for name, value in form.multi_items():
        if isinstance(value, str):
            found[name] = value
        elif name == UPLOAD and value.filename:
            upload = value
    if upload is not None:
        found[FILE] = base64.b64encode(await upload.read()).decode()
        shown = "".join(sign for sign in upload.filename or "" if sign.isprintable())
        found[FILE_NAME] = shown[:_LONGEST_NAME] or "a file"
    await form.close()
    return found
