"""Which providers the settings name, in order of preference, and how each one's channel is made."""

from dataclasses import replace
from typing import TYPE_CHECKING

from notifier.channels.base import Channel
from notifier.kinds import Channel as Name
from outage.settings import SendMode, Settings
from outage.site import Site

if TYPE_CHECKING:
    from notifier.channels.twilio import TwilioAccount


def configured(settings: Settings) -> dict[Name, tuple[str, ...]]:
    """The providers of each channel that has any, the preferred one first."""
    named = {
        Name.SMS: {
            "twilio": settings.twilio_account_sid,
            "twilio-2": settings.twilio_2_account_sid,
        },
        Name.EMAIL: {
            "sendgrid": settings.sendgrid_api_key,
            "sendgrid-2": settings.sendgrid_2_api_key,
            "smtp": settings.smtp_host,
        },
    }
    found = {
        channel: tuple(name for name, is_set in names.items() if is_set)
        for channel, names in named.items()
    }
    return {channel: names for channel, names in found.items() if names}


def sent_by(settings: Settings) -> frozenset[str]:
    """The channels, ``sms`` and ``email``, by which something really goes out, to some at least."""
    goes = settings.send in {SendMode.ALLOWLIST, SendMode.LIVE}
    return frozenset(one.name.lower() for one in configured(settings)) if goes else frozenset()


def opened(provider: str, settings: Settings, site: Site) -> Channel:
    """The channel of a provider. A worker loads the library of its own channel only."""
    match provider:
        case "twilio" | "twilio-2":
            return _twilio(settings, provider)
        case "twilio-voice":
            return _voice(settings, provider)
        case "sendgrid" | "sendgrid-2":
            return _sendgrid(settings, provider, site.name)
        case "smtp":
            return _smtp(settings, site.name)
        case "webhook":
            return _webhook(settings)
    raise KeyError(provider)


def _twilio(settings: Settings, provider: str) -> Channel:
    from notifier.channels.sms import SmsChannel  # noqa: PLC0415  # see `opened`

    return SmsChannel(_twilio_account(settings, second=provider == "twilio-2"), provider)


def _voice(settings: Settings, provider: str) -> Channel:
    from notifier.channels.voice import VoiceChannel  # noqa: PLC0415  # see `opened`

    account = _twilio_account(settings, second=False)
    return VoiceChannel(replace(account, sender=settings.twilio_voice_from), provider)


def _twilio_account(settings: Settings, *, second: bool) -> "TwilioAccount":
    from notifier.channels.twilio import TwilioAccount  # noqa: PLC0415  # see `opened`

    return TwilioAccount(
        account_sid=settings.twilio_2_account_sid if second else settings.twilio_account_sid,
        auth_token=settings.twilio_2_auth_token if second else settings.twilio_auth_token,
        messaging_service_sid=(
            settings.twilio_2_messaging_service_sid
            if second
            else settings.twilio_messaging_service_sid
        ),
        sender=settings.twilio_2_from if second else settings.twilio_from,
        base_url=settings.twilio_2_base_url if second else settings.twilio_base_url,
        hooks_url=settings.hooks,
        concurrency=settings.twilio_concurrency,
    )


def _sendgrid(settings: Settings, provider: str, name: str) -> Channel:
    from notifier.channels.email import EmailChannel, SendGridAccount  # noqa: PLC0415  # see `opened`

    second = provider == "sendgrid-2"
    account = SendGridAccount(
        api_key=settings.sendgrid_2_api_key if second else settings.sendgrid_api_key,
        sender=settings.sendgrid_2_from if second else settings.sendgrid_from,
        sender_name=name,
        base_url=settings.sendgrid_2_base_url if second else settings.sendgrid_base_url,
    )
    return EmailChannel(account, provider)


def _smtp(settings: Settings, name: str) -> Channel:
    from notifier.channels.marks import Marks  # noqa: PLC0415  # see `opened`
    from notifier.channels.smtp import MailServer, SmtpChannel  # noqa: PLC0415  # see `opened`

    return SmtpChannel(
        MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            username=settings.smtp_username,
            password=settings.smtp_password,
            sender=settings.smtp_from,
            sender_name=name,
            bounces=settings.smtp_bounces,
            marks=Marks(key=settings.secret_key),
        )
    )


def _webhook(settings: Settings) -> Channel:
    from notifier.channels.webhook import WebhookChannel, WebhookSender  # noqa: PLC0415  # see `opened`

    return WebhookChannel(
        WebhookSender(secret=settings.webhook_secret, allowed=settings.webhook_allow)
    )
