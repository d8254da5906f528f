"""Where: shapes, premises and who is inside; the only room that knows geometry."""
