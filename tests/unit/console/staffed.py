"""The console with somebody signed in to it, for tests of its pages."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pyotp
from starlette.testclient import TestClient

from console.access import COOKIE
from console.app import create_app
from outage import sessions, settings, staff
from outage.database import Database
from outage.rights import Role
from outage.site import Site
from outage.staff import Member

PASSWORD = "four words that differ"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The console on a database, and browsers at it."""

    db: Database
    app: Any

    @classmethod
    def of(cls, db: Database) -> "Desk":
        return cls(db=db, app=create_app(db, settings.load({}), Site.neutral()))

    def browser(self, cookie: str = "") -> TestClient:
        """Cookies of ours are for https alone, as in a real browser."""
        return TestClient(
            self.app,
            base_url="https://testserver",
            cookies={COOKIE: cookie} if cookie else None,
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def member(self, name: str, role: Role) -> tuple[Member, str]:
        with self.db.write() as conn:
            return staff.add(conn, name=name, role=role)

    def session(self, member: Member) -> str:
        with self.db.write() as conn:
            return sessions.begin(conn, member, "")

    def arrive(self, name: str, role: Role) -> tuple[TestClient, str]:
        """Use a new link as a person does; return their browser and authenticator's secret."""
        _, words = self.member(name, role)
        browser = self.browser()
        shown = browser.get(f"/welcome/{words}")
        found = re.search(r'class="secret">([A-Z2-7 ]+)<', shown.text)
        assert found, shown.text
        secret = found[1].replace(" ", "")
        answer = browser.post(
            f"/welcome/{words}",
            data={
                "password": PASSWORD,
                "password_again": PASSWORD,
                "code": pyotp.TOTP(secret).now(),
            },
        )
        assert answer.status_code == HTTPStatus.OK, answer.text
        assert len(re.findall(r"<li>[A-Z2-9]{4}-", answer.text)) == 10
        return browser, secret


def csrf(browser: TestClient) -> dict[str, str]:
    """The token that forms of a browser's session carry."""
    return {"csrf": sessions.csrf(browser.cookies[COOKIE])}
