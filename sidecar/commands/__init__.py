"""Command lines and what policies say of them, for both sides: at the doors, and inside sessions. Pure."""
