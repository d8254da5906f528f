"""How soon, how often and when people are told: an operator's settings, and what follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.kinds import Kind, Quiet
from notifier.situation import AGO_STEP_MIN, QUIET_STEP_MIN, Situation, minute
from outage.settings import Settings
from outage.site import Site

_DAY = timedelta(days=1)
_HOUR_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What an operator decides of telling; `docs/settings.md` has the reasons.

    ``hold`` is what "out" waits for, ``restored_hold`` what "back" does, and ``steady`` what it
    does once service has come and gone ``flaps`` times. ``etr_step`` and ``etr_step_percent`` (of
    the time left) are how far an ETR must move to be told, ``etr_earlier_times`` as far where it
    moves earlier. ``most_a_day`` bounds what people could do without. ``quiet`` are the hours, in
    minutes after midnight, for texts to who has set none. ``zone`` is where days begin.
    ``area_least`` is how many homes and businesses must be out for who watches an area to be told.
    """

    zone: ZoneInfo
    hold: timedelta = timedelta(seconds=60)
    restored_hold: timedelta = timedelta(minutes=4)
    steady: timedelta = timedelta(minutes=30)
    flaps: int = 2
    etr_step: timedelta = timedelta(minutes=30)
    etr_step_percent: float = 20
    etr_earlier_times: float = 2
    most_a_day: int = 4
    reminder: timedelta = timedelta(hours=24)
    quiet: tuple[int, int] | None = None
    area_least: int = 100

    @classmethod
    def of(cls, settings: Settings, site: Site) -> "Manners":
        """The manners that settings and site make."""
        return cls(
            zone=site.zone,
            hold=timedelta(seconds=settings.hold_s),
            restored_hold=timedelta(seconds=settings.restored_hold_s),
            steady=timedelta(minutes=settings.steady_min),
            flaps=settings.flaps,
            etr_step=timedelta(minutes=settings.etr_step_min),
            etr_step_percent=settings.etr_step_percent,
            etr_earlier_times=settings.etr_earlier_times,
            most_a_day=settings.most_a_day,
            reminder=timedelta(hours=settings.reminder_h),
            quiet=settings.quiet_hours,
            area_least=settings.area_least,
        )

    def day(self, now: datetime) -> datetime:
        """When today began where the utility is."""
        return now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def etr_told_at(self, told: datetime, etr: datetime, now: datetime) -> datetime | None:
        """When an ETR that moved from what was told is told; None for never.

        The longer there is to wait, the further it must have moved, and twice as far when it
        comes earlier: who has arranged for a later time is not hurt by an earlier one, and a time
        that goes to and fro is believed by nobody. As the time left shrinks, so does what is
        asked for; a time that slips is told at the latest when what was told would pass.
        """
        later = etr > told
        if told <= now:
            return now
        times = 1 if later else self.etr_earlier_times
        moved = abs(etr - told)
        if moved < self.etr_step * times:
            return told if later else None
        share = self.etr_step_percent / 100 * times
        if not share:
            return now
        at = told - moved / share
        return None if not later and at >= etr else max(now, at)

    def quiet_until(self, kind: Kind, situation: Situation, now: datetime) -> datetime | None:
        """The morning, for what can wait until then."""
        if kind.rule.quiet is Quiet.SENT or situation.medical or not situation.quiet:
            return None
        return minute(now) + timedelta(minutes=situation.quiet * QUIET_STEP_MIN)

    def hour_over(self, situation: Situation, now: datetime) -> datetime | None:
        """When somebody who wants to hear once an hour wants to hear again."""
        left_min = _HOUR_MIN - (situation.ago - 1) * AGO_STEP_MIN
        return now + timedelta(minutes=left_min) if situation.ago and left_min > 0 else None

    def day_over(self, situation: Situation, now: datetime) -> datetime | None:
        """The next day, for who has heard enough today.

        Not for who asked for every hour: of one outage that is few, of all in an area it is not.
        """
        every_hour = situation.ago and not situation.by_area
        if every_hour or situation.recent < self.most_a_day:
            return None
        return self.day(self.day(now) + _DAY + timedelta(hours=3))
