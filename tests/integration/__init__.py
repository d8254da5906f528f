"""Rooms together, over a real database and a real broker."""
