"""The carrier simulator, piece by piece."""
