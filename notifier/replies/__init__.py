"""Replies: what people text us, understood, acted on and answered."""
