"""What may happen: questions in, decisions out. Nothing here does I/O."""
