"""One room at a time, values in and values out."""
