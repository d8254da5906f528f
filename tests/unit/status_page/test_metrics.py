"""Figures for Prometheus, and the alerts that are made of them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from starlette.testclient import TestClient

from status_page.app import create_app
from tests.unit.status_page.storm import Publication, outage, sample, status

RULES = Path(__file__).parents[3] / "status_page" / "alert-rules.yml"
PROMTOOL = shutil.which("promtool")


def metrics(folder: Path) -> str:
    with TestClient(create_app(folder), client=("127.0.0.1", 1)) as client:
        return client.get("/metrics").text


def figures(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def names_in(expression: str) -> set[str]:
    """Parse an expression as Prometheus does; return the metrics it asks for."""
    found: set[str] = set()

    def visit(part: promql_parser.Expr) -> bool:
        if isinstance(part, promql_parser.MatrixSelector):
            part = part.vector_selector
        if isinstance(part, promql_parser.VectorSelector):
            found.add(str(part.name))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def test_what_is_published_is_told_to_who_watches(tmp_path: Path) -> None:
    assert figures(metrics(tmp_path))["outage_page_checked_timestamp_seconds"] == 0
    pointer = Publication(tmp_path).publish(status(*sample(), outage(16), drill=True)).pointer
    told = figures(metrics(tmp_path))
    assert told["outage_page_outages"] == pointer.counts["outages"]
    assert told["outage_page_listed"] == 16
    assert told["outage_page_as_of_timestamp_seconds"] == pointer.as_of.timestamp()
    assert told["outage_page_drill"] == 1


def test_each_figure_has_a_name_a_kind_and_a_sentence(tmp_path: Path) -> None:
    text = metrics(tmp_path)
    names = {re.split("[{ ]", name)[0] for name in figures(text)}
    for name in names:
        assert re.search(rf"^# HELP {name} [A-Z1].*\.$", text, re.MULTILINE)
        kind = re.search(rf"^# TYPE {name} (gauge|counter)$", text, re.MULTILINE)
        assert kind is not None
        assert name.endswith("_total") == (kind[1] == "counter")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_can_be_read_and_asks_for_what_there_is(
    rule: dict[str, Any], tmp_path: Path
) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith((".", "?"))
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    known = {re.split("[{ ]", name)[0] for name in figures(metrics(tmp_path))} | {"up"}
    assert names_in(rule["expr"]) <= known


def test_a_spoilt_expression_would_be_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("rate(outage_page_streams) > > 1")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    subprocess.run([PROMTOOL, "check", "rules", str(RULES)], check=True, capture_output=True)
    text = metrics(tmp_path)
    subprocess.run([PROMTOOL, "check", "metrics"], input=text, text=True, check=True)
