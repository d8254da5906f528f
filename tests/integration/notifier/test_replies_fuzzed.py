"""Ten thousand texts that nobody wrote: nothing breaks, nobody is stopped who did not ask for it,
whoever asks is, and nobody in danger is passed over.

A text is put together from parts whose meaning is known: rows of the table, each labelled by hand,
what we send ourselves, and noise. So each text knows what must come of it and what must not.
`-s` shows the figures.
"""

import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.inbound import InboundText, accept
from notifier.replies import applying
from notifier.replies.lexicon import LANGUAGES
from notifier.replies.plain import plain
from notifier.replies.saying import say, texts
from outage import tables as t
from outage.endpoints import normalise_phone
from outage.settings import Settings
from outage.site import REGION
from tests.integration.notifier.talk import SITE, Talk
from tests.integration.notifier.world import START, World
from tests.migrated import migrated
from tests.unit.notifier.replies.test_saying import LONGEST

TEXTS = 10_000
AT_ONCE = 200
TABLE = Path(__file__).parents[2] / "unit/notifier/replies/inbound_texts.tsv"
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()]
ENDS = {"stop", "wrong"}
"""What ends texts to a number, and nothing else does; the last word of a label."""


HAN = re.compile("[\u3400-\u9fff]")
QUOTED = re.compile("[“”]")
NEGATION = re.compile("[不别抱歉叫他让ਨਾ]")
"""Letters that are a word or half of one, without which a sentence says the other thing: no error
is made in one. A word of several letters may be misspelt, whatever it turns round.
"""


def rows(*labels: str) -> list[str]:
    return [text for said, _, text in ROWS if said.split()[0] in labels]


STOPS = rows("stop")
WRONG = rows("wrong")
DANGERS = [
    (text, said.endswith("stop"))
    for said, _, text in ROWS
    # Noise may hold quotation marks too; beside anything else this number may be a house's.
    if said.startswith("danger") and not QUOTED.search(text) and text != "112"
]
STARTS = rows("start")
RESTARTS = {"resume", "restart", "reanudar", "activar"}
STOP_BESIDE = [text for text in STOPS if "Example L&W" not in text]
"""Asked back at least, whatever else is said; what stands behind our name may be ours."""
HARMLESS = [
    text
    for said, _, text in ROWS
    if not said.startswith("danger") and said not in ENDS and said != "start"
]
"""Also what may sound like STOP and is asked back: in no company does it become one."""
UNQUOTED = [text for text in HARMLESS if "Example L&W" not in text]
OURS = [
    say(name, language, SITE, LONGEST).body for language in LANGUAGES for name in texts("en").say
]
REACTIONS = (
    "Liked “{}”",
    "Loved “{}”",
    "Emphasized “{}”",
    "Questioned “{}”",
    "Removed a heart from “{}”",
)
HERE = [
    number
    for number in range(201, 990)
    if normalise_phone(f"+1{number}5550100", region=REGION) is not None
]
NUMBERS = [f"+1{area}555{line:04}" for area in HERE[: TEXTS // 100] for line in range(100, 200)]
NOISE = [
    "the", "a", "crew", "street", "house", "please", "thank", "very", "cold", "kids", "fridge",
    "luz", "agua", "casa", "frío", "el", "la", "maison", "froid", "le", "电", "家", "冷", "ਘਰ",
    "ਠੰਢ", "12", "4020", "77002", "V5K", "0A1", "9pm", "!!!", "?", "...", "😀", "👍", "—", "“", "”",
    "\u200b", "\u202e", "\x00", "\t", "\n", "É", "ñ", "ß", "İ", "\ufb01", "\u2460", "\uff12",
    "a" * 70, "http://example.org/?q=1", "<b>", "'; DROP TABLE replies;--", "{{ name }}", "%s",
    "\\", "\ud83d",
]  # fmt: skip
MARKS = ["", "!", "!!!", ".", " 😀", " 👍", "\n", "  ", "\u200b"]
RANGES = [range(1, 128), range(160, 0x250), range(0x4E00, 0x4F00), range(0xA00, 0xA80),
          range(0x1F300, 0x1F400), range(0x2000, 0x2100)]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A text, and what must come of it. Texts to a number end only where they ``may``."""

    text: str
    must_page: bool = False
    must_end: bool = False
    must_be_heard: bool = False
    """As STOP: it ends texts or is asked back, and is taken for nothing else."""
    may_end: bool = False
    starts: bool = False
    """Whoever has stopped our texts gets them again; by nothing else."""
    only_quotes: bool = False
    """Nothing in it is the writer's own: neither a page nor an end."""


def noise(chance: random.Random, most: int) -> str:
    return " ".join(chance.choice(NOISE) for _ in range(chance.randrange(most + 1)))


def misspelt(chance: random.Random, text: str, most: int = 0) -> str:
    """Typed with one thumb: a few letters doubled, left out, parted, or in another case."""
    letters = list(text)
    free = [at for at, letter in enumerate(letters) if not NEGATION.match(letter)]
    for at in chance.sample(free, min(len(free), most or chance.randrange(1, 4))):
        letter = letters[at]
        # A letter of Chinese is a word: who leaves it out says something else.
        left_out = letter if HAN.match(letter) else ""
        letters[at] = chance.choice([letter * 2, left_out, letter.swapcase(), letter + " "])
    return "".join(letters)


def dressed(chance: random.Random, text: str) -> str:
    """The same words in another case and between other marks."""
    text = chance.choice([text, text.upper(), text.lower(), text.capitalize()])
    return f"{chance.choice(MARKS)}{text}{chance.choice(MARKS)}"


def a_stop(chance: random.Random) -> Made:
    return Made(text=dressed(chance, chance.choice(STOPS)), must_end=True, may_end=True)


def a_wrong_number(chance: random.Random) -> Made:
    return Made(text=dressed(chance, chance.choice(WRONG)), must_end=True, may_end=True)


def a_misspelt_stop(chance: random.Random) -> Made:
    return Made(text=misspelt(chance, chance.choice(STOPS + WRONG)), may_end=True)


def a_stop_with_one_error(chance: random.Random) -> Made:
    return Made(text=misspelt(chance, chance.choice(STOPS), most=1), may_end=True)


def a_stop_and_more(chance: random.Random) -> Made:
    parts = [chance.choice(STOPS + WRONG), chance.choice(HARMLESS)]
    chance.shuffle(parts)
    return Made(text=" ".join(parts), may_end=True)


def a_stop_in_a_sentence_of_its_own(chance: random.Random) -> Made:
    parts = [chance.choice(STOP_BESIDE), chance.choice(UNQUOTED)]
    chance.shuffle(parts)
    return Made(text=chance.choice([". ", "\n"]).join(parts), may_end=True, must_be_heard=True)


def a_danger(chance: random.Random) -> Made:
    text, ends = chance.choice(DANGERS)
    around = f"{noise(chance, 3)} {text} {noise(chance, 3)}"
    return Made(text=around, must_page=True, may_end=ends)


def a_danger_and_more(chance: random.Random) -> Made:
    text, ends = chance.choice(DANGERS)
    more = chance.choice([*HARMLESS, *STOPS])
    parts = [text, more]
    chance.shuffle(parts)
    may_end = ends or more in STOPS
    return Made(text=". ".join(parts), must_page=True, may_end=may_end)


def a_quotation(chance: random.Random) -> Made:
    return Made(text=chance.choice(REACTIONS).format(chance.choice(OURS)), only_quotes=True)


def a_quotation_and_danger(chance: random.Random) -> Made:
    text, ends = chance.choice(DANGERS)
    return Made(text=f"“{chance.choice(OURS)}” {text}", must_page=True, may_end=ends)


def one_of_ours(chance: random.Random) -> Made:
    """A machine hands back what it was sent; perhaps somebody has written under it."""
    under = chance.choice(["", "\n" + chance.choice(HARMLESS)])
    return Made(text=chance.choice(OURS) + under)


def a_start(chance: random.Random) -> Made:
    return Made(text=dressed(chance, chance.choice(STARTS)), starts=True)


def something_harmless(chance: random.Random) -> Made:
    return Made(text=dressed(chance, chance.choice(HARMLESS)))


def misspelt_and_harmless(chance: random.Random) -> Made:
    return Made(text=misspelt(chance, chance.choice(HARMLESS)))


def two_harmless(chance: random.Random) -> Made:
    return Made(text=chance.choice([" ", ". "]).join(chance.choices(HARMLESS, k=2)))


def words(chance: random.Random) -> Made:
    return Made(text=noise(chance, 25) or "?")


def characters(chance: random.Random) -> Made:
    drawn = (chr(chance.choice(chance.choice(RANGES))) for _ in range(40))
    return Made(text="".join(drawn))


MAKERS: Mapping[Callable[[random.Random], Made], int] = {
    a_stop: 9, a_start: 1, a_wrong_number: 3, a_misspelt_stop: 5, a_stop_with_one_error: 3,
    a_stop_and_more: 3, a_stop_in_a_sentence_of_its_own: 6, a_danger: 12, a_danger_and_more: 9,
    a_quotation: 6, a_quotation_and_danger: 4, one_of_ours: 5, something_harmless: 6,
    misspelt_and_harmless: 12, two_harmless: 10, words: 3, characters: 3,
}  # fmt: skip
"""How many in a hundred are made so."""


@pytest.fixture
def talk(tmp_path: Path, settings: Settings) -> Iterator[Talk]:
    database = migrated(tmp_path / "outage.db")
    world = World(database, settings)
    for number in range(100):
        world.account(f"A{number}", [f"P{number}"], f"+1303555{100 + number:04}")
    yield Talk(world)
    database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of the texts, each by its place: from the record alone."""

    applied: list[bool]
    heard: list[bool]
    """Answered, or on the list for staff."""
    ended: list[bool]
    as_stop: list[bool]
    """Understood as an end of texts, or asked whether it was one."""
    pages: list[int]
    danger_told: list[bool]


def write_all(talk: Talk, bodies: list[str]) -> None:
    """Let each come from a number of its own: none is taken for a machine."""
    for start in range(0, len(bodies), 500):
        some = [
            InboundText(provider="twilio", provider_id=f"SM{at}", address=NUMBERS[at], body=body)
            for at, body in enumerate(bodies[start : start + 500], start)
        ]
        assert accept(talk.world.db, some) == len(some)


def stop_every_other(talk: Talk) -> None:
    """Opt every other number out before it writes: a false START shows."""
    e = t.endpoints
    with talk.world.db.write() as conn:
        known = set(conn.execute(sa.select(e.c.address).where(e.c.kind == "phone")).scalars())
        rows = [
            {"kind": "phone", "address": number, "language": "en"}
            for number in NUMBERS[1::2]
            if number not in known
        ]
        conn.execute(e.insert(), rows)
        conn.execute(e.update().where(e.c.address.in_(NUMBERS[1::2])).values(opted_out_at=START))


def apply_all(talk: Talk) -> None:
    """Apply what came in, many in one transaction: committing each takes most of the time."""
    terms, r = talk.inbox.terms, t.replies
    due = r.select().where(r.c.applied_at.is_(None)).order_by(r.c.key).limit(AT_ONCE)
    while True:
        with talk.world.db.write() as conn:
            found = conn.execute(due).all()
            for row in found:
                applying.apply(conn, row, terms)
        if not found:
            return


def came(talk: Talk) -> Came:
    e, a = t.endpoints.c, t.answers.c
    over = sa.or_(e.opted_out_at.is_not(None), e.invalid_at.is_not(None))
    with talk.world.db.read() as conn:
        replies = conn.execute(t.replies.select().order_by(t.replies.c.key)).all()
        ended = set(conn.execute(sa.select(e.address).where(over)).scalars())
        owed = sa.select(a.reply_key, a.role, a.template).where(a.state == "pending")
        answers = conn.execute(owed).all()
    answered = {one.reply_key: one.template for one in answers if one.role == "answer"}
    pages = Counter(one.reply_key for one in answers if one.role == "page")
    return Came(
        applied=[one.applied_at is not None and one.reason != "failed" for one in replies],
        heard=[one.key in answered or one.for_staff for one in replies],
        ended=[one.address in ended for one in replies],
        as_stop=[one.intent in {*ENDS, "stop_asked"} for one in replies],
        pages=[pages[one.key] for one in replies],
        danger_told=[answered.get(one.key, "").startswith("danger_") for one in replies],
    )


EVERYBODY = len(SITE.on_call) * 2
"""Pages for one danger: a phone and a mailbox of each."""


def test_the_table_goes_the_whole_way_nobody_wrongly_stopped_no_danger_passed_over(
    talk: Talk,
) -> None:
    write_all(talk, [text for _, _, text in ROWS])
    assert talk.inbox.drain() == len(ROWS)
    found = came(talk)
    for (said, _, text), *what in zip(
        ROWS, found.applied, found.heard, found.ended, found.pages, strict=True
    ):
        danger = EVERYBODY if said.startswith("danger") else 0
        # What the table says, and nobody else.
        assert what == [True, True, said.split()[-1] in ENDS, danger], text


@pytest.mark.timeout(900)
def test_ten_thousand_texts_break_nothing_stop_who_asks_and_page_every_danger(talk: Talk) -> None:
    chance = random.Random(20261127)
    makers = chance.choices(list(MAKERS), list(MAKERS.values()), k=TEXTS)
    made = [make(chance) for make in makers]
    begun = time.process_time()
    stop_every_other(talk)
    write_all(talk, [one.text for one in made])
    apply_all(talk)
    took = time.process_time() - begun
    found = came(talk)
    figures(made, found, took)

    def faults(wrong: Callable[[int, Made], bool]) -> list[tuple[str, str]]:
        return [(makers[at].__name__, one.text) for at, one in enumerate(made) if wrong(at, one)]

    assert faults(lambda at, _: not found.applied[at]) == []
    assert faults(lambda at, _: not found.heard[at]) == []
    stopped = [at % 2 == 1 for at in range(len(made))]
    assert faults(lambda at, one: found.ended[at] and not one.may_end and not stopped[at]) == []
    # Some words alone ask for power, but of who has opted out they can only ask for texts.
    starts = [one.starts or plain(one.text) in RESTARTS for one in made]
    assert faults(lambda at, _: stopped[at] and found.ended[at] is starts[at]) == []
    assert faults(lambda at, _: makers[at] is something_harmless and bool(found.pages[at])) == []
    assert faults(lambda at, one: one.must_end and not found.ended[at]) == []
    assert faults(lambda at, one: one.must_be_heard and not found.as_stop[at]) == []
    slips = [found.as_stop[at] for at, make in enumerate(makers) if make is a_stop_with_one_error]
    assert sum(slips) >= 0.9 * len(slips)
    ends = {a_misspelt_stop, a_stop_with_one_error, a_stop_and_more}
    assert faults(lambda at, _: makers[at] in ends and bool(found.pages[at])) == []
    assert faults(lambda at, one: one.must_page and found.pages[at] != EVERYBODY) == []
    assert faults(lambda at, one: one.must_page and not found.danger_told[at]) == []
    assert faults(lambda at, one: one.only_quotes and bool(found.pages[at])) == []


def figures(made: list[Made], found: Came, took: float) -> None:
    """Print what came of the texts; `pytest -s` shows it."""

    def of(wanted: Callable[[Made], bool], happened: list[bool]) -> str:
        here = [happened[at] for at, one in enumerate(made) if wanted(one)]
        return f"{sum(here)} of {len(here)}"

    paged = [pages > 0 for pages in found.pages]
    said = (
        f"{len(made)} texts, {took:.0f} s of processor time, {took / len(made) * 1000:.1f} ms each",
        f"ended: {of(lambda one: one.must_end, found.ended)} that must be,",
        f"       {of(lambda one: one.may_end and not one.must_end, found.ended)} that may be,",
        f"       {of(lambda one: not one.may_end, found.ended)} that must not be",
        f"ended or asked back: {of(lambda one: one.must_be_heard, found.as_stop)} that must be,",
        f"       {of(lambda one: one.may_end and not one.must_end, found.as_stop)} that say STOP",
        "       somehow: misspelt, or with something else",
        f"paged: {of(lambda one: one.must_page, paged)} that must be,",
        f"       {of(lambda one: one.only_quotes, paged)} that quote us,",
        f"       {of(lambda one: not one.must_page and not one.only_quotes, paged)} others",
        f"answered or listed: {sum(found.heard)}",
    )
    sys.stdout.write("\n".join(["", *said, ""]))
