"""Feeds, each held to the rules of its own format by somebody else's reader."""
