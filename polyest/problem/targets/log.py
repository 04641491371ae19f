"""The logarithm: phi = log p, the reward of diversity and of consensus."""

from typing import TYPE_CHECKING

from polyest.problem.targets.target import NEAR, Target, descartes

if TYPE_CHECKING:
    from flint import arb
    from numpy.typing import ArrayLike

    from polyest.arrays import Floats


class Log(Target):
    """phi = log p."""

    @property
    def name(self) -> str:
        """`log`."""
        return "log"

    def written(self, argument: str) -> str:
        """`log p`, and `log(...)` of what is more than a letter."""
        return f"log {argument}" if argument.isalpha() else f"log({argument})"

    def phi(self, p: "ArrayLike") -> "Floats":
        """Values log p, -inf at 0."""
        import numpy as np

        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.asarray(p, dtype=np.float64)))

    def slopes(self, p: "ArrayLike") -> "tuple[Floats, Floats]":
        """1/p and -1/p^2."""
        import numpy as np

        x = np.asarray(p, dtype=np.float64)
        return 1 / x, -1 / (x * x)

    def ball(self, p: "arb") -> "arb":
        """Enclosure of log p."""
        return p.log()

    def jet(self, p: "arb") -> "tuple[arb, arb, arb]":
        """Enclosures of log p, 1/p and -1/p^2."""
        return p.log(), 1 / p, -1 / (p * p)

    def taylor(self, m: "arb", step: "arb", terms: int) -> "tuple[list[arb], arb]":
        """a_j = (-1)^(j-1) rho^j / j and |R| <= rho^n/(n(1-rho)), rho = step/m, n terms."""
        from flint import arb

        rho = step / m
        coefficients, power = [m.log()], arb(1)
        for j in range(1, terms):
            power = -power * rho
            coefficients.append(-power / j)
        return coefficients, abs(power * rho) / (terms * (1 - rho))

    def near_zero(self, d: "arb") -> "tuple[arb, arb]":
        """d|log d| and d log^2 d: p|log p| rises up to 1/e, p log^2 p up to 1/e^2 > 1/8."""
        from flint import arb

        if not d <= NEAR:
            return arb("+inf"), arb("+inf")
        size = abs(d.log())
        return d * size, d * size * size

    def moments(self, K: int) -> "list[arb]":
        """(k+1)/((K+1)(K+2)) (H_{k+1} - H_{K+2}), the derivative in a at 0 of those of p^a."""
        from fractions import Fraction

        from flint import arb

        whole = Fraction((K + 1) * (K + 2))
        gap, found = Fraction(0), []
        for k in range(K, -1, -1):
            gap -= Fraction(1, k + 2)
            ratio = gap * (k + 1) / whole
            found.append(arb(ratio.numerator) / ratio.denominator)
        return found[::-1]

    def most_bends(self, K: int) -> int:
        """K: p log p adds 1/p to e''."""
        return descartes(K, 1)

    @property
    def direction(self) -> int:
        """1: the logarithm rises."""
        return 1


def read(text: str, tail: str) -> Log:
    """The logarithm, which takes no number."""
    return Log()
