"""What settings accept, what they refuse, and what they never show."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from outage.errors import SettingsError
from outage.settings import SendMode, Settings, load, variable

ROOT = Path(__file__).parents[3]
TWILIO = {
    "OUTAGE_TWILIO_ACCOUNT_SID": "AC-made-up",
    "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
    "OUTAGE_TWILIO_FROM": "+12025550100",
}


def problems(**given: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load({f"OUTAGE_{name}": value for name, value in given.items()})
    return caught.value.problems


def test_nothing_set_means_everything_embedded_and_nobody_texted(tmp_path: Path) -> None:
    settings = load({"OUTAGE_HOME": str(tmp_path), "PATH": "/bin"})
    assert settings.database == f"sqlite:///{tmp_path}/outage.db"
    assert settings.redis_url == ""
    assert settings.published == tmp_path / "published"
    assert settings.send is SendMode.SHADOW
    assert settings.counter == settings.hooks == "http://127.0.0.1:8002"


def test_home_defaults_to_a_folder_of_the_user() -> None:
    assert load({}).home == Path.home() / ".outage"


def test_an_empty_value_means_the_default() -> None:
    empty = load({variable(item): "" for item in fields(Settings)})
    assert empty == load({})


def test_every_problem_is_reported_at_once() -> None:
    found = problems(PAGE_PORT="eighty", SEND="loud", HOLD_S="-1", DATABASE_URL="mysql://db")
    assert len(found) == 4
    assert "OUTAGE_PAGE_PORT must be a whole number from 1 to 65535." in found
    assert "OUTAGE_SEND must be one of off, shadow, allowlist, live." in found


def test_a_misspelt_name_is_an_error_with_a_hint() -> None:
    assert problems(DATABSE_URL="x") == (
        "OUTAGE_DATABSE_URL is not a setting; did you mean OUTAGE_DATABASE_URL?",
    )
    assert problems(ZZZ="1") == ("OUTAGE_ZZZ is not a setting; see docs/settings.md.",)


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("made-up-key-of-some-length-0123456789\n")
    settings = load({"OUTAGE_SECRET_KEY_FILE": str(secret)})
    assert settings.secret_key == "made-up-key-of-some-length-0123456789"


def test_a_missing_file_and_two_sources_are_errors(tmp_path: Path) -> None:
    (missing,) = problems(SECRET_KEY_FILE=str(tmp_path / "none"))
    assert missing.startswith("OUTAGE_SECRET_KEY cannot be read from ")
    (both,) = problems(HOLD_S="1", HOLD_S_FILE=str(tmp_path / "none"))
    assert both == "OUTAGE_HOLD_S and OUTAGE_HOLD_S_FILE are both set; keep one of them."


def test_a_simulator_address_must_be_on_this_machine() -> None:
    assert load({"OUTAGE_TWILIO_BASE_URL": "http://127.0.0.1:8003/"}).twilio_base_url
    (found,) = problems(TWILIO_BASE_URL="http://carrier.example.org")
    assert "must be on this machine" in found


def test_made_up_numbers_need_a_provider_on_this_machine() -> None:
    (found,) = problems(TEST_NUMBERS="yes")
    assert found.startswith("OUTAGE_TEST_NUMBERS needs the carrier simulator")
    both = {"OUTAGE_TEST_NUMBERS": "yes", "OUTAGE_TWILIO_BASE_URL": "http://localhost:1"}
    assert load(both).test_numbers


def test_sending_without_a_provider_or_a_list_is_refused() -> None:
    assert "there is no provider" in problems(SEND="live")[0]
    assert "names nobody" in problems(SEND="allowlist")[0]
    assert load({"OUTAGE_SEND": "live", **TWILIO}).send is SendMode.LIVE


def test_half_a_provider_is_refused() -> None:
    assert len(problems(TWILIO_ACCOUNT_SID="AC-made-up")) == 2
    assert len(problems(SENDGRID_API_KEY="SG.made-up-key")) == 1
    assert len(problems(TWILIO_2_ACCOUNT_SID="AC-made-up")) == 2
    assert len(problems(SENDGRID_2_API_KEY="SG.made-up-key")) == 1
    assert len(problems(SMTP_HOST="mail.example.org")) == 2


def test_a_mail_server_alone_can_send_and_a_third_provider_is_one_too_many() -> None:
    mail = {
        "OUTAGE_SMTP_HOST": "mail.example.org",
        "OUTAGE_SMTP_FROM": "outages@example.org",
        "OUTAGE_SECRET_KEY": "made-up-key-of-some-length-0123456789",
    }
    assert load({"OUTAGE_SEND": "live", **mail}).smtp_port == 587
    for number in ("", "_2"):
        mail[f"OUTAGE_SENDGRID{number}_API_KEY"] = "SG.made-up-key"
        mail[f"OUTAGE_SENDGRID{number}_FROM"] = "outages@example.org"
    with pytest.raises(SettingsError) as refusal:
        load(mail)
    assert "three providers" in refusal.value.problems[0]


@pytest.mark.parametrize("given", ["made-up", "whsec_", "whsec_!", "whsec_c2hvcnQ="])
def test_a_webhook_secret_has_the_standards_form(given: str) -> None:
    assert problems(WEBHOOK_SECRET=given)[0].startswith("OUTAGE_WEBHOOK_SECRET must be whsec_")


def test_two_listeners_on_one_port_are_refused() -> None:
    assert "must all differ" in problems(PAGE_PORT="8001")[0]


def test_proxies_are_addresses_or_networks() -> None:
    settings = load({"OUTAGE_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1"})
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert "holds proxy" in problems(TRUSTED_PROXIES="proxy")[0]


def test_quiet_hours_are_two_times_of_day_or_none() -> None:
    assert load({"OUTAGE_QUIET_HOURS": "22:30-7:00"}).quiet_hours == (22 * 60 + 30, 7 * 60)
    assert load({"OUTAGE_QUIET_HOURS": "none"}).quiet_hours is None
    for wrong in ("22-7", "25:00-07:00", "22:00", "22:00-07:60"):
        with pytest.raises(SettingsError, match=r"OUTAGE_QUIET_HOURS must be two times of day"):
            load({"OUTAGE_QUIET_HOURS": wrong})


def test_no_secret_is_ever_shown() -> None:
    given = {
        variable(item): "made-up-secret-value-of-good-length"
        for item in fields(Settings)
        if item.metadata["secret"] and "URL" not in variable(item)
    }
    given["OUTAGE_DATABASE_URL"] = "postgresql://u:made-up-secret@db.example.org/x"
    given["OUTAGE_REDIS_URL"] = "redis://:made-up-secret@db.example.org/0"
    signs = ("OUTAGE_WEBHOOK_SECRET", "OUTAGE_CIS_SECRET")
    given |= dict.fromkeys(signs, "whsec_bWFkZS11cC1zZWNyZXQtMDEyMzQ1Njc4OQ==")
    senders = ("OUTAGE_SENDGRID_FROM", "OUTAGE_SENDGRID_2_FROM")
    settings = load(given | dict.fromkeys(senders, "alerts@example.org"))
    shown = settings.describe()
    assert set(shown) == {variable(item) for item in fields(Settings)}
    assert "made-up-secret" not in f"{shown} {settings!r}"
    assert "whsec_" not in f"{shown} {settings!r}"
    assert shown["OUTAGE_EDGE_KEY"] == "set"


def test_a_problem_never_repeats_a_secret() -> None:
    found = problems(SECRET_KEY="made-up", DATABASE_URL="oracle://u:made-up@db.example.org")
    assert "made-up" not in " ".join(found)


def test_every_setting_is_documented() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "settings_table.py", "--check"], check=True)


def test_a_publication_is_a_folder_or_a_bucket_and_its_address_holds_no_key() -> None:
    folder = load({"OUTAGE_PUBLISH_URL": "file:///srv/page"})
    assert (str(folder.published), folder.is_bucket) == ("/srv/page", False)
    url = "s3://page/a?endpoint=https://s3.example.org&region=ca-west-1"
    bucket = load({"OUTAGE_PUBLISH_URL": url, "OUTAGE_HOME": "/srv/home"})
    assert (str(bucket.published), bucket.is_bucket) == ("/srv/home/published", True)
    assert load({"OUTAGE_PUBLISH_SECRET": "hush"}).describe()["OUTAGE_PUBLISH_SECRET"] == "set"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", "must be a URL"),
        ("s3:///page", "must name the bucket"),
        ("s3://key:secret@page", "must hold no key"),
        ("s3://page?secret=x", "asks for secret"),
        ("s3://page?endpoint=ftp://x", "must be a URL that begins with http"),
        ("ftp://page", "must be a URL that begins with file:// or s3://"),
    ],
)
def test_an_address_of_a_publication_that_cannot_be_used_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load({"OUTAGE_PUBLISH_URL": url})
