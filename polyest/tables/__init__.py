"""Tables, their look-up, their file format and the released tables; nothing here solves or proves."""
