"""One module per channel, behind one small contract."""
