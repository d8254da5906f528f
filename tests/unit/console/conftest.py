from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from console.app import create_app
from outage import settings, tokens
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.rights import Role
from outage.site import Site
from tests.unit.outage.town import settle

SQUARE = [[-98.0, 29.0], [-97.9, 29.0], [-97.9, 29.1], [-98.0, 29.1], [-98.0, 29.0]]
POLYGON: dict[str, Any] = {"type": "Polygon", "coordinates": [SQUARE]}
NEW = {"service": "electric", "cause": "tree", "place": "Elm Street", "shape": POLYGON}
Client = Callable[[Role], TestClient]


@pytest.fixture
def town(database: Database) -> Database:
    """Eight premises, the first five of them inside the square."""
    settle(database, 8)
    with database.write() as conn:
        premises = t.premises.c
        for key in range(1, 9):
            place = {"longitude": -97.95, "latitude": 29.05 if key <= 5 else 29.5}
            conn.execute(t.premises.update().where(premises.key == key).values(**place))
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=EPOCH, premises=8, unplaced=0, digest="x"
            )
        )
    return database


@pytest.fixture
def client(town: Database) -> Client:
    """A client with a token of the role."""
    return clients(town)


@pytest.fixture
def town_client(database: Database) -> Client:
    """The same, where the test itself says what the town is."""
    return clients(database)


def clients(db: Database) -> Client:
    app = create_app(db, settings.load({}), Site.neutral())

    def make(role: Role) -> TestClient:
        with db.write() as conn:
            words, _ = tokens.make(conn, role=role, name=f"a-{role}")
        return TestClient(
            app, headers={"Authorization": f"Bearer {words}"}, raise_server_exceptions=False
        )

    return make
