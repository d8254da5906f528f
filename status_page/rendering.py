"""Public values into HTML: fragments first, pages put together from them.

Pure: the same values give the same bytes. A fragment is made once per outage and language and
serves the page, the delta and every browser that applies it.
"""

import hashlib
import html
import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from outage import model, privacy
from outage.model import STORMS, Kind, Service, Status
from outage.privacy import MIN_PREMISES
from status_page.advice import to_do
from status_page.moments import MOST as MOST_MOMENTS
from status_page.moments import SHOWN, moments
from status_page.view import SECTIONS, PublicArea, PublicOutage, PublicSite, PublicStatus, Totals
from status_page.words import FALLBACK, Words

_HERE = Path(__file__).parent
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SCRIPT_WORDS = (
    "live.on",
    "live.connecting",
    "live.polling",
    "live.offline",
    "live.behind",
    "live.changed",
    "live.this",
    "live.gone",
    "about.half",
    "about.hour",
    "about.time",
    "about.day",
    "about.soon",
    "numbers",
)
_MAP_WORDS = (
    *(f"what.{kind}{service}" for kind in ("", "planned.", "advisory.") for service in Service),
    "area.unknown",
    "label.back",
    "map.loading",
    "map.webgl",
    "map.failed",
    "map.empty",
    "map.label",
    "map.cluster",
    "map.mouse",
    "map.touch",
)


MOST = 25
"""Outages of one part that the first page shows; all of them stand on the pages of the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One outage as the list shows it: where it stands and its HTML."""

    section: str
    order: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the list: its rows, and whether there are more than these."""

    name: str
    rows: list[str]
    more: bool


class Renderer:
    """Renders for one site, in all its languages."""

    def __init__(self, site: PublicSite) -> None:
        self.site = site
        self.languages = site.languages
        self.statics = _statics(site)
        self._words = {language: Words(language, site.time_zone) for language in site.languages}
        self._english = Words(FALLBACK, site.time_zone)
        self._advised: dict[tuple[object, ...], tuple[str, str]] = {}
        self.look = _digest([repr(site).encode(), *_sources()])
        """Changes whenever the same outage would be rendered differently."""

    def prefix(self, language: str) -> str:
        """Return the path below which a language's pages stand: empty for the first."""
        return "" if language == self.languages[0] else f"{language}/"

    def words(self, language: str) -> Words:
        """Return the texts of one of the site's languages."""
        return self._words[language]

    def safety(self, language: str) -> Words:
        """Return the texts of safety: English for a language that no person has reviewed."""
        words = self._words[language]
        return words if words.reviewed or language == FALLBACK else self._english

    def row(self, outage: PublicOutage, language: str) -> str:
        """Render an outage for the list."""
        return self._fragment("row.html", language, outage=outage)

    def details(self, outage: PublicOutage, language: str) -> str:
        """Render the inside of an outage's own page."""
        danger, todo = self._advise(outage, language)
        happened = moments(outage)
        return self._fragment(
            "details.html",
            language,
            outage=outage,
            danger=danger,
            todo=todo,
            newest=happened[:SHOWN],
            earlier=happened[SHOWN:MOST_MOMENTS],
            is_cut=len(happened) > MOST_MOMENTS,
        )

    def moved(self, into: str, language: str) -> str:
        """Render the inside of the page of an outage that goes on as part of another."""
        return self._fragment("moved.html", language, into=into)

    def what(self, outage: PublicOutage, language: str) -> str:
        """Say in plain text what it is."""
        return _what(outage, self._words[language])

    def headline(self, outage: PublicOutage, language: str) -> str:
        """Say in plain text what it is and where."""
        where = outage.area or self._words[language]("area.unknown")
        return f"{self.what(outage, language)}: {where}"

    def story(self, outage: PublicOutage, language: str) -> str:
        """Say in plain text how it stands, a fact a line."""
        text = self._fragment("story.txt", language, outage=outage)
        return html.unescape(text).strip()

    def summary(
        self, totals: Totals, language: str, areas: Iterable[tuple[PublicArea, Totals]] = ()
    ) -> str:
        """Render the figures at the top, and those of the ``areas`` where somebody is out."""
        # Most people first; of equal ones, in the order given.
        most = sorted(areas, key=lambda each: -each[1].matched)[:MOST]
        return self._fragment("summary.html", language, totals=totals, areas=most)

    def index(
        self,
        status: PublicStatus,
        language: str,
        *,
        generation: str,
        summary: str,
        cards: Iterable[Card],
    ) -> bytes:
        """Put the list together from its fragments."""
        return self._page(
            "index.html",
            language,
            status,
            generation=generation,
            path="",
            summary=summary,
            sections=_parts(cards),
            most=MOST,
            map_words={key: self._words[language].raw(key) for key in _MAP_WORDS},
        )

    def listing(
        self,
        status: PublicStatus,
        language: str,
        *,
        generation: str,
        cards: Iterable[Card],
        following: str,
        is_first: bool,
    ) -> bytes:
        """Put a page of the whole list together; ``following`` names the next, if any."""
        return self._page(
            "listing.html",
            language,
            status,
            generation=generation,
            path="",
            sections=[part for part in _parts(cards, most=None) if part.rows],
            following=following,
            is_first=is_first,
        )

    def outage_page(
        self,
        status: PublicStatus,
        outage: PublicOutage,
        language: str,
        *,
        generation: str,
        details: str,
    ) -> bytes:
        """Put an outage's page together."""
        return self._page(
            "outage.html",
            language,
            status,
            generation=generation,
            path=f"outages/{outage.id}",
            outage=outage,
            details=details,
        )

    def moved_page(
        self, status: PublicStatus, outage: str, language: str, *, generation: str
    ) -> bytes:
        """Put the page together that leads on from an outage to the one it is part of now."""
        return self._page(
            "moved_page.html",
            language,
            status,
            generation=generation,
            path=f"outages/{outage}",
            outage={"id": outage},
            details=self.moved(status.moved[outage], language),
        )

    def embed(self, status: PublicStatus, language: str, *, generation: str, summary: str) -> bytes:
        """Put the small page together that other sites show in a frame."""
        return self._page(
            "embed.html", language, status, generation=generation, path="", summary=summary
        )

    def line(self, outage: PublicOutage, language: str) -> str:
        """Render an outage as a row of a table on paper."""
        return self._fragment("line.html", language, outage=outage)

    def sheet(
        self, status: PublicStatus, language: str, *, totals: Totals, **values: object
    ) -> bytes:
        """Put the sheet to print together; ``values`` are those of its template."""
        summary = self.summary(totals, language)
        return self._page("sheet.html", language, status, path="", summary=summary, **values)

    def days_page(
        self, status: PublicStatus, language: str, *, names: Mapping[str, str], **values: object
    ) -> bytes:
        """Render the figures of the last days.

        Args:
            status: What is public.
            language: In which it is.
            names: Of this page by language.
            values: Those of its template.
        """
        addresses = {each: f"/{name}" for each, name in names.items()}
        own = addresses[language]
        values = {**values, "generation": ""}
        return self._at("days.html", language, status, own=own, addresses=addresses, values=values)

    def lost_page(self, status: PublicStatus, language: str, kind: str) -> bytes:
        """Render the page for an unknown outage (``missing``) or address (``notfound``)."""
        return self._page("lost.html", language, status, generation="", path="", lost=kind)

    def away_page(self, status: PublicStatus, language: str, form: str) -> bytes:
        """Render what is said where `counter` does not answer for ``form``, one of `away.FORMS`."""
        return self._page("away.html", language, status, generation="", path="", form=form)

    def notice(self, outage: PublicOutage, language: str) -> tuple[str, str] | None:
        """Return language and text of what an advisory in force must say, word for word.

        Where the utility has not given it in a language, in the next best: never in words of ours.
        """
        if outage.section != "advisory" or outage.status is Status.PREDICTED:
            return None
        given = {
            each: text for service, each, text in self.site.notices if service is outage.service
        }
        for each in (language, FALLBACK, *self.languages, *given):
            if each in given:
                return each, given[each]
        return None

    def _advise(self, outage: PublicOutage, language: str) -> tuple[str, str]:
        """Render what is dangerous and what to do: the same for most, so made once for all."""
        todo = to_do(outage, language, self.site.own_advice, *self.languages)
        asked = (language, outage.section, todo)
        if asked not in self._advised:
            self._advised[asked] = (
                self._fragment("danger.html", language, todo=todo) if todo.hazards else "",
                self._fragment("todo.html", language, todo=todo, section=outage.section),
            )
        return self._advised[asked]

    def _fragment(self, template: str, language: str, **values: object) -> str:
        return _TEMPLATES.get_template(template).render(**self._known(language), **values)

    def _page(
        self, template: str, language: str, status: PublicStatus, *, path: str, **values: object
    ) -> bytes:
        """Render a page that stands at the same path below each language."""
        # The first language is asked for by name: without one the reader's own is chosen.
        addresses = {
            each: f"/{self.prefix(each)}{path}" + ("" if self.prefix(each) else f"?lang={each}")
            for each in self.languages
        }
        own = f"/{self.prefix(language)}{path}"
        return self._at(template, language, status, own=own, addresses=addresses, values=values)

    def _at(
        self,
        template: str,
        language: str,
        status: PublicStatus,
        *,
        own: str,
        addresses: Mapping[str, str],
        values: Mapping[str, object],
    ) -> bytes:
        """Render a page by its ``own`` address and those of it in each language."""
        words = self._words[language]
        page = _TEMPLATES.get_template(template).render(
            **self._known(language),
            **values,
            status=status,
            own=own,
            others=[
                (each, addresses[each], self._words[each])
                for each in self.languages
                if each != language
            ],
            script_words={key.replace(".", "-"): words.raw(key) for key in _SCRIPT_WORDS},
            statics={name.partition("-")[0] + Path(name).suffix: name for name in self.statics},
        )
        return page.encode()

    def _known(self, language: str) -> dict[str, object]:
        return {
            "site": self.site,
            "least": MIN_PREMISES,
            "say": self._words[language],
            "advice": dict(self.site.advice).get(language, ""),
            "safe": self.safety(language),
            "language": language,
            "prefix": self.prefix(language),
            "state": _state,
            "sentence": _sentence,
            "what": _what,
            "notice": self.notice,
        }


def _parts(cards: Iterable[Card], most: int | None = MOST) -> list[Part]:
    """Cut the list into its parts, each in its order and no longer than ``most``."""
    ordered = sorted(cards, key=lambda card: card.order)
    parts = []
    for name in SECTIONS:
        rows = [card.html for card in ordered if card.section == name]
        parts.append(Part(name=name, rows=rows[:most], more=len(rows[:most]) < len(rows)))
    return parts


def _state(outage: PublicOutage) -> str:
    """Name the state in one word of the ``status.`` family, which is also its style."""
    if outage.section == "advisory" and outage.status is Status.PREDICTED:
        return "predicted"
    if not outage.listed and not (outage.over and outage.status is not Status.CLOSED):
        return "unlisted"
    if outage.section in {"planned", "advisory"}:
        return outage.section
    return str(outage.status)


def _sentence(outage: PublicOutage, say: Words) -> str:
    """Say the state in a sentence that promises nothing untrue."""
    state = _state(outage)
    if state == "unlisted":
        return say("say.closed.unlisted" if outage.over else "say.unlisted")
    if state == "cancelled" and outage.kind is not Kind.UNPLANNED:
        return say(f"say.cancelled.{outage.kind}")
    if state == "predicted" and outage.kind is Kind.ADVISORY:
        return say("say.watch" if outage.cause in STORMS else "say.predicted.advisory")
    if state == "closed" and outage.kind is Kind.ADVISORY:
        return say("say.lifted")
    if state == "restored" and outage.restored is not None:
        return say("say.restored", when=say.when(outage.restored))
    return say("say.restored.unknown") if state == "restored" else say(f"say.{state}")


def _what(outage: PublicOutage, say: Words) -> str:
    kind = "" if outage.kind is Kind.UNPLANNED else f"{outage.kind}."
    return say(f"what.{kind}{outage.service}")


def _statics(site: PublicSite) -> Mapping[str, bytes]:
    """Return style and script under names that change with their content."""
    found: dict[str, bytes] = {}
    for path in sorted((_HERE / "static").iterdir()):
        content = path.read_bytes()
        if path.name == "page.css" and site.accent:
            content += _colours(site)
        found[f"{path.stem}-{_digest([content])[:12]}{path.suffix}"] = content
    return found


def _colours(site: PublicSite) -> bytes:
    dark = site.accent_dark or site.accent
    return (
        f":root{{--brand:{site.accent};--link:{site.accent}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--link:{dark}}}}}\n"
    ).encode()


def _sources() -> list[bytes]:
    """Return all that makes the look: the code chooses words and builds pages as well."""
    files = (
        path for folder in ("templates", "locale", "static") for path in (_HERE / folder).iterdir()
    )
    # Numbers that pages name, and how moments are written and zones are counted.
    elsewhere = (Path(each) for each in (model.__file__, privacy.__file__))
    shipped = (importlib.metadata.version(name).encode() for name in ("babel", "tzdata"))
    sources = [*sorted([*files, *_HERE.rglob("*.py")]), *elsewhere]
    return [*(path.read_bytes() for path in sources if path.is_file()), *shipped]


def _digest(contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:32]
