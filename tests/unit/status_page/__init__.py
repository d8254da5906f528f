"""Unit tests of status_page."""
