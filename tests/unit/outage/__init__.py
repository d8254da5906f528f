"""Unit tests of outage."""
