"""Named figures, problems and points that tests share; themselves tested in test_cases.py.

LEAST_BIAS and the others were measured independently of this package, in the digits given.
"""

from dataclasses import dataclass
from fractions import Fraction

LEAST_BIAS = {
    1: "7.72019924667603e-2",
    2: "3.523656044671658e-2",
    3: "2.002712411788e-2",
    4: "1.288206841529512e-2",
    8: "4.001578569564558e-3",
    16: "1.123936070428911e-3",
    32: "2.984545262314496e-4",
    64: "7.693979340628663e-5",
    128: "1.953515645160727e-5",
    256: "4.92192282148781e-6",
    1024: "3.0942457913378e-7",
}
# Least sup|e| for the log of monotone tables, and of monotone and concave ones.
SHAPED = {
    3: {"monotone": ".0225330363", "concave": ".0253424643"},
    6: {"monotone": ".0105583801", "concave": ".0123302765"},
    14: {"monotone": ".0043859596", "concave": ".0051405070"},
    30: {"monotone": ".00202038417", "concave": ".0023726349"},
    62: {"monotone": ".0009741806", "concave": ".0011426110"},
    126: {"monotone": ".0004784450", "concave": ".0005610384"},
}
LIMIT, SECOND = 0.325089273454175, -0.0787988  # E*(K) (K+1)^2 = LIMIT + SECOND/(K+1)^2 + ...


@dataclass(frozen=True)
class Figure:
    """An optimum of a variance-optimal program, known to `within` (relative)."""

    K: int
    keywords: tuple[tuple[str, float | str], ...]
    value: float
    within: float

    @property
    def arguments(self) -> dict[str, float | str]:
        return dict(self.keywords)


def _figure(K: int, value: float, within: float, **keywords: float | str) -> Figure:
    return Figure(K, tuple(keywords.items()), value, within)


# At a bias budget, the optimum is the criterion; at a noise budget, the bias.
ROUGH = 2e-5
DIGITS = 1e-4  # four of them are given
FIGURES = (
    _figure(8, 0.251926, ROUGH, criterion="gradient-variance", bias_ratio=2),
    _figure(16, 0.47822, ROUGH, criterion="gradient-variance", bias_ratio=2),
    _figure(40, 0.04844619, ROUGH, criterion="gradient-variance", bias_ratio=10),
    _figure(8, 2.078647, ROUGH, criterion="variance", bias_ratio=2),
    _figure(16, 5.609262, ROUGH, criterion="variance", bias_ratio=2),
    _figure(40, 1.71613, ROUGH, criterion="variance", bias_ratio=10),
    _figure(128, 0.011038, ROUGH, criterion="gradient-variance", bias_ratio=50),
    _figure(128, 0.954828, ROUGH, criterion="variance", bias_ratio=50),
    _figure(4, 8.00532614943, 1e-6, criterion="second-moment", bias_ratio=2),
    _figure(8, 16.0156091215, 1e-6, criterion="second-moment", bias_ratio=2),
    _figure(16, 28.0430074515, 1e-6, criterion="second-moment", bias_ratio=2),
    _figure(16, 28041.6, 2e-6, criterion="second-moment", bias_ratio=1.01),
    _figure(16, 3090.8, 2e-5, criterion="second-moment", bias_ratio=1.1),
    _figure(16, 259.01, 2e-5, criterion="second-moment", bias_ratio=1.25),
    _figure(16, 31.2236, 2e-6, criterion="second-moment", bias_ratio=1.5),
    _figure(16, 23.6669, 3e-6, criterion="second-moment", bias_ratio=3),
    _figure(16, 18.1257, 3e-6, criterion="second-moment", bias_ratio=5),
    _figure(16, 12.2331, 5e-6, criterion="second-moment", bias_ratio=10),
    _figure(64, 45092.35, 1e-5, criterion="second-moment", bias_ratio=3),
    *(
        _figure(K, value, DIGITS, criterion="gradient-variance", noise=noise)
        for K, values in (
            (7, (0.0480225, 0.0224629, 0.0103661, 0.0064230)),
            (15, (0.0240088, 0.0087457, 0.0039342, 0.0026678)),
            (31, (0.0118574, 0.0036229, 0.0016764, 0.0012224)),
            (63, (0.0058476, 0.0015930, 0.0007688, 0.0005838)),
        )
        for noise, value in zip((1, 2, 4, 8), values, strict=True)
    ),
)


def points(degree: int) -> list[Fraction]:
    """Enough points of [0, 1] to tell two polynomials of this degree apart."""
    return [Fraction(i, degree + 1) for i in range(degree + 2)]


def doubles(entries: list[Fraction]) -> list[float]:
    return [float(c) for c in entries]


AGAINST = {  # times less bias at the rival's own noise, K = 8, 16, 32, 64
    "schuermann": ("1.10", "1.11", "1.12", "1.13"),
    "jackknife": ("1.11", "1.15", "1.18", "1.19"),
    "harmonic": ("1.23", "1.29", "1.34", "1.38"),
    "log_count": ("1.38", "1.43", "1.49"),
}
