"""Unit tests of gis."""
