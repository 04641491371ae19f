"""The shared cases are well formed: a wrong figure there would hide everywhere."""

from itertools import pairwise

from cases import FIGURES, LEAST_BIAS, LIMIT, points

from polyest.problem.problem import pose


def test_least_biases_fall_towards_the_limit_from_below():
    scaled = [float(E) * (K + 1) ** 2 for K, E in sorted(LEAST_BIAS.items())]
    assert all(a < b < LIMIT for a, b in pairwise(scaled))


def test_every_figure_poses_a_problem_and_none_is_listed_twice():
    keys = [(figure.K, figure.keywords) for figure in FIGURES]
    assert len(set(keys)) == len(keys)
    for figure in FIGURES:
        assert pose(figure.K, **figure.arguments).K == figure.K
        assert 0 < figure.within <= 1e-4


def test_figures_rise_when_the_bias_ratio_falls():
    moments = {
        figure.arguments["bias_ratio"]: figure.value
        for figure in FIGURES
        if figure.K == 16 and figure.arguments["criterion"] == "second-moment"
    }
    assert list(moments.values()) == sorted(moments.values(), reverse=True) or sorted(
        moments, reverse=True
    ) == [ratio for ratio, _ in sorted(moments.items(), key=lambda item: item[1])]


def test_points_are_one_more_than_a_polynomial_of_the_degree_has_zeros():
    for degree in (0, 1, 5):
        assert len({*points(degree)}) == degree + 2
        assert all(0 <= p <= 1 for p in points(degree))
