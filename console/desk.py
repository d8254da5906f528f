"""Requests that change something: one transaction each, once per idempotency key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import anyio.to_thread
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from console import access, bodies
from console.access import Caller
from console.changes import Asked
from console.errors import KeyTooLong, NotFresh
from gis.matching import Matcher, limits_of
from gis.membership.parting import part, together
from outage import audit, idempotency, register
from outage.database import Database
from outage.desk import Reported
from outage.idempotency import Answer
from outage.model import Actor, MatchedShape, Outage, Service
from outage.settings import Settings
from outage.summary import Facts, summary

KEY_LENGTH = 200
SMALL = 64_000
"""Bytes of a body that holds no shape."""
AROUND_SHAPE = 16_000
"""Bytes that may stand around a shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What requests that change something work with."""

    db: Database
    settings: Settings
    matcher: Matcher

    def matched(self, body: bodies.Placed, service: Service) -> MatchedShape | None:
        """Find who is where a body says; None if it does not. Raises `GisError`."""
        asked = body.asked()
        if asked is None:
            return None
        match = self.matcher.ask(
            asked,
            service,
            limits=limits_of(self.settings),
            max_ids=self.settings.list_max_ids,
        )
        return match.for_desk()

    @property
    def body_limit(self) -> int:
        """Bytes of a body that says where."""
        return self.settings.shape_max_bytes + AROUND_SHAPE


Done = Outage | Reported | tuple[Outage, Outage] | Facts
Do = Callable[[Connection, Asked], Done]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing that can be asked for: what the body is, what it does."""

    action: str
    """What the audit log calls it: as the command line does, where that can do it too."""
    about: str = ""
    """What stands before the id there."""
    body: type[bodies.Body]
    do: Do
    created: bool = False
    once: frozenset[str] = frozenset()
    """Facts of the answer that are told this one time: a repetition has them empty."""
    grave: bool = False
    """Somebody in a session has to have given password and code just now."""

    async def answer(self, request: Request) -> Response:
        """Answer a request, or raise what `problems` makes a document of."""
        desk: Desk = request.app.state.desk
        limit = desk.body_limit if issubclass(self.body, bodies.Placed) else SMALL
        access.check_origin(request, request.headers.get(access.CSRF_HEADER, ""))
        session = request.state.caller.session
        if self.grave and session is not None and not session.is_fresh:
            raise NotFresh
        raw = await bodies.read(request, limit)
        return await anyio.to_thread.run_sync(partial(self._work, desk, request, raw))

    def _work(self, desk: Desk, request: Request, raw: bytes) -> Response:
        caller: Caller = request.state.caller
        body = bodies.parse(raw, self.body)
        name = request.path_params.get("id", "")
        asked = _asked(request, caller.actor, raw)
        shape = parting = None
        if isinstance(body, bodies.Placed) and body.asked() is not None:
            shape = desk.matched(body, _service(desk, name, body))
        if isinstance(body, bodies.SplitBody) and shape is not None:
            parting = part(desk.db, desk.matcher, name, shape)
        if isinstance(body, bodies.MergeBody):
            shape = together(desk.db, desk.matcher, name, body.into)
        wanted = Asked(
            id=name,
            message=request.path_params.get("key", 0),
            body=body,
            caller=caller,
            shape=shape,
            parting=parting,
        )
        doing = audit.deed(
            desk.db, actor=caller.actor, action=self.action, about=f"{self.about}{name}"
        )
        with doing as deed:
            # A body can take minutes to arrive; a token revoked meanwhile does nothing any more.
            access.allowed(deed.conn, request)
            stored = None if asked is None else idempotency.once(deed.conn, asked)
            if stored is not None:
                deed.kept = False
                return _response(stored, replayed=True)
            status = HTTPStatus.CREATED if self.created else HTTPStatus.OK
            facts = _facts(deed.conn, self.do(deed.conn, wanted))
            if facts.get("id"):
                deed.about = str(facts["id"])
            deed.detail = caller.detail
            answer = Answer(status=status, body=json.dumps(facts))
            if asked is not None:
                kept = json.dumps(facts | dict.fromkeys(self.once & facts.keys(), ""))
                idempotency.store(deed.conn, asked, Answer(status=status, body=kept))
        return _response(answer, replayed=False)


def _facts(conn: Connection, done: Done) -> Facts:
    if isinstance(done, dict):
        return done
    if isinstance(done, tuple):
        left, new = done
        return summary(conn, new.id) | {"left": summary(conn, left.id)}
    if isinstance(done, Reported):
        return summary(conn, done.outage.id) | {"recorded": dict(done.late)}
    return summary(conn, done.id)


def _service(desk: Desk, name: str, body: bodies.Placed) -> Service:
    if isinstance(body, bodies.DeclareBody):
        return body.service
    with desk.db.read() as conn:
        return register.load(conn, name).service


def _asked(request: Request, actor: Actor, raw: bytes) -> idempotency.Request | None:
    key = request.headers.get("idempotency-key")
    if not key:
        return None
    if len(key) > KEY_LENGTH:
        raise KeyTooLong(limit=KEY_LENGTH)
    return idempotency.Request(
        actor=str(actor),
        route=f"{request.method} {request.url.path}",
        key=key,
        body_hash=idempotency.hash_body(raw),
    )


def _response(answer: Answer, *, replayed: bool) -> Response:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    if answer.status == HTTPStatus.CREATED:
        headers["Location"] = f"/api/v1/outages/{json.loads(answer.body)['id']}"
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type="application/json"
    )
