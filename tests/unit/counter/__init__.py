"""Unit tests of counter."""
