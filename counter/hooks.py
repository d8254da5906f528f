"""Where providers call back. Nothing is believed that is not signed by them."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from counter.gathering import Gathering
from notifier.inbound import InboundText
from notifier.receipts import Receipt
from notifier.signatures import Signatures
from outage.settings import Settings

log = logging.getLogger(__name__)

MOST_BYTES = {"twilio": 64 * 1024, "sendgrid": 8 * 1024 * 1024}

_SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
_TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


class Hooks:
    """The hooks of both providers, over one group commit."""

    def __init__(
        self,
        settings: Settings,
        commit: Callable[[Sequence[Receipt]], object],
        accept: Callable[[Sequence[InboundText]], object],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base = settings.hooks
        self._now = now
        self._gathering = Gathering(commit)
        self._texts = Gathering(accept)
        self._signatures = Signatures(
            settings.twilio_auth_token,
            settings.sendgrid_webhook_public_key,
            twilio_2_auth_token=settings.twilio_2_auth_token,
            sendgrid_2_public_key=settings.sendgrid_2_webhook_public_key,
        )

    def routes(self) -> list[Route]:
        """The routes, each with the largest body it reads."""
        return [
            Route(
                "/hooks/twilio/status",
                self.twilio_status,
                methods=["POST"],
                max_body_size=MOST_BYTES["twilio"],
            ),
            Route(
                "/hooks/twilio/voice",
                self.twilio_voice,
                methods=["POST"],
                max_body_size=MOST_BYTES["twilio"],
            ),
            Route(
                "/hooks/twilio/inbound",
                self.twilio_inbound,
                methods=["POST"],
                max_body_size=MOST_BYTES["twilio"],
            ),
            Route(
                "/hooks/sendgrid/events",
                self.sendgrid_events,
                methods=["POST"],
                max_body_size=MOST_BYTES["sendgrid"],
            ),
        ]

    async def twilio_status(self, request: Request) -> Response:
        """A text's status."""
        return await self._twilio(request, "MessageSid", "MessageStatus")

    async def twilio_voice(self, request: Request) -> Response:
        """A call's status."""
        return await self._twilio(request, "CallSid", "CallStatus", "-voice")

    async def _twilio(self, request: Request, sid: str, status: str, suffix: str = "") -> Response:
        """The signature covers the URL we gave out, and the form."""
        body = (await request.body()).decode("utf-8", "replace")
        form = dict(parse_qsl(body, keep_blank_values=True))
        url = f"{self._base}{request.url.path}?{request.url.query}"
        signature = request.headers.get("X-Twilio-Signature", "")
        account = self._signatures.whose_twilio(url, form, signature)
        if not account:
            return _forbidden()
        key = request.query_params.get("m", "")
        if not _is_key(key) or sid not in form:
            return _nothing()
        receipt = Receipt(
            provider=account + suffix,
            message_key=int(key),
            event=form.get(status, "")[:40],
            provider_id=form[sid],
            code=form.get("ErrorCode", "")[:40],
        )
        return await self._record([receipt])

    async def twilio_inbound(self, request: Request) -> Response:
        """Take a text that somebody sent us: on record now, understood and answered afterwards.

        Twilio gives no time that an old text could be told by; the same text again is known by
        its id, whenever it comes.
        """
        try:
            body = (await request.body()).decode("utf-8")
            form = dict(parse_qsl(body, keep_blank_values=True, errors="strict"))
        except ValueError:
            return _forbidden()
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{self._base}{request.url.path}{query}"
        signature = request.headers.get("X-Twilio-Signature", "")
        account = self._signatures.whose_twilio(url, form, signature)
        if not account:
            return _forbidden()
        if not form.get("MessageSid") or not form.get("From"):
            return _no_answer()
        media = form.get("NumMedia", "0")
        text = InboundText(
            provider=account,
            provider_id=form["MessageSid"][:64],
            address=form["From"],
            body=form.get("Body", ""),
            media=int(media) if _is_key(media) and len(media) < 3 else 0,  # noqa: PLR2004  # ten at most
            opt_out_type=form.get("OptOutType", "")[:20] or None,
        )
        try:
            await self._texts.put([text])
        except Exception as error:  # noqa: BLE001  # whatever it is, the provider is to call again
            # No traceback: it may hold what was written, and by whom.
            log.error("a text could not be recorded: %s", type(error).__name__)  # noqa: TRY400
            return PlainTextResponse("Please try again.\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return _no_answer()

    async def sendgrid_events(self, request: Request) -> Response:
        """A list of e-mail events. The signature covers a timestamp and the raw bytes."""
        body = await request.body()
        signature = request.headers.get(_SIGNATURE, "")
        timestamp = request.headers.get(_TIMESTAMP, "")
        account = self._signatures.whose_sendgrid(body, signature, timestamp, self._now())
        if not account:
            return _forbidden()
        try:
            events = orjson.loads(body)
        except orjson.JSONDecodeError:
            events = None
        if not isinstance(events, list):
            return PlainTextResponse(
                "The body is not a JSON list of events.\n", HTTPStatus.BAD_REQUEST
            )
        found = (_event(account, event) for event in events if isinstance(event, dict))
        return await self._record([receipt for receipt in found if receipt is not None])

    async def _record(self, receipts: Sequence[Receipt]) -> Response:
        """Answer only once they are on record; a provider whose call fails calls again."""
        try:
            await self._gathering.put(receipts)
        except Exception:  # whatever it is, the provider is to call again
            log.exception("receipts could not be recorded")
            return PlainTextResponse("Please try again.\n", HTTPStatus.SERVICE_UNAVAILABLE)
        return _nothing()


def _event(account: str, event: dict[str, object]) -> Receipt | None:
    key, at = str(event.get("m", "")), event.get("timestamp")
    if not _is_key(key) or not isinstance(at, int) or not 0 <= at < 2**33:
        return None
    name = str(event.get("event", ""))[:40]
    return Receipt(
        provider=account,
        message_key=int(key),
        event=name,
        provider_id=str(event.get("sg_message_id", "")),
        code=_code(name, event),
        at=datetime.fromtimestamp(at, UTC),
    )


def _code(name: str, event: dict[str, object]) -> str:
    """The word by which the table of codes knows an event."""
    match name:
        case "processed" | "deferred" | "delivered":
            return ""
        case "bounce" if event.get("type") == "blocked":
            return "blocked"
        case "dropped":
            return f"dropped_{str(event.get('reason', '')).lower().replace(' ', '_')}"[:60]
    return name


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004  # fits a BIGINT


def _forbidden() -> Response:
    return PlainTextResponse("This is not signed by the provider.\n", HTTPStatus.FORBIDDEN)


def _no_answer() -> Response:
    """The empty document by which Twilio sends nothing of its own."""
    return Response("<Response/>", media_type="text/xml")


def _nothing() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
