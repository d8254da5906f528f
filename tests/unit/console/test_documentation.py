"""What `docs/api.md` says of the API is all there is."""

from enum import StrEnum
from pathlib import Path

import pytest
from starlette.routing import Route

from console import bodies
from console.app import api
from outage import model, settings

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
STAFF = PAGE.partition("## Staff and machines")[2]


@pytest.mark.parametrize(
    "words",
    [
        model.Service,
        model.Kind,
        model.Status,
        model.Cause,
        model.CrewStatus,
        model.Reason,
        model.Confidence,
    ],
)
def test_every_word_is_listed(words: type[StrEnum]) -> None:
    assert [word for word in words if f"`{word}`" not in STAFF] == []


def test_every_address_is_listed() -> None:
    for route in api(settings.load({})):
        assert isinstance(route, Route)
        last = route.path.rpartition("/")[2] if "{id}/" in route.path else f"/api/v1{route.path}"
        assert f"{last}`" in STAFF, route.path


def test_every_field_of_a_body_is_listed() -> None:
    for kind in (
        bodies.DeclareBody,
        bodies.ReviseBody,
        bodies.UpdateBody,
        bodies.EtrBody,
        bodies.RestoreBody,
        bodies.MatchBody,
        bodies.AreaBody,
        bodies.StreetBody,
        bodies.ConfirmBody,
        bodies.StartBody,
        bodies.ReasonBody,
        bodies.MergeBody,
        bodies.SplitBody,
    ):
        names = [field.alias or name for name, field in kind.model_fields.items()]
        missing = [name for name in names if f"`{name}`" not in STAFF]
        assert missing == [], kind.__name__
