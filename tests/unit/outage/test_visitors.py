import ipaddress
import tracemalloc

import pytest

from outage import visitors

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("192.0.2.9"))


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.1", "198.51.100.7"),
        ("10.1.2.3", "203.0.113.1", "203.0.113.1"),
        ("10.1.2.3", "8.8.8.8, 203.0.113.1", "203.0.113.1"),
        ("10.1.2.3", "203.0.113.1, 192.0.2.9", "203.0.113.1"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("somewhere", "203.0.113.1", "somewhere"),
    ],
)
def test_only_a_trusted_proxy_says_whom_it_speaks_for(peer: str, said: str, found: str) -> None:
    assert visitors.address(peer, said, PROXIES) == found


@pytest.mark.parametrize("before", ["8.8.8.8, ", "1", ",", "10.0.0.1,"])
def test_of_a_chain_of_megabytes_only_the_end_is_looked_at(before: str) -> None:
    long = before * (4_000_000 // len(before))
    assert visitors.address("10.1.2.3", f"{long}, 203.0.113.1", PROXIES) == "203.0.113.1"
    tracemalloc.start()
    visitors.address("10.1.2.3", long, PROXIES)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100 * visitors.LONGEST_CHAIN


def test_an_address_that_is_cut_through_is_nobodys() -> None:
    end = "203.0.113.1" + ", 10.0.0.1" * (visitors.LONGEST_CHAIN // len(", 10.0.0.1"))
    for cut in range(1, 20):
        said = visitors.address("10.1.2.3", "9" * cut + end, PROXIES)
        assert said in {"10.0.0.1", "9" * cut + "203.0.113.1"}


def test_a_signed_address_is_read_with_its_key_and_soon() -> None:
    value = visitors.signed("2001:db8::1", "key", 1000.0)
    assert visitors.read(value, "key", 1030.0) == "2001:db8::1"
    assert visitors.read(value, "other", 1030.0) is None
    assert visitors.read(value, "", 1030.0) is None
    assert visitors.read(value, "key", 1200.0) is None
    assert visitors.read(value.replace("db8", "db9"), "key", 1000.0) is None


@pytest.mark.parametrize("value", ["", " ", "a b c", "1.2.3.4 ² x", "1.2.3.4 " + "9" * 40 + " x"])
def test_anything_else_is_nobody(value: str) -> None:
    assert visitors.read(value, "key", 0.0) is None
