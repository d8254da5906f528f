"""`outage user`: the staff who sign in here, and what they are."""

from __future__ import annotations

import click

from outage import sessions, signing_in, staff
from outage.rights import PEOPLE, Role
from outage.staff import Member
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session

_name = click.argument("name")
_role = click.Choice([str(role) for role in PEOPLE])


@click.group()
def user() -> None:
    """Say who of the staff may do what; let them in, and out."""


@user.command()
@_name
@click.option("--role", type=_role, required=True, help="What they are (docs/access.md).")
@click.option(
    "--sealed", is_flag=True, help="For when the identity provider is away; every use is loud."
)
@options.as_json
def add(*, name: str, role: str, sealed: bool, as_json: bool) -> None:
    """Put NAME on the staff, and print a link by which they set a password, once, for a day."""
    with session() as desk_:
        with desk_.deed() as deed:
            made, words = staff.add(deed.conn, name=name, role=Role(role), sealed=sealed)
            deed.about, deed.detail = f"staff:{made.key}", {"role": role, "sealed": sealed}
        _say_link(desk_, made, words, as_json=as_json)


@user.command()
@_name
@options.as_json
def link(*, name: str, as_json: bool) -> None:
    """Print a new link for NAME: with it they set password and authenticator anew.

    It is the way back for who has lost them. Their sessions go on; `end-sessions` ends them.
    """
    with session() as desk_:
        with desk_.deed() as deed:
            member = staff.named(deed.conn, name)
            words = staff.link(deed.conn, member.key)
            deed.about = f"staff:{member.key}"
        _say_link(desk_, member, words, as_json=as_json)


@user.command(name="list")
@options.as_json
def list_(*, as_json: bool) -> None:
    """List the staff."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = staff.every(conn)
        if as_json:
            say_json([_facts(each) for each in found])
        elif found:
            say_table(
                ("NAME", "ROLE", "SINCE", "STATE"),
                [
                    (each.name, str(each.role), desk_.when(each.made_at), _state(each))
                    for each in found
                ],
            )
        else:
            say("There is nobody; `outage user add` makes somebody.")


@user.command()
@_name
@click.argument("role", type=_role)
@options.as_json
def role(*, name: str, role: str, as_json: bool) -> None:
    """Give NAME another ROLE, from now on."""
    with session() as desk_:
        with desk_.deed() as deed:
            member = staff.named(deed.conn, name)
            changed = staff.change_role(deed.conn, member.key, Role(role))
            deed.about, deed.detail = f"staff:{member.key}", {"role": role}
        _say(changed, f"{changed.name} is {changed.role} from now on.", as_json=as_json)


@user.command()
@_name
@options.as_json
def disable(*, name: str, as_json: bool) -> None:
    """Let NAME sign in no more; their sessions end now."""
    with session() as desk_:
        with desk_.deed() as deed:
            changed = staff.disable(deed.conn, staff.named(deed.conn, name).key)
            deed.about = f"staff:{changed.key}"
        _say(changed, f"{changed.name} cannot sign in any more.", as_json=as_json)


@user.command()
@_name
@options.as_json
def enable(*, name: str, as_json: bool) -> None:
    """Let NAME sign in again."""
    with session() as desk_:
        with desk_.deed() as deed:
            changed = staff.enable(deed.conn, staff.named(deed.conn, name).key)
            deed.about = f"staff:{changed.key}"
        _say(changed, f"{changed.name} can sign in again.", as_json=as_json)


@user.command(name="end-sessions")
@_name
@options.as_json
def end_sessions(*, name: str, as_json: bool) -> None:
    """Sign NAME out everywhere, and know none of their browsers any more."""
    with session() as desk_:
        with desk_.deed() as deed:
            member = staff.named(deed.conn, name)
            ended = sessions.end_others(deed.conn, member.key)
            signing_in.forget_browsers(deed.conn, member.key)
            deed.about, deed.detail = f"staff:{member.key}", {"sessions": ended}
        _say(member, f"{member.name} is signed out everywhere.", as_json=as_json)


def _say_link(desk_: Session, member: Member, words: str, *, as_json: bool) -> None:
    address = f"{desk_.settings.console}/welcome/{words}"
    if as_json:
        say_json({**_facts(member), "link": address})
        return
    say(address)
    say(f"For {member.name} ({member.role}): it sets a password, opens once, and for a day.")


def _say(member: Member, sentence: str, *, as_json: bool) -> None:
    if as_json:
        say_json(_facts(member))
    else:
        say(sentence)


def _state(each: Member) -> str:
    states = (
        ("disabled", each.disabled_at is not None),
        ("has not used the link", not each.ready),
        ("sealed", each.sealed),
    )
    return ", ".join(word for word, holds in states if holds) or "ready"


def _facts(each: Member) -> dict[str, object]:
    return {
        "key": each.key,
        "name": each.name,
        "role": str(each.role),
        "sealed": each.sealed,
        "ready": each.ready,
        "made_at": each.made_at.isoformat(),
        "disabled_at": None if each.disabled_at is None else each.disabled_at.isoformat(),
    }
