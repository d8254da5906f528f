"""Which settings a process gets to see."""

from collections.abc import Mapping

# What `page` may know. A list of what is allowed, so that a secret somebody adds to the
# settings tomorrow stays out of the process that faces the public.
_PAGE = frozenset(
    {
        "OUTAGE_HOME",
        "OUTAGE_REDIS_URL",
        "OUTAGE_PUBLISH_URL",
        "OUTAGE_PUBLIC_URL",
        "OUTAGE_COUNTER_URL",
        "OUTAGE_EDGE_KEY",
        "OUTAGE_TRUSTED_PROXIES",
        "OUTAGE_HOST",
        "OUTAGE_PAGE_PORT",
        "OUTAGE_PAGE_STREAMS",
        "OUTAGE_PAGE_STREAMS_PER_ADDRESS",
        "OUTAGE_COUNTER_PORT",
    }
)


def for_page(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of `page`: no database, no secret key, no provider's credentials."""
    return {name: value for name, value in environment.items() if _page_may_see(name)}


def _page_may_see(name: str) -> bool:
    if name.startswith("OUTAGE_"):
        return name.removesuffix("_FILE") in _PAGE
    # libpq reads PGPASSWORD and its kin by itself; the SDKs of providers and buckets read theirs.
    return not name.startswith(("PG", "TWILIO_", "SENDGRID_", "AWS_"))
