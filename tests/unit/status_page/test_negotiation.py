import pytest

from status_page.negotiation import twins_for


@pytest.mark.parametrize(
    ("header", "twins"),
    [
        ("", ()),
        ("identity", ()),
        ("gzip", (".gz",)),
        ("x-gzip", (".gz",)),
        ("GZIP", (".gz",)),
        ("gzip, deflate, br, zstd", (".br", ".zst", ".gz")),
        ("gzip;q=1.0, br;q=0.5", (".gz", ".br")),
        ("br;q=0.5,zstd;q=0.8,gzip;q=0.8", (".zst", ".gz", ".br")),
        ("gzip;q=0", ()),
        ("gzip; q=0.000, br", (".br",)),
        ("*", (".br", ".zst", ".gz")),
        ("*;q=0", ()),
        ("br;q=0, *", (".zst", ".gz")),
        ("identity;q=1, gzip;q=0.5", ()),
        ("identity;q=0.5, gzip", (".gz",)),
        ("gzip;q=nan", ()),
        ("gzip;q=inf", ()),
        ("gzip;q=-1", ()),
        ("gzip;q=x, br", (".br",)),
        (",;=,;q,", ()),
        ("gzip" + "," * 252, (".gz",)),
        ("gzip" + "," * 253, ()),
    ],
)
def test_a_client_is_sent_what_it_likes_best(header: str, twins: tuple[str, ...]) -> None:
    assert twins_for(header) == twins
