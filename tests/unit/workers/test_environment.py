from workers.environment import for_page


def test_the_public_page_gets_no_database_no_secret_and_no_provider() -> None:
    everything = {
        "PATH": "/bin",
        "OUTAGE_HOME": "/home",
        "OUTAGE_REDIS_URL": "unix:///bell",
        "OUTAGE_EDGE_KEY_FILE": "/edge",
        "OUTAGE_DATABASE_URL": "postgresql://",
        "OUTAGE_DATABASE_URL_FILE": "/database",
        "OUTAGE_SECRET_KEY": "secret",
        "OUTAGE_SECRET_KEY_FILE": "/secret",
        "OUTAGE_TWILIO_AUTH_TOKEN": "token",
        "OUTAGE_SENDGRID_API_KEY_FILE": "/key",
        "PGPASSWORD": "word",
        "TWILIO_AUTH_TOKEN": "token",
        "OUTAGE_PUBLISH_SECRET": "key",
        "AWS_SECRET_ACCESS_KEY": "key",
    }

    assert for_page(everything) == {
        "PATH": "/bin",
        "OUTAGE_HOME": "/home",
        "OUTAGE_REDIS_URL": "unix:///bell",
        "OUTAGE_EDGE_KEY_FILE": "/edge",
    }


def test_a_setting_nobody_has_thought_of_yet_stays_out_of_the_public_page() -> None:
    assert for_page({"OUTAGE_SOME_NEW_SECRET": "x"}) == {}
