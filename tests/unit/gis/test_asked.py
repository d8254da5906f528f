"""What people write to say where, as values."""

import pytest

from gis import asked
from gis.errors import AreaUnreadable, ListTooBig, ListUnreadable
from outage import where as w


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("P1\nP2\n", ["P1", "P2"]),
        ("P1, P2;P3\tP4  P5\r\nP6", ["P1", "P2", "P3", "P4", "P5", "P6"]),
        ("\ufeffpremise_id\nP1\n", ["P1"]),
        ("name,Premise_ID,x\nAnn,P1,2\n\nBob,P 2,3\nshort\n", ["P1", "P 2"]),
        ('x;"account_id"\n1;A1\n2;\n', ["A1"]),
        ("meter\tx\nM1\t2\n", ["M1"]),
        ("", []),
    ],
)
def test_a_list_is_a_column_of_a_csv_or_all_its_words(text: str, ids: list[str]) -> None:
    assert list(asked.ids(text.encode(), file="x", max_bytes=100)) == ids


def test_a_list_that_is_no_text_or_too_big_is_refused_by_its_name() -> None:
    with pytest.raises(ListUnreadable, match=r"list\.xlsx is not UTF-8"):
        asked.ids(b"PK\xff\x00", file="list.xlsx", max_bytes=100)
    with pytest.raises(ListTooBig, match=r"list\.txt has more than 3 bytes"):
        asked.ids(b"P1\nP2", file="list.txt", max_bytes=3)


def test_devices_are_written_with_commas_or_one_by_one() -> None:
    assert asked.devices([" circuit:F1 ,T2", "/SUB1/F2/", ""]).paths == (
        "circuit:F1",
        "T2",
        "SUB1/F2",
    )


def test_an_area_is_written_with_its_kind_or_without() -> None:
    assert asked.area("postal_code: V5K") == asked.Area(kind=w.AreaKind.POSTAL_CODE, name="V5K")
    assert asked.area(" Dry Lake") == asked.Area(name="Dry Lake")
    with pytest.raises(AreaUnreadable, match="'zip' is no kind of area; write one of county, city"):
        asked.area("zip:V5K")
