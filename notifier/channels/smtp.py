"""E-mail through a server of the utility's own: one transaction for each mail."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate

import aiosmtplib

from notifier.channels.base import TIMEOUT_S, Outcome, Outgoing, Result
from notifier.channels.codes import judge
from notifier.channels.fan_out import FanOut
from notifier.channels.marks import Marks

FRESH_S = 10.0
"""A connection that was idle for longer is opened anew: servers close such as it pleases them."""
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=998)
"""No server need understand more than ASCII lines. They are as long as mail allows: a shorter one
would have a long link encoded, and no mail program knows it then."""
_ENHANCED = re.compile(r"\s*(?P<code>[245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """How to reach a mail server, and who the mails are from.

    ``security`` is ``starttls``, ``tls`` or ``none``; ``bounces`` is where bounces go, with our
    mark after a plus sign. ``connections`` is how many are open at a time.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str
    sender_name: str = ""
    bounces: str = ""
    marks: Marks
    timeout_s: float = TIMEOUT_S
    connections: int = 8


class SmtpChannel(FanOut):
    """Mails over a few kept connections.

    Until the text has been handed over a lost connection has sent nothing; after that it may have.
    """

    def __init__(self, server: MailServer, provider: str = "smtp") -> None:
        super().__init__(provider)
        self.server = server
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []
        self._closers.append(self._quit)

    @property
    def calls(self) -> int:
        return self.server.connections

    async def call(self, outgoing: Outgoing) -> Outcome:
        mark = self.server.marks.of(outgoing.message_key)
        result, code, handed_over = Result.ACCEPTED, "", False
        try:
            mail = compose(self.server, outgoing)
            async with asyncio.timeout(self.server.timeout_s), self._connection() as client:
                await client.mail(self._envelope(outgoing))
                await client.rcpt(outgoing.address)
                handed_over = True
                await client.data(mail)
        except aiosmtplib.SMTPResponseException as refusal:
            found = _ENHANCED.match(refusal.message)
            code = found["code"] if found else str(refusal.code)
            result = judge(self.provider, code, refusal.code)
        except ValueError:  # not ASCII, or no address at all
            result, code = Result.FAILED, "bad_address"
        except (aiosmtplib.SMTPException, OSError):
            result = Result.AMBIGUOUS if handed_over else Result.RETRY
            code = "no_answer" if handed_over else "no_connection"
        return Outcome(
            message_key=outgoing.message_key,
            result=result,
            provider_id=mark if result is Result.ACCEPTED else "",
            code=code,
        )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection, kept for the next mail unless it was lost in this one."""
        client = await self._connected()
        fit = False
        try:
            yield client
            fit = True
        except aiosmtplib.SMTPResponseException:
            fit = await _is_fit(client)
            raise
        finally:
            if fit:
                self._idle.append((time.monotonic(), client))
            else:
                client.close()

    def _envelope(self, outgoing: Outgoing) -> str:
        server = self.server
        if not server.bounces:
            return server.sender
        return server.marks.envelope(server.bounces, outgoing.message_key)

    async def _connected(self) -> aiosmtplib.SMTP:
        while self._idle:
            since, client = self._idle.pop()
            if client.is_connected and time.monotonic() - since < FRESH_S:
                return client
            client.close()
        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_s,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
        )
        await client.connect()
        return client

    async def _quit(self) -> None:
        for _, client in self._idle:
            client.close()
        self._idle.clear()


async def _is_fit(client: aiosmtplib.SMTP) -> bool:
    """Whether a connection serves for the next mail after a refusal."""
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def compose(server: MailServer, outgoing: Outgoing, date: Callable[[], str] = formatdate) -> bytes:
    """The mail as it goes over the wire: both texts, our mark, and no answer asked of machines."""
    text, mail = outgoing.text, EmailMessage(policy=_POLICY)
    domain = server.sender.rpartition("@")[2]
    mail["From"] = formataddr((server.sender_name, server.sender))
    mail["To"] = outgoing.address
    mail["Subject"] = text.subject
    mail["Date"] = date()
    mail["Message-ID"] = f"<{server.marks.of(outgoing.message_key)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in outgoing.mail_headers.items():
        mail[name] = value
    mail.set_content(outgoing.body)
    if text.html:
        mail.add_alternative(outgoing.html, subtype="html")
    # After the contents, which would take it along into their first part.
    mail["Content-Language"] = text.language
    return mail.as_bytes()
