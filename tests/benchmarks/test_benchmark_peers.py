"""benchmarks/estimators.py is what the papers say; benchmarks/peers.py and its files say what is proved."""

import subprocess
import sys
from collections import Counter
from fractions import Fraction
from itertools import product
from math import factorial, log, prod, sqrt

import estimators
import mpmath
import numpy as np
import origin
import peers
import pytest

import polyest
from polyest import closed_forms
from polyest.errors import InvalidProblem
from polyest.gradients import Answers
from polyest.problem.bernstein import elevate, expectation, pmf

F = Fraction
SAMPLE = [5, 3, 1, 1, 4, 2, 1]
OURS = {"noise 1", "noise 2", "noise 4", "noise 8", "squared-error"}


@pytest.fixture(scope="module")
def rows():
    return origin.read(peers.PEERS)


@pytest.fixture(scope="module")
def errors():
    return origin.read(peers.ENTROPY)


def cell(rows, **where):
    (only,) = [row for row in rows if all(row[k] == str(v) for k, v in where.items())]
    return only


# The estimators.


@pytest.mark.parametrize("K", [1, 2, 3, 15, 64])
def test_grassberger_is_its_digamma_formula(K):
    with mpmath.workdps(40):
        psi = mpmath.digamma
        for n, c in enumerate(estimators.grassberger(K).coefficients, 1):
            G = psi(n) + (-1) ** n * (psi((n + mpmath.mpf(1)) / 2) - psi(mpmath.mpf(n) / 2)) / 2
            assert c == pytest.approx(float(G - mpmath.log(K + 1)), rel=1e-14, abs=1e-15)
        for n, c in enumerate(estimators.grassberger_1988(K).coefficients, 1):
            wanted = psi(n) + mpmath.mpf((-1) ** n) / (n + 1) - mpmath.log(K + 1)
            assert c == pytest.approx(float(wanted), rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("K", [5, 40])
def test_grassberger_is_schuermann_at_a_half_with_a_logarithm(K):
    psi = float(mpmath.digamma(K + 1))
    moved = closed_forms.schuermann(K, 0.5).coefficients + psi - log(K + 1)
    assert estimators.grassberger(K).coefficients == pytest.approx(moved, rel=1e-13, abs=1e-14)


@pytest.mark.parametrize(("K", "degree", "T"), [(12, 4, 0.5), (12, 7, 1.0), (30, 9, 0.25)])
def test_the_polynomial_of_rare_answers_is_unbiased(K, degree, T):
    """E c_X = log T + P(p/T) at every p, P the minimax table of degree - 1."""
    entries = estimators._polynomial(K, degree, T, K + 1)
    P = [F(c) for c in polyest.load(degree - 1, criterion="minimax").coefficients.tolist()]
    for p in (F(1, 100), F(1, 7), F(1, 4)):
        wanted = log(T) + float(expectation(P, p / F(T)))
        assert float(expectation([F(c) for c in entries], p)) == pytest.approx(wanted, rel=1e-10)


def test_jvhw_of_few_draws_is_an_elevated_minimax_table_blended_into_miller_madow():
    entries, K = estimators.jvhw(8).coefficients, 8
    small = elevate([F(c) for c in polyest.load(6, criterion="minimax").coefficients.tolist()], K)
    large = closed_forms.miller_madow(K).coefficients
    for X in range(K + 1):
        r = min(max(2 * (X + 1) / 9 - 1, 0), 1)  # T = 1
        assert entries[X] == pytest.approx(r * large[X] + (1 - r) * float(small[X]), rel=1e-12)


def test_wu_yang_is_polynomial_up_to_its_threshold_and_miller_madow_above():
    K, N = 64, 65
    entries, rare = estimators.wu_yang(K).coefficients, int(1.6 * log(N))
    assert rare == 6
    small = estimators._polynomial(K, rare, 3.5 * log(N) / N, rare)
    assert entries[:rare].tolist() == small
    assert entries[rare:] == pytest.approx(closed_forms.miller_madow(K).coefficients[rare:])
    assert entries[:rare] != pytest.approx(closed_forms.miller_madow(K).coefficients[:rare])
    assert estimators.wu_yang(K, 1000).coefficients[8] != pytest.approx(entries[8])


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ([1] * 20 + [80], 0.3303 * log(5) + 0.4679),
        ([1] * 150 + [50], np.polyval(estimators.SMALL, log(4 / 3))),
        ([1, 255], 0.3303 * log(256) + 0.4679),
    ],
    ids=["few draws", "many singletons", "one singleton"],
)
def test_jvhw_of_a_sample_takes_the_interval_of_its_singletons(counts, share):
    N = sum(counts)
    wanted = estimators.entropy(estimators.jvhw(N - 1, share), counts)
    assert estimators.jvhw_of(counts) == pytest.approx(wanted, rel=1e-12)
    other = estimators.entropy(estimators.jvhw(N - 1, 1.2 * share), counts)
    assert estimators.jvhw_of(counts) != pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize(("N", "m", "k"), [(30, 200, 5), (65, 650, 8), (129, 129, 3)])
def test_bub_fits_what_the_authors_normal_equations_do(N, m, k):
    """XX + N D with a great multiplier on a_0, as his program writes them."""
    j = np.arange(N + 1) / N
    a = np.append(0.0, -j[1:] * np.log(j[1:]) + (1 - j[1:]) / (2 * N))
    p = np.geomspace(1e-4 / N, min(1.0, 30 / N), 200)
    B, h = pmf(N, p), -p * np.log(p)
    D = 2 * np.eye(k) - np.eye(k, k=1) - np.eye(k, k=-1)
    D[0, 0] = D[-1, -1] = 1
    A = m**2 * B[:, :k].T @ B[:, :k] + N * D
    A[0, 0] += 1e14
    A[-1, -1] += N
    y = m**2 * B[:, :k].T @ (h - B[:, k:] @ a[k:])
    y[-1] += N * a[k - 1]
    wanted = np.linalg.solve(A, y)
    fitted = estimators._fitted(B, h, a, k, m)
    assert fitted[0] == 0
    assert fitted[1:] == pytest.approx(wanted[1:], rel=1e-5)
    assert fitted[1:] != pytest.approx(a[1:k], rel=1e-3)


def test_bub_is_miller_madow_for_few_answers_and_has_less_bias_for_more():
    assert estimators.bub(16).coefficients == pytest.approx(
        closed_forms.miller_madow(16).coefficients
    )
    biases = [estimators.bub(16, m).bias.upper for m in (17, 170, 1700)]
    assert biases == sorted(biases, reverse=True)
    noises = [estimators.bub(16, m).gradient_variance for m in (17, 170, 1700)]
    assert noises == sorted(noises)


@pytest.mark.parametrize("name", estimators.TABLES)
def test_an_estimator_is_the_sum_that_its_table_is(name):
    table = estimators.TABLES[name](16)
    a = [0.0, *(-j / 17 * table.coefficients[j - 1] for j in range(1, 18))]
    assert table.K == 16
    assert table.optimum is None
    assert estimators.entropy(table, SAMPLE) == pytest.approx(sum(a[n] for n in SAMPLE), rel=1e-13)
    assert estimators.entropy(table, [0, *SAMPLE]) == estimators.entropy(table, SAMPLE)


def test_wrong_arguments_are_one_error():
    for counts in ([5, 3], [18, -1], []):
        with pytest.raises(InvalidProblem, match="add up to"):
            estimators.entropy(closed_forms.harmonic(16), counts)
    for m in (0, 2.5, True):
        with pytest.raises(InvalidProblem, match="answers is"):
            estimators.bub(8, m)
    with pytest.raises(InvalidProblem, match="answers is 1"):
        estimators.wu_yang(8, 1)
    for make in estimators.TABLES.values():
        with pytest.raises(InvalidProblem, match="K is 0"):
            make(0)


def test_chao_shen_by_hand():
    q = [0.75 * n / 4 for n in (1, 3)]
    wanted = -sum(x * log(x) / (1 - (1 - x) ** 4) for x in q)
    assert estimators.chao_shen([1, 3]) == pytest.approx(wanted, rel=1e-14)
    assert estimators.chao_shen([4]) == 0
    # The coverage of these counts is taken as 1/3, not as 0.
    wanted = -3 * (1 / 9) * log(1 / 9) / (1 - (8 / 9) ** 3)
    assert estimators.chao_shen([1, 1, 1]) == pytest.approx(wanted, rel=1e-14)


def test_infomeasure_finds_the_same():
    package = pytest.importorskip("infomeasure", reason="infomeasure is not installed")
    tables = {
        "discrete": "log_count",
        "miller_madow": "miller_madow",
        "zhang": "harmonic",
        "grassberger": "grassberger_1988",
    }
    draws = np.repeat(np.arange(len(SAMPLE)), SAMPLE)
    for approach, name in tables.items():
        theirs = package.entropy(draws, approach=approach, base="e")
        ours = estimators.entropy(estimators.TABLES[name](sum(SAMPLE) - 1), SAMPLE)
        assert ours == pytest.approx(float(theirs), rel=1e-12), name
    theirs = package.entropy(draws, approach="chao_shen", base="e")
    assert estimators.chao_shen(SAMPLE) == pytest.approx(float(theirs), rel=1e-12)


def test_dit_finds_the_same():
    inference = pytest.importorskip("dit.inference", reason="dit is not installed")
    draws, K = np.repeat(np.arange(len(SAMPLE)), SAMPLE), sum(SAMPLE) - 1
    for theirs, table in (
        (inference.entropy_0, closed_forms.log_count(K)),
        (inference.entropy_1, closed_forms.harmonic(K)),
        (inference.entropy_2, closed_forms.schuermann(K, 0.5)),
    ):
        ours = estimators.entropy(table, SAMPLE) / log(2)
        assert ours == pytest.approx(float(theirs(draws)), rel=1e-12)


# Errors on samples.


@pytest.mark.parametrize("name", ["harmonic", "grassberger", "jvhw"])
def test_the_error_of_a_table_is_that_of_every_sample(name):
    table, of = estimators.TABLES[name](4), Answers((0.1, 0.2), (2, 4))
    p = np.repeat(of.p, of.times)
    truth = -float(p @ np.log(p))
    first = second = total = 0.0
    for counts in product(range(6), repeat=6):
        if sum(counts) == 5:
            ways = factorial(5) / prod(map(factorial, counts))
            weight = ways * prod(p**counts)
            error = estimators.entropy(table, counts) - truth
            first, second, total = (
                first + weight * error,
                second + weight * error**2,
                total + weight,
            )
    measured = peers.exact(table, of, truth)
    assert total == pytest.approx(1, rel=1e-12)
    assert measured["bias"] == pytest.approx(first, rel=1e-10)
    assert measured["rmse"] == pytest.approx(sqrt(second), rel=1e-10)
    assert measured["std"] == pytest.approx(sqrt(second - first**2), rel=1e-9)
    assert measured["samples"] == 0


def test_sampled_errors_are_within_their_standard_errors_of_the_exact():
    of, n = peers.distribution("Zipf", 10), 16
    truth = -sum(p * log(p) * t for p, t in zip(of.p, of.times, strict=True))
    table = closed_forms.schuermann(n - 1)
    exact = peers.exact(table, of, truth)
    drawn = peers.drawn({"s": lambda counts: estimators.entropy(table, counts)}, of, n, truth, 4000)
    sampled = peers.measured(drawn["s"], truth)
    assert sampled["samples"] == 4000
    for key in ("bias", "std", "rmse"):
        assert abs(sampled[key] - exact[key]) < 3.5 * sampled[f"{key}_pm"]
        assert sampled[f"{key}_pm"] < 0.01


def test_measured_by_hand():
    measured = peers.measured(np.array([1.0, 3.0]), 7.0)
    assert measured["bias"] == 2
    assert measured["std"] == 1
    assert measured["rmse"] == pytest.approx(sqrt(5))
    assert measured["bias_pm"] == pytest.approx(1 / sqrt(2))
    assert measured["rmse_pm"] == pytest.approx(4 / sqrt(2) / (2 * sqrt(5)))
    assert peers.measured(np.zeros(2), 7.0)["rmse_pm"] == 0


def test_distributions_are_what_they_are_called():
    zipf, geometric = peers.distribution("Zipf", 3), peers.distribution("geometric", 10)
    assert sorted(zipf.p) == pytest.approx([2 / 11, 3 / 11, 6 / 11])
    ratios = np.divide(sorted(geometric.p)[1:], sorted(geometric.p)[:-1])
    assert ratios == pytest.approx(1 / 0.6)


def test_standing_is_the_geometric_mean_over_cells():
    rows = [
        {"n": "16", "answers": a, "S": "10", "estimator": e, "rmse": r}
        for a, e, r in (("u", "x", "1"), ("u", "y", "4"), ("z", "x", "2"), ("z", "y", "1"))
    ]
    assert peers.standing(rows) == {16: [("x", pytest.approx(sqrt(2))), ("y", pytest.approx(2))]}


def test_a_package_that_is_absent_is_skipped_with_a_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "infomeasure", None)
    assert set(peers.sampled()) == {"chao_shen", "jvhw_of"}
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "skipped: chao_wang_jost, shrink, bonachela, as infomeasure is not installed"
    ]


# The files.


def test_the_files_have_every_cell_and_were_made_with_all_present(rows, errors):
    names = Counter((row["kind"], row["table"]) for row in rows)
    assert {name for kind, name in names if kind == "polyest"} == {*OURS, "minimax"}
    assert {n for kind, n in names if kind == "peer"} == {*estimators.TABLES, "bub, m = 10 N"}
    assert all(times == (2 if name == "minimax" else 4) for (_, name), times in names.items())
    assert {int(row["K"]) for row in rows} == set(peers.DRAWS) == {8, 16, 32, 64}
    assert all(row["note"] == "" for row in rows)
    wanted = {*OURS, *estimators.TABLES, "bub, m = S", "wu_yang, k = S"}
    wanted |= {"chao_shen", "jvhw_of", *peers.OF_PACKAGE}
    cells = Counter((row["answers"], row["S"], row["n"]) for row in errors)
    assert len(cells) == 27
    for row in errors:
        least = 4000 if row["kind"] == "sample" else 0
        assert int(row["samples"]) == least
        assert (float(row["rmse_pm"]) > 0) == (row["kind"] == "sample")
    for shape, S, n in cells:
        present = {
            r["estimator"] for r in errors if (r["answers"], r["S"], r["n"]) == (shape, S, n)
        }
        assert present == wanted | ({"minimax"} if n == "16" else set())
    assert all("absent" not in row["versions"] for row in errors)


def test_the_certified_rows_are_what_is_proved_now(rows, monkeypatch):
    monkeypatch.setattr(peers, "_beside", lambda table: {})
    now = list(peers.certified((8,)))
    assert len(now) == sum(row["K"] == "8" for row in rows)
    for row in now:
        stored = cell(rows, K=8, table=row["table"])
        assert row["kind"] == stored["kind"]
        assert float(row["bias_lower"]) <= float(stored["bias_upper"])
        assert float(row["bias_upper"]) >= float(stored["bias_lower"])
        for key in ("second_moment", "variance", "gradient_variance", "squared_error", "noise"):
            assert float(row[key]) == pytest.approx(float(stored[key]), rel=1e-12)


def test_the_least_bias_beside_a_table_is_what_is_proved_now(rows):
    for name, table in (
        ("schuermann", closed_forms.schuermann(8)),
        ("noise 2", polyest.load(8, noise=2)),
    ):
        now, stored = peers._beside(table), cell(rows, K=8, table=name)
        for what in ("least", "ratio"):
            assert now[f"{what}_lower"] <= float(stored[f"{what}_upper"]) * (1 + 1e-12)
            assert now[f"{what}_upper"] >= float(stored[f"{what}_lower"]) * (1 - 1e-12)
            assert now[f"{what}_upper"] <= now[f"{what}_lower"] * (1 + 1e-5)
    assert float(stored["least_upper"]) == table.bias.upper


def test_no_peer_lies_below_the_curve_and_bub_is_nearest_to_it(rows):
    ratios = {}
    for row in rows:
        assert float(row["ratio_upper"]) >= 1
        assert float(row["ratio_upper"]) <= float(row["ratio_lower"]) * (1 + 1e-5)
        if row["kind"] == "peer":
            ratios.setdefault(row["table"], []).append(float(row["ratio_lower"]))
    assert all(min(values) > 1 for values in ratios.values())
    assert max(ratios["bub, m = 10 N"]) < 1.061
    for name, values in ratios.items():
        if name != "bub, m = 10 N":
            assert min(values) > 1.09, name
    assert 1.1 <= min(ratios["schuermann"]) < max(ratios["schuermann"]) < 1.13


def test_as_entropy_estimators_ours_lose_and_by_how_much(errors):
    """Told S, or seeing all counts, others err less; so does Grassberger from 64 draws, Schuermann at 256."""
    for n, ranked in peers.standing(errors).items():
        times = dict(ranked)
        ours = min(times[name] for name in OURS)
        assert {"bub, m = S", "wu_yang, k = S", "chao_wang_jost"} <= {
            name for name, value in ranked if value < ours
        }
        assert (times["grassberger"] < ours) == (n >= 64)
        assert (times["schuermann"] < ours) == (n == 256)
        assert ours < times["harmonic"] < times["log_count"]
        assert ours / ranked[0][1] < {16: 1.15, 64: 1.4, 256: 1.65}[n]


def test_noise_8_has_less_bias_than_every_peer_that_is_a_table(errors):
    """In root mean square over shapes and S, also where the peer is told S."""
    for n in ("16", "64", "256"):
        bias = {}
        for row in errors:
            if row["n"] == n and row["kind"] != "sample":
                bias.setdefault(row["estimator"], []).append(float(row["bias"]) ** 2)
        peers_of_ours = {name for name in bias if name not in OURS | {"minimax"}}
        assert len(peers_of_ours) == len(estimators.TABLES) + 2
        assert sum(bias["noise 8"]) < min(sum(bias[name]) for name in peers_of_ours)


def test_the_quick_run_prints_both_files():
    done = subprocess.run(
        [sys.executable, peers.__file__, "--quick"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    heads = [line for line in done.stdout.splitlines() if line.endswith("machine,versions")]
    assert heads[0].startswith("K,table,kind,bias_lower,bias_upper,second_moment,variance")
    assert heads[1].startswith("answers,S,n,estimator,kind,entropy,bias,bias_pm,std,std_pm,rmse")


def test_the_summary_names_every_estimator():
    text = "\n".join(peers.summary())
    assert all(f"  {name} " in text for name in (*OURS, *estimators.TABLES, *peers.OF_PACKAGE))
