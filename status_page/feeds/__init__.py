"""What other systems read: whole files that follow the generations, in a storm by some seconds.

A new feed is a class in a module of its own that does what `status_page.draft.Feed` says, and
a line here.
"""

from status_page.draft import MakeFeed
from status_page.feeds.atom import Atom
from status_page.feeds.cap import Cap
from status_page.feeds.days import DayByDay
from status_page.feeds.embed import Embed
from status_page.feeds.geojson import GeoJson
from status_page.feeds.listing import Listing
from status_page.feeds.odin import Odin
from status_page.feeds.places import Places
from status_page.feeds.planned import Planned
from status_page.feeds.schemas import Schemas
from status_page.feeds.sheet import Sheet
from status_page.feeds.table import Table

FEEDS: tuple[MakeFeed, ...] = (
    GeoJson,
    Table,
    Atom,
    Cap,
    Odin,
    Places,
    Planned,
    Schemas,
    Embed,
    Listing,
    Sheet,
    DayByDay,
)
