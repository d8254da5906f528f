"""Unit tests of notifier."""
