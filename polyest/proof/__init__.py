"""What is proved of stored numbers, in ball arithmetic; nothing here sees a solver."""
