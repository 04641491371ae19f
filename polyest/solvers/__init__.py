"""One module per method, each `solve(problem) -> Solution`; a new method is a file and a word here."""

METHODS = ("remez", "lp", "socp", "cvx")
