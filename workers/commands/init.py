"""`outage init`: the site file, from answers or from a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from outage import settings
from outage.site import FILE, Site, parse
from workers import first_site
from workers.errors import NoAnswer, SiteIsThere
from workers.first_site import QUESTIONS, Facts, Question, UnreadableError
from workers.session import say_json

_NONE = "-"


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each question, in their order."""
    for question in reversed(QUESTIONS):
        says = f"{question.asks}. {question.says}".strip()
        command = click.option(question.option, _name(question), help=says)(command)
    return command


def _name(question: Question) -> str:
    return question.field.replace(".", "_")


@click.command()
@_options
@click.option(
    "--from",
    "source",
    type=click.File(encoding="utf-8"),
    help="Put this whole site file in place and ask nothing; - for standard input.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: defaults hold for what no option says.")
@click.option("--force", is_flag=True, help="Replace the file that is there; it is kept beside.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON; asks nothing.")
def init(
    *, source: TextIO | None, yes: bool, force: bool, as_json: bool, **given: str | None
) -> None:
    """Say whose utility it is: write site.toml into OUTAGE_HOME.

    Asks for what no option gives. Page, texts and e-mails carry what you answer; it can be changed
    in the file at any time.
    """
    home = settings.load().home
    path = home / FILE
    if path.exists() and not force:
        raise SiteIsThere(path)
    if source is not None:
        text = source.read()
    else:
        asks = not (yes or as_json)
        answers = {name: value or "" for name, value in given.items()}
        text = first_site.written(_facts(answers, asks=asks))
    site = parse(text)
    kept = _put(path, text)
    _say(path, kept, site, as_json=as_json)


def _facts(given: Mapping[str, str], *, asks: bool) -> Facts:
    for question in QUESTIONS:  # before anybody is asked for the rest
        if given[_name(question)]:
            _taken(question, given[_name(question)], {})
    facts: Facts = {}
    for question in QUESTIONS:
        answer = given[_name(question)]
        if answer or not asks:
            facts = _taken(question, answer or question.default(facts), facts)
        else:
            facts = _asked(question, facts)
    return facts


def _taken(question: Question, answer: str, facts: Facts) -> Facts:
    """What an option says, or its default."""
    try:
        return first_site.answered(question, answer, facts)
    except UnreadableError as problem:
        raise NoAnswer(question.option, str(problem)) from problem


def _asked(question: Question, facts: Facts) -> Facts:
    """Ask until the answer can be used."""
    if question.says:
        click.secho(question.says, dim=True, err=True)
    asks = f"{question.asks} ({_NONE} for none)" if question.optional else question.asks
    suggested = question.default(facts)
    while True:
        answer = click.prompt(
            asks, default=suggested, show_default=bool(suggested), type=str, err=True
        )
        try:
            return first_site.answered(question, "" if answer.strip() == _NONE else answer, facts)
        except UnreadableError as problem:
            click.echo(str(problem), err=True)


def _put(path: Path, text: str) -> Path | None:
    """Write the file, all of it or nothing; return where the one before is kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = None
    if path.exists():
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = path.with_name(f"{FILE}.before-{stamp}")
        kept.write_bytes(path.read_bytes())
        kept.chmod(0o600)
    fresh = path.with_name(f"{FILE}.new")
    fresh.unlink(missing_ok=True)
    # It may name who is on call.
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode())
    fresh.replace(path)
    return kept


def _say(path: Path, kept: Path | None, site: Site, *, as_json: bool) -> None:
    if as_json:
        say_json({"file": str(path), "kept": None if kept is None else str(kept)})
        return
    if kept is not None:
        click.echo(f"The one before is kept as {kept}")
    click.echo(f"Wrote {path}. Texts begin with: {site.short_name}:")
    if not site.on_call:
        click.echo("Nobody is paged when a customer texts of danger: [[on_call]] is missing.")
    click.echo("Next: outage import premises FILE, then outage up; outage doctor says what lacks.")
