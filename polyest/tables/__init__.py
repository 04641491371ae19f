"""Tables, their look-up, their file format, and the released tables.  Nothing here solves or proves."""
