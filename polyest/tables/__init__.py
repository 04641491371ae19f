"""The waist: tables, their look-up, their format, and the released ones. Nothing here solves or proves."""
