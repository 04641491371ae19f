"""The logarithm phi = log p, the reward of diversity and of consensus."""

from typing import TYPE_CHECKING

from polyest.problem.targets.target import NEAR, Target, descartes

if TYPE_CHECKING:
    from flint import arb
    from numpy.typing import ArrayLike

    from polyest.arrays import Floats


class Log(Target):
    """The target phi = log p."""

    @property
    def name(self) -> str:
        """The name `log`."""
        return "log"

    def written(self, argument: str) -> str:
        """Return `log p` for an argument of letters, and `log(...)` for any other."""
        return f"log {argument}" if argument.isalpha() else f"log({argument})"

    def phi(self, p: "ArrayLike") -> "Floats":
        """Return the values log p, which are -inf at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.asarray(p, dtype=np.float64)))

    def slopes(self, p: "ArrayLike") -> "tuple[Floats, Floats]":
        """Return 1/p and -1/p^2."""
        import numpy as np

        x = np.asarray(p, dtype=np.float64)
        return 1 / x, -1 / (x * x)

    def ball(self, p: "arb") -> "arb":
        """Return an enclosure of log p."""
        return p.log()

    def jet(self, p: "arb") -> "tuple[arb, arb, arb]":
        """Return enclosures of log p, 1/p and -1/p^2."""
        return p.log(), 1 / p, -1 / (p * p)

    def taylor(self, m: "arb", step: "arb", terms: int) -> "tuple[list[arb], arb]":
        """Return a_j = (-1)^(j-1) rho^j / j and a bound |R| <= rho^n/(n(1-rho)), rho = step/m, n terms."""
        from flint import arb

        rho = step / m
        coefficients, power = [m.log()], arb(1)
        for j in range(1, terms):
            power = -power * rho
            coefficients.append(-power / j)
        return coefficients, abs(power * rho) / (terms * (1 - rho))

    def near_zero(self, d: "arb") -> "tuple[arb, arb]":
        """Return d|log d| and d log^2 d: p|log p| rises up to p = 1/e, and p log^2 p up to 1/e^2 > 1/8."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        size = abs(d.log())
        return d * size, d * size * size

    def moments(self, K: int) -> "list[arb]":
        """Return (k+1)/((K+1)(K+2)) (H_{k+1} - H_{K+2}), the derivative at a = 0 of the moments of p^a."""
        from fractions import Fraction

        from flint import arb

        whole = Fraction((K + 1) * (K + 2))
        gap, moments = Fraction(0), []
        for k in range(K, -1, -1):
            gap -= Fraction(1, k + 2)
            ratio = gap * (k + 1) / whole
            moments.append(arb(ratio.numerator) / ratio.denominator)
        return moments[::-1]

    def most_bends(self, K: int) -> int:
        """Return K, because p log p adds 1/p to e''."""
        return descartes(K, 1)

    @property
    def direction(self) -> int:
        """1, because the logarithm rises."""
        return 1


def read(text: str, tail: str) -> Log:
    """Return the logarithm, which takes no number."""
    return Log()
