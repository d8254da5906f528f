"""What shapes and files are written in: formats read into plain values, and coordinate systems."""
