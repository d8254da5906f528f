"""Ten thousand texts that nobody wrote: nothing breaks, nobody is stopped, nobody in danger is
passed over.

What must come of a text is said by its making, in the words of this file alone.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.inbound import InboundText, accept
from notifier.replies import applying
from outage import schema
from outage import tables as t
from outage.database import Database, open_database
from outage.endpoints import normalise_phone
from outage.settings import Settings
from outage.site import REGION
from tests.integration.notifier.talk import SITE, Talk
from tests.integration.notifier.world import World

TEXTS = 10_000
TABLE = Path(__file__).parents[2] / "unit/notifier/replies/inbound_texts.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()]
MAY_STOP = {"stop", "wrong"}
DANGERS = [(text, meant.endswith("stop")) for meant, _, text in ROWS if meant.startswith("danger")]
HARMLESS = [text for meant, _, text in ROWS if meant.split()[-1] not in MAY_STOP]
# Whatever holds none of these, in no language, can be no wish to end texts.
SIGNS_OF_STOP = re.compile(
    "stop|unsub|cancel|end|quit|revok|opt|remov|delet|no more|leave|list|want|wish|text|contact"
    "|alone|cease|desist|off|lose|wrong|number|person|account|live|customer|this|send|spam|messag"
    "|alto|par|baj|detene|bast|cancela|termin|fin|más|mas|dej|quit|elimin|borr|paz|equivoc|ya|ahí"
    "|numero|número|arr|désabo|desabo|annul|résil|resil|assez|plus|cess|retir|lais|mauvais|faux"
    "|erreur|ecri|envo|tromp|停|退|取消|不|别|別|删|刪|错|錯|ਬੰਦ|ਰੋਕ|ਸਟਾਪ|ਨਾ|ਨਹੀਂ|ਗਲਤ|ਗ਼ਲਤ|ਰੌਂਗ|not|never|dont|don",
    re.IGNORECASE,
)
AREAS = sorted(
    number
    for number in range(201, 990)
    if normalise_phone(f"+1{number}5550100", region=REGION) is not None
)[: TEXTS // 100]
NOISE = [
    "the", "a", "crew", "street", "house", "please", "thank", "very", "cold", "kids", "fridge",
    "luz", "agua", "casa", "frío", "el", "la", "maison", "froid", "le", "电", "家", "冷", "ਘਰ",
    "ਠੰਢ", "12", "4020", "77002", "V5K", "0A1", "9pm", "!!!", "?", "...", "😀", "👍", "—", "“", "”",
    "\u200b", "\u202e", "\x00", "\t", "\n", "É", "ñ", "ß", "İ", "\ufb01", "\u2460", "\uff12",
    "a" * 70, "http://example.org/?q=1", "<b>", "'; DROP TABLE replies;--", "{{ name }}", "%s",
    "\\", "\ud83d",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    text: str
    danger: bool = False
    may_stop: bool = False


def made(chance: random.Random) -> Made:
    kind = chance.randrange(6)
    if kind == 0:
        noise = [chance.choice(NOISE) for _ in range(chance.randrange(4))]
        text, stops = chance.choice(DANGERS)
        words = [*noise, text, *(chance.choice(NOISE[:40]) for _ in range(3))]
        return Made(text=" ".join(words), danger=True, may_stop=stops)
    if kind == 1:
        text = "".join(chr(chance.choice(RANGES[chance.randrange(len(RANGES))])) for _ in range(40))
    elif kind == 2:
        text = " ".join(chance.choice(NOISE) for _ in range(chance.randrange(1, 25)))
    elif kind == 3:
        text = mangled(chance, chance.choice(HARMLESS))
    elif kind == 4:
        text = " ".join((chance.choice(HARMLESS), chance.choice(HARMLESS)))
    else:
        text = chance.choice(ROWS)[2]
        return Made(text=text, may_stop=True)
    return Made(text=text, may_stop=bool(SIGNS_OF_STOP.search(text)))


RANGES = [range(1, 128), range(160, 0x250), range(0x4E00, 0x4F00), range(0xA00, 0xA80),
          range(0x1F300, 0x1F400), range(0x2000, 0x2100)]  # fmt: skip


def mangled(chance: random.Random, text: str) -> str:
    """Typed with one thumb: letters doubled, left out, in other cases."""
    letters = []
    for letter in text:
        what = chance.randrange(20)
        letters.append({0: letter * 2, 1: "", 2: letter.upper(), 3: letter + " "}.get(what, letter))
    return "".join(letters)


@pytest.fixture
def talk(sqlite_url: str, settings: Settings) -> Iterator[Talk]:
    database: Database = open_database(sqlite_url)
    schema.upgrade(database)
    world = World(database, settings)
    for number in range(100):
        world.account(f"A{number}", [f"P{number}"], f"+1303555{100 + number:04}")
    yield Talk(world)
    database.close()


def apply_all(talk: Talk) -> None:
    """Apply what came in, many in one transaction: committing each takes most of the time."""
    terms, r = talk.inbox.terms, t.replies
    for start in range(0, TEXTS, 200):
        with talk.world.db.write() as conn:
            rows = conn.execute(r.select().order_by(r.c.key).offset(start).limit(200)).all()
            for row in rows:
                applying.apply(conn, row, terms)


def test_the_table_goes_the_whole_way_nobody_wrongly_stopped_no_danger_passed_over(
    talk: Talk,
) -> None:
    numbers = [f"+1{area}555{line:04}" for area in AREAS for line in range(100, 200)]
    some = [
        InboundText(provider="twilio", provider_id=f"SM{at}", address=numbers[at], body=text)
        for at, (_, _, text) in enumerate(ROWS)
    ]
    assert accept(talk.world.db, some) == len(ROWS)
    assert talk.inbox.drain() == len(ROWS)
    with talk.world.db.read() as conn:
        rows = conn.execute(t.replies.select().order_by(t.replies.c.key)).all()
        e, a = t.endpoints.c, t.answers.c
        is_over = sa.or_(e.opted_out_at.is_not(None), e.invalid_at.is_not(None))
        ended = set(conn.execute(sa.select(e.address).where(is_over)).scalars())
        owed = conn.execute(sa.select(a.reply_key, a.role).where(a.state == "pending")).all()
    answered = {row.reply_key for row in owed if row.role == "answer"}
    paged = Counter(row.reply_key for row in owed if row.role == "page")
    assert [row.body for row in rows if row.reason == "failed" or row.applied_at is None] == []
    assert [row.body for row in rows if row.key not in answered and not row.for_staff] == []
    # What the table says, and nobody else.
    meant = {
        number
        for number, (said, _, _) in zip(numbers, ROWS, strict=False)
        if said.split()[-1] in MAY_STOP
    }
    assert ended == meant
    both = len(SITE.on_call) * 2
    assert [paged[row.key] for row in rows] == [
        both if said.startswith("danger") else 0 for said, _, _ in ROWS
    ]


@pytest.mark.timeout(900)
def test_ten_thousand_texts_break_nothing_stop_nobody_and_page_every_danger(talk: Talk) -> None:
    chance = random.Random(20261127)
    texts = [made(chance) for _ in range(TEXTS)]
    # From numbers on record and others: a number for each, so that none is taken for a machine.
    numbers = [f"+1{area}555{line:04}" for area in AREAS for line in range(100, 200)]
    assert len(numbers) == TEXTS
    for start in range(0, TEXTS, 500):
        some = [
            InboundText(
                provider="twilio",
                provider_id=f"SM{start + at}",
                address=numbers[(start + at) % len(numbers)],
                body=one.text,
            )
            for at, one in enumerate(texts[start : start + 500])
        ]
        assert accept(talk.world.db, some) == len(some)
    apply_all(talk)
    with talk.world.db.read() as conn:
        rows = conn.execute(t.replies.select().order_by(t.replies.c.key)).all()
        a = t.answers.c
        answered = set(
            conn.execute(
                sa.select(a.reply_key).where(a.role == "answer", a.state == "pending")
            ).scalars()
        )
        paged = Counter(conn.execute(sa.select(a.reply_key).where(a.role == "page")).scalars())
    assert [row for row in rows if row.applied_at is None or row.reason == "failed"] == []
    assert [row.body for row in rows if row.key not in answered and not row.for_staff] == []
    in_danger = [row for row, one in zip(rows, texts, strict=True) if one.danger]
    assert len(in_danger) > TEXTS / 10
    assert [row.body for row in in_danger if row.intent != "danger"] == []
    assert {paged[row.key] for row in in_danger} == {len(SITE.on_call) * 2}
    wrongly = [
        row.body
        for row, one in zip(rows, texts, strict=True)
        if (row.intent in MAY_STOP or "opted_out" in row.outcome) and not one.may_stop
    ]
    assert wrongly == []
