"""What comes in from outside: feeds, recordings and files of other systems."""
