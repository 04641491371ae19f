"""Pages: a report as plain lines of at most 80 columns, in ASCII.

A page gets what it says from the command, which has computed it: nothing here solves, proves or loads.  A
proved bound is shortened outward, so that what is printed is still proved; a ratio is rounded.
"""
