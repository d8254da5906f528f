"""Who is told what, how, and once."""
