from dataclasses import replace
from pathlib import Path

from outage import settings
from workers import processes


def _settings(**environment: str) -> settings.Settings:
    return settings.load({"OUTAGE_HOME": "/srv/outage", **environment})


def test_every_process_has_the_name_of_its_command() -> None:
    names = [child.name for child in processes.children(_settings(), {})]

    assert names == [
        "valkey",
        "relay",
        "clock",
        "counter",
        "web",
        "worker-sms-urgent",
        "worker-sms",
        "worker-email",
        "page",
    ]


def test_a_redis_of_the_operators_own_needs_no_valkey() -> None:
    found = _settings(OUTAGE_REDIS_URL="redis://redis.example.org")

    assert "valkey" not in [child.name for child in processes.children(found, {})]


def test_the_simulator_runs_when_a_provider_is_said_to_be_there() -> None:
    found = replace(_settings(), twilio_base_url="http://127.0.0.1:8003", carrier_port=8003)
    elsewhere = replace(found, carrier_port=8004)

    assert "carrier" in [child.name for child in processes.children(found, {})]
    assert "carrier" not in [child.name for child in processes.children(elsewhere, {})]


def test_the_page_alone_is_told_no_secrets() -> None:
    given = {"OUTAGE_DATABASE_URL": "postgresql://", "OUTAGE_SECRET_KEY": "x" * 32}
    told = {child.name: child.environment for child in processes.children(_settings(), given)}

    assert {"OUTAGE_DATABASE_URL", "OUTAGE_SECRET_KEY"}.isdisjoint(told["page"])
    assert {"OUTAGE_DATABASE_URL", "OUTAGE_SECRET_KEY"} <= set(told["web"])


def test_page_and_counter_agree_on_a_key_and_all_on_the_bell() -> None:
    told = {child.name: child.environment for child in processes.children(_settings(), {})}

    assert {told[name]["OUTAGE_EDGE_KEY"] for name in told if name != "valkey"} == {
        told["page"]["OUTAGE_EDGE_KEY"]
    }
    assert len(told["page"]["OUTAGE_EDGE_KEY"]) >= 16
    bells = {told[name]["OUTAGE_REDIS_URL"] for name in told if name != "valkey"}
    assert bells == {"unix:///srv/outage/run/valkey.sock"}
    assert {told[name]["OUTAGE_HOME"] for name in told if name != "valkey"} == {
        str(Path("/srv/outage"))
    }
