"""What PremiseIndex is made of: its layout and file, and the search in numpy or compiled."""
