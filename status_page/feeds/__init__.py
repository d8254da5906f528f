"""What other systems read: whole files that every generation brings up to date.

A new feed is a class in a module of its own that does what `status_page.draft.Feed` says, and
a line here.
"""

from status_page.draft import MakeFeed

FEEDS: tuple[MakeFeed, ...] = ()
