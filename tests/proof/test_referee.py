"""The released tables before referees that share no code with certificate.py, nor with any of polyest.

Sollya proves the supremum of each minimax table's error and finds the best polynomial by itself; of the
others every claim is evaluated again in 60 digits by mpmath, at the highest of densely spaced points, and
the lower bound of the optimum by solving for the least Lagrangian.  Lines are read as JSON.
"""

import json
import shutil
import subprocess
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil, comb, log2
from pathlib import Path

import mpmath
import pytest
from referee import CRITERIA, DIGITS, check_claims, phi, probabilities, share, suprema

pytestmark = pytest.mark.release
FOLDER = Path(__file__).parents[2] / "tables" / "v1"


@cache
def lines(name):
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


BUDGETED = sorted(
    path.stem
    for path in FOLDER.glob("*.jsonl")
    if "minimax" not in path.stem and "universal" not in path.stem
)


def test_the_families_are_those_of_the_release():
    noises = [f"log-gradient-variance-noise{r}" for r in (1, 16, 2, 4, 8)]
    others = ["log-squared-error", "log-variance-noise1", "log-variance-noise8"]
    assert [*noises, *others, "tsallis0.5-gradient-variance-noise8"] == BUDGETED


@pytest.fixture(autouse=True)
def sixty_digits():
    with mpmath.workdps(DIGITS):
        yield


@pytest.mark.parametrize("name", BUDGETED)
def test_every_claim_is_met_and_reached(name):
    for record in share(lines(name)):
        check_claims(record)


@pytest.mark.parametrize("claim", ["bias", *CRITERIA])
def test_a_claim_that_is_a_little_too_good_is_refuted(claim):
    record = json.loads(json.dumps(lines(BUDGETED[0])[15]))
    if claim == "bias":
        record["bias"]["upper"] = repr(float(record["bias"]["upper"]) * (1 - 1e-7))
    else:
        record[claim] = repr(float(record[claim]) * (1 - 1e-7))
    with pytest.raises(AssertionError):
        check_claims(record)


def least(record):
    """The bound of the optimum that the multipliers give, from the least Lagrangian."""
    K, target, witness = record["K"], record["target"], record["witness"]
    moving = record["criterion"] in ("variance", "gradient-variance")
    by_p = record["criterion"] in ("gradient-variance", "squared-error")
    lambdas = [mpmath.mpf(float(x)) for x in witness["bias_weights"]]
    places = [mpmath.mpf(float(x)) for x in witness["bias_points"]]
    mus = [mpmath.mpf(float(x)) for x in witness["noise_weights"]]
    spots = [mpmath.mpf(float(x)) for x in witness["noise_points"]]
    if moving:
        heaviest = max(range(len(places)), key=lambda i: abs(places[i] * lambdas[i]))
        rest = mpmath.fsum(
            p * x for i, (p, x) in enumerate(zip(places, lambdas, strict=True)) if i != heaviest
        )
        lambdas[heaviest] = -rest / places[heaviest]
    S, b, constant = mpmath.zeros(K + 1), mpmath.zeros(K + 1, 1), mpmath.mpf(0)
    for x, p in zip(lambdas, places, strict=True):
        row = probabilities(K, p)
        for k in range(K + 1):
            b[k] += x * p * row[k]
        constant -= x * p * phi(target, p)
    for mu, p in zip(mus, spots, strict=True):
        row, w = probabilities(K, p), mu * (p if by_p else 1)
        for k in range(K + 1):
            S[k, k] += w * row[k]
            for j in range(K + 1) if moving else ():
                S[k, j] -= w * row[k] * row[j]
            if record["criterion"] == "squared-error":
                b[k] -= 2 * w * phi(target, p) * row[k]
        if record["criterion"] == "squared-error":
            constant += w * phi(target, p) ** 2
    n = K if moving else K + 1  # a variance does not see constants: c_K is 0
    c = mpmath.lu_solve(S[:n, :n], -b[:n, 0] / 2)
    lowest = constant + mpmath.fdot([b[k] for k in range(n)], list(c)) / 2
    if record["criterion"] == "squared-error":
        return lowest / mpmath.fsum(mus)
    log_count = [phi(target, mpmath.mpf(k + 1) / (K + 1)) for k in range(K + 1)]
    unit = {"target": target, "coefficients": [float(x) for x in log_count]}
    limit = float(record["budget"]["value"]) * suprema(unit)[record["criterion"].replace("-", "_")]
    return (lowest - limit * mpmath.fsum(mus)) / mpmath.fsum(abs(x) for x in lambdas)


@pytest.mark.parametrize("name", BUDGETED)
def test_the_least_lagrangian_is_the_bound_of_the_optimum(name):
    records = [
        r for r in lines(name) if r["K"] in (5, 8, 13, 24) and "alternation" not in r["witness"]
    ]
    assert len(records) >= 2
    for record in records:
        bound, claimed = least(record), float(record["optimum"]["lower"])
        assert claimed <= bound * (1 + 1e-12), record["K"]
        assert claimed >= bound * (1 - 1e-9), record["K"]
        assert float(record["optimum"]["upper"]) >= bound


SOLLYA = """
verbosity = 0!;
prec = {bits}!;
display = dyadic!;
ours = {ours};
best = remez(x*log(x), {K}, [2^(-{m});1], x, 1b-60);
procedure top(p, accuracy) {{
  var s, j, high, low;
  high = 0; low = 0;
  for j from 1 to {m} do {{
    s = supnorm(x*p, x*log(x), [2^(-j);2^(-j+1)], absolute, accuracy);
    if (inf(s) > low) then low = inf(s);
    if (sup(s) > high) then high = sup(s);
  }};
  return [|low, high|];
}};
a = top(ours, 2^(-40));
b = top(best, 2^(-40));
print("RESULT", a[0], a[1], b[0], b[1]);
quit;
"""


def power_form(entries):
    """Coefficients in powers of p of sum c_k B_k, exactly, highest last."""
    K = len(entries) - 1
    c, differences = [Fraction(float(x)) for x in entries], []
    while c:
        differences.append(c[0])
        c = [b - a for a, b in pairwise(c)]
    return [comb(K, j) * d for j, d in enumerate(differences)]


def dyadic(word):
    mantissa, _, exponent = word.partition("b")
    return Fraction(mantissa) * Fraction(2) ** int(exponent or 0)


@pytest.mark.skipif(shutil.which("sollya") is None, reason="Sollya is not installed")
@pytest.mark.parametrize("record", lines("log-minimax"), ids=lambda r: f"K={r['K']}")
def test_sollya_proves_the_supremum_and_finds_the_same_optimum(record):
    K = record["K"]
    m, bits = 2 * ceil(log2(K + 1)) + 7, 4 * K + 200
    ours = " + ".join(
        f"({a.numerator}/{a.denominator})*x^{j}"
        for j, a in enumerate(power_form(record["coefficients"]))
    )
    script = SOLLYA.format(ours=ours, K=K, m=m, bits=bits)
    done = subprocess.run(
        ["sollya"], input=script, capture_output=True, text=True, check=True, timeout=300
    )
    (words,) = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT")]
    low, high, least, greatest = map(dyadic, words)
    bias, optimum = record["bias"], record["optimum"]
    assert low <= Fraction(float(bias["upper"]))
    assert high >= Fraction(float(bias["lower"]))
    assert high - low <= high * Fraction(1, 10**9)
    assert least <= Fraction(float(optimum["upper"])) * (1 + Fraction(1, 10**9))
    assert greatest >= Fraction(float(optimum["lower"])) * (1 - Fraction(1, 10**9))
