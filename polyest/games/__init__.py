"""Answer-level fine-tuning as a game, exact on problems small enough to enumerate (numpy)."""
