"""Solve, certify, verify: claims are proved, and spoiled claims are not."""

import numpy as np
import pytest
from copies import replace
from flint import arb

import polyest
from polyest.errors import InvalidProblem, NotConverged, NotProved
from polyest.exact.balls import at_least
from polyest.exact.tie_break import value
from polyest.make import pipeline
from polyest.problem.claims import Bracket
from polyest.problem.problem import Alternation, Dual, pose, settled
from polyest.proof.certify import certify
from polyest.proof.dual_bound import lower_bound


@pytest.fixture(scope="module", params=["minimax", "noise", "bias", "squared-error"])
def table(request):
    keywords = {
        "minimax": {"criterion": "minimax"},
        "noise": {"noise": 2},
        "bias": {"criterion": "variance", "bias_ratio": 2},
        "squared-error": {"criterion": "squared-error"},
    }
    return polyest.solve(6, **keywords[request.param])


def claiming(table, **changes):
    return replace(table, claims=replace(table.certificate, **changes))


def test_a_table_as_made_is_verified(table):
    polyest.verify(table)
    polyest.verify(polyest.loads(polyest.dumps(table)))


@pytest.mark.parametrize("end", ["lower", "upper"])
@pytest.mark.parametrize("field", ["bias", "optimum"])
@pytest.mark.parametrize("factor", [1 - 1e-6, 1 + 1e-6])
def test_no_end_of_a_bracket_can_be_moved(table, field, end, factor):
    bracket = getattr(table.certificate, field)
    moved = replace(bracket, **{end: getattr(bracket, end) * factor})
    with pytest.raises(NotProved, match=f"{field}.{end} is claimed"):
        polyest.verify(claiming(table, **{field: moved}))


@pytest.mark.parametrize(
    "name", ["second_moment", "variance", "gradient_variance", "squared_error"]
)
def test_no_criterion_can_be_lowered(table, name):
    with pytest.raises(NotProved, match=f"{name} is claimed"):
        polyest.verify(claiming(table, **{name: getattr(table, name) * (1 - 1e-6)}))


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize("factor", [1 - 1e-3, 1 + 1e-3])
def test_no_coefficient_can_be_nudged(table, k, factor):
    c = table.coefficients.copy()
    c[k] *= factor
    with pytest.raises(NotProved):
        polyest.verify(replace(table, coefficients=c))


def test_no_part_of_the_witness_can_be_altered(table):
    if isinstance(table.witness, Alternation):
        points = table.witness.points
        spoiled = [
            Alternation((*points[:i], p * (1 - 1e-4), *points[i + 1 :]))
            for i, p in enumerate(points)
        ]
    else:
        heavy = int(np.argmax(np.abs(table.witness.noise_weights)))
        weights = list(table.witness.noise_weights)
        weights[heavy] *= 1.01
        spoiled = [
            replace(table.witness, noise_weights=tuple(weights)),
            replace(table.witness, selection=table.witness.selection * (1 + 1e-9)),
            replace(table.witness, noise_points=table.witness.noise_points[1:]),
            replace(table.witness, noise_weights=tuple(-w for w in weights)),
            replace(table.witness, noise_points=(), noise_weights=()),
        ]
        if table.witness.bias_weights:
            heavy = int(np.argmax(np.abs(table.witness.bias_weights)))
            weights = list(table.witness.bias_weights)
            weights[heavy] *= 1.01
            spoiled.append(replace(table.witness, bias_weights=tuple(weights)))
    for witness in [*spoiled, None]:
        with pytest.raises(NotProved):
            polyest.verify(replace(table, witness=witness))


def test_a_budget_that_is_missed_is_not_certified():
    problem = pipeline.resolve(pose(6, noise=2))
    table = polyest.solve(6, noise=2)
    certify(problem, table.coefficients, table.witness)
    with pytest.raises(NotProved, match="of the stored table is"):
        certify(replace(problem, limit=problem.limit * 0.99), table.coefficients, table.witness)
    with pytest.raises(NotProved, match="no absolute limit"):
        certify(replace(problem, limit=None), table.coefficients, table.witness)


def test_a_table_better_than_its_witness_allows_is_a_contradiction():
    problem = pose(6, criterion="squared-error")
    good, other = (
        polyest.solve(6, criterion="squared-error"),
        polyest.solve(5, criterion="squared-error"),
    )
    larger = Dual(
        (), (), other.witness.noise_points, other.witness.noise_weights, good.witness.selection
    )
    assert lower_bound(pose(5, criterion="squared-error"), larger) > good.squared_error
    certificate = certify(problem, good.coefficients, larger)
    assert certificate.optimum.lower < good.optimum.lower  # at K = 6 those weights bound less


@pytest.mark.parametrize("K", [2, 5, 9])
def test_weak_duality_holds_for_any_weights_and_any_table(K):
    """No random weights give a lower bound above what the solved table reaches."""
    rng = np.random.default_rng(K)
    problem = pipeline.resolve(pose(K, criterion="variance", noise=1))
    table = polyest.solve(K, criterion="variance", noise=1)
    for _ in range(5):
        n = 2 * K + 3
        dual = Dual(
            tuple(np.sort(rng.uniform(0.001, 1, n)).tolist()),
            tuple(rng.normal(size=n).tolist()),
            tuple(np.sort(rng.uniform(0.001, 0.999, n)).tolist()),
            tuple(rng.uniform(0, 1, n).tolist()),
            0.0,
        )
        assert lower_bound(problem, settled(dual)) < arb(table.bias.upper)
        with pytest.raises(NotProved, match="do not balance"):
            lower_bound(problem, dual)


def spoiling(monkeypatch, factor):
    """Every solution's coefficients times factor(n), n = 0, 1, ...; the limits that were asked for.

    The witness says what the spoiled coefficients select, so that nothing is amiss but the budget.
    """
    asked = []
    real = pipeline._run

    def run(problem, method):
        solution = real(problem, method)
        if problem.criterion == "minimax":
            return solution
        asked.append(problem.limit)
        spoiled = solution.coefficients * factor(len(asked) - 1)
        selection = float(value(problem.target, spoiled))
        witness = replace(solution.witness, selection=selection)
        return replace(solution, coefficients=spoiled, witness=witness)

    monkeypatch.setattr(pipeline, "_run", run)
    return asked


def test_a_table_that_misses_its_budget_is_asked_again_with_a_tighter_one(monkeypatch):
    asked = spoiling(monkeypatch, lambda n: 1 + 2e-8)
    table = polyest.solve(6, noise=2)
    limit = pipeline.resolve(table.problem).limit
    assert table.gradient_variance <= limit
    assert len(asked) == 2
    assert limit > asked[0] > asked[1] > limit * (1 - 1e-6)
    polyest.verify(table)


def test_a_table_that_misses_it_by_much_is_refused_at_once(monkeypatch):
    asked = spoiling(monkeypatch, lambda n: 1 + 1e-4)
    with pytest.raises(
        NotConverged,
        match=r"K = 6, .* rounded to float64, the table.s gradient-variance is 0.* above its budget of",
    ):
        polyest.solve(6, noise=2)
    assert len(asked) == 1


def test_a_table_that_always_misses_it_is_refused(monkeypatch):
    """Each time the budget is missed by more than it was tightened."""
    asked = spoiling(monkeypatch, lambda n: 1 + 1e-7 * 5**n)
    with pytest.raises(NotConverged, match="rounded to float64, the table"):
        polyest.solve(6, noise=2)
    assert len(asked) == pipeline.ATTEMPTS
    assert asked == sorted(asked, reverse=True)


def test_what_is_not_proved_for_another_reason_is_not_asked_again(monkeypatch):
    """The budget is kept, but the witness is spoiled."""
    asked = spoiling(monkeypatch, lambda n: 1.0)
    run = pipeline._run

    def unproved(problem, method):
        solution = run(problem, method)
        if problem.criterion == "minimax":
            return solution
        return replace(solution, witness=replace(solution.witness, noise_weights=()))

    monkeypatch.setattr(pipeline, "_run", unproved)
    with pytest.raises(NotProved, match="0 weights: expected as many"):
        polyest.solve(6, noise=2)
    assert len(asked) == 1


SEEN = 1e-13  # of sum|w|: a lighter change moves no digit of the claim, which stays proved


def test_no_bias_weight_of_a_larger_witness_can_be_altered():
    """The weights have to balance, and the bound has to be the claimed one.

    Some are so light that a hundredth of them is below every digit.  Those that change the claim are
    refused, and any weight as soon as it is made heavy.
    """
    table = polyest.solve(16)
    weights = table.witness.bias_weights
    size = sum(map(abs, weights))
    unseen = 0
    for i in range(len(weights)):
        for factor in (0, 1.01, 1e10):
            moved = (*weights[:i], weights[i] * factor, *weights[i + 1 :])
            if abs(weights[i] * (factor - 1)) < SEEN * size:
                unseen += 1
                continue
            with pytest.raises(NotProved):
                certify_again(table, replace(table.witness, bias_weights=moved))
    assert unseen < len(weights)


def certify_again(table, witness):
    """What `verify` does of a witness, without measuring the same coefficients again."""
    problem = pipeline.resolve(pose(table.K, noise=table.budget.value))
    proved = arb(at_least(lower_bound(problem, witness)))
    if proved != table.optimum.lower:
        raise NotProved("another bound")


def test_a_wide_bracket_is_not_shipped(monkeypatch):
    monkeypatch.setattr(pipeline, "WIDEST", 1e-12)
    with pytest.raises(NotConverged, match="relative width 1e-12 or less"):
        polyest.solve(6, noise=2)


@pytest.mark.parametrize("K", [0, -3, 2.5, "7", True, np.float64(3)])
def test_K_must_be_an_integer_of_at_least_1(K):
    with pytest.raises(InvalidProblem, match="an integer of at least 1"):
        polyest.solve(K)


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"noise": 1, "bias": 0.1}, "two budgets, bias 0.1 and noise 1"),
        ({"criterion": "minimax", "noise": 8}, "takes no budget but got noise 8"),
        ({"criterion": "squared-error", "bias_ratio": 2}, "takes no budget but got bias-ratio 2"),
        ({"criterion": "median"}, "criterion 'median' is unknown: use one of minimax"),
        ({"noise": 0}, "noise is 0: expected a budget, a finite number above 0"),
        ({"bias": float("nan")}, "bias is nan"),
        ({"bias_ratio": "2"}, "bias-ratio is '2'"),
        ({"target": "polynomial:0,0,0,0,0,0,0,1"}, "has degree 7, above K = 6"),
        ({"method": "guess"}, "method 'guess' is unknown: use one of remez"),
        ({"criterion": "minimax", "method": "socp"}, "method socp does not solve minimax"),
    ],
)
def test_keywords_that_pose_no_problem(keywords, said):
    with pytest.raises(InvalidProblem, match=said):
        polyest.solve(6, **keywords)


def test_numpy_integers_are_integers():
    assert polyest.solve(np.int64(2), criterion="minimax").K == 2


@pytest.mark.parametrize("target", ["polynomial:0,1", "polynomial:0,0,1", "tsallis:2"])
def test_slack_noise_gives_the_unbiased_table_and_a_tight_one_does_not(target):
    table = polyest.solve(6, target, noise=4)
    assert (
        table.coefficients.tolist()
        == polyest.solve(6, target, criterion="minimax").coefficients.tolist()
    )
    assert table.optimum.lower == 0
    polyest.verify(polyest.loads(polyest.dumps(table)))
    assert polyest.solve(6, target, noise=1).optimum.lower > 0.01


@pytest.mark.parametrize("target", ["polynomial:2", "polynomial:0", "power:0"])
def test_a_constant_target_is_met_by_a_constant_table(target):
    assert polyest.solve(3, target, criterion="minimax").bias.upper < 1e-26
    with pytest.raises(
        InvalidProblem, match="a bias of 0 only, and its variance is 0; allow less bias"
    ):
        polyest.solve(3, target, criterion="variance", bias=0.1)
    with pytest.raises(InvalidProblem, match="of the plug-in table, which is 0"):
        polyest.solve(3, target, criterion="variance", noise=1)


def test_unbiased_target_has_optimum_zero():
    table = polyest.solve(4, target="power:2", criterion="minimax")
    assert table.optimum == Bracket(0.0, 0.0)
    assert table.bias.upper < 1e-15
    polyest.verify(table)
