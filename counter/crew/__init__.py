"""The page by which a crew reports on one outage from its telephone."""
