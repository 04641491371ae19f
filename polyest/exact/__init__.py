"""Mathematics in balls that solvers and proof share and neither believes of the other."""
