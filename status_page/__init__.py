"""What the public sees, published as files and served without the database."""
