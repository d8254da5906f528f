"""A mail server made of a script: it answers what the test says and keeps what it was given."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 2.0.0 taken"


@dataclass(frozen=True, slots=True)
class Mail:
    envelope_from: str
    to: str
    body: bytes


@dataclass(slots=True)
class MailServerScript:
    """``rcpt`` answers a recipient, ``data`` a mail; either may wait by returning a delay first."""

    rcpt: Callable[[str], str] = lambda _address: OK
    data: Callable[[str], str] = lambda _address: OK
    delay_s: Callable[[str], float] = lambda _address: 0.0
    hang_up: Callable[[str], bool] = lambda _address: False
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0


@contextmanager
def receiving(script: MailServerScript) -> Iterator[MailServerScript]:
    class Handler:
        async def handle_RCPT(  # noqa: N802  # aiosmtpd's names
            self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _more: object
        ) -> str:
            answer = script.rcpt(address)
            if answer.startswith("250"):
                envelope.rcpt_tos.append(address)
            return answer

        async def handle_DATA(  # noqa: N802  # aiosmtpd's names
            self, server: SMTP, _session: Session, envelope: Envelope
        ) -> str:
            (address,) = envelope.rcpt_tos
            await asyncio.sleep(script.delay_s(address))
            answer = script.data(address)
            if answer.startswith("250"):
                content = envelope.content
                assert isinstance(content, bytes)
                script.mails.append(Mail(envelope.mail_from or "", address, content))
            if script.hang_up(address):
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
            return answer

    loop = asyncio.new_event_loop()

    def connected() -> SMTP:
        script.connections += 1
        return SMTP(Handler(), loop=loop, hostname="mail.example.org")

    server = loop.run_until_complete(loop.create_server(connected, "127.0.0.1", 0))
    script.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield script
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
