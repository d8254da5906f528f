"""The public's and the crews' way in: lookups, reports, provider hooks."""
