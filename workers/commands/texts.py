"""`outage texts`: an operator's own texts, checked and shown."""

from __future__ import annotations

from pathlib import Path

import click

from notifier import own_texts
from notifier.errors import FaultyTexts
from notifier.kinds import Channel, Kind
from notifier.outbox import voice
from notifier.rendering import render
from notifier.worst import longest_day, notices
from outage import settings as reading
from outage.site import load_site
from workers.commands import options
from workers.session import say, say_json


@click.group()
def texts() -> None:
    """Check your own texts, and show what would be sent."""


@texts.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@options.as_json
def check(folder: Path | None, *, as_json: bool) -> None:
    """Say what is wrong with the texts in FOLDER, or in OUTAGE_TEXTS. Exit 1 if anything is."""
    settings = reading.load()
    where = folder or settings.texts
    found, faults = own_texts.load(where, voice(load_site(settings.home)))
    if as_json:
        say_json({"used": sorted(found.own), "faults": [fault.sentence for fault in faults]})
    else:
        for fault in faults:
            say(fault.sentence)
    if faults:
        raise FaultyTexts(faults=len(faults))
    if not as_json:
        none = "There are no texts of your own: all are ours."
        say(f"{len(found.own)} files, all fit to send." if found.own else none)


@texts.command()
@click.argument("kind", type=click.Choice([*Kind]))
@click.option("--language", default="en", show_default=True, help="Language of the person.")
@options.as_json
def show(kind: str, language: str, *, as_json: bool) -> None:
    """Show what a message of KIND says, with made-up facts, and which version of the texts."""
    settings = reading.load()
    speaks = voice(load_site(settings.home), settings.texts)
    chosen = speaks.texts.words(language)
    at = longest_day(chosen, speaks.zone)
    *_, notice = (one for one in notices(Kind(kind), chosen, at) if one.etr == at)
    text, mail = (render(notice, channel, language, speaks) for channel in Channel)
    facts = {
        "kind": kind,
        "language": text.language,
        "version": text.template,
        "own_files": speaks.texts.of_kind(text.language, kind),
        "segments": text.segments,
        "text": text.body,
        "subject": mail.subject,
        "mail": mail.body,
    }
    if as_json:
        say_json(facts)
        return
    own = ", ".join(speaks.texts.of_kind(text.language, kind)) or "ours"
    say(f"{text.template} in {text.language} ({own}), {text.segments} segments:\n")
    say(f"{text.body}\n\n{mail.subject}\n\n{mail.body}")
