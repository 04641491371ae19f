"""A valid call of every public function, by its name: what the tests of odd values begin from.

Arguments that the valid call leaves at their defaults, those by `**keywords` among them, are in `tried`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from game_calls import GROUP, OPTIONS, TABLE, Call, game_calls, method
from samples import required

import polyest
from polyest import (
    advantages,
    answers,
    closed_forms,
    compiled,
    counts,
    errors,
    frontier,
    gathering,
    gradients,
    history,
    metrics,
    pairing,
    recommendation,
    rewards,
    selection,
)
from polyest.make import sweep
from polyest.rewards.registry import REWARDS

ORBIT = [[[7, 7, 7, 3], [7, 3, 3, 7]]]
PAID = [[1.0, 0.0, 2.0]]
BUDGET = {"criterion": "gradient-variance", "noise": 8}


def reward(function: Callable[..., Any], nan: bool = True, **arguments: Any) -> Call:
    """A call of a reward with the options that it may have."""
    return Call(function, arguments, OPTIONS, nan)


def calls(path: Any) -> dict[str, Call]:
    """Every call that is tried; `path` is a file that may be written."""
    pair = lambda: pairing.pair(5, "exact", table="harmonic")  # noqa: E731
    table = {"table": polyest.load(3)}
    solving = frozenset({"bias", "bias_ratio", "method", "grid", "group", "beta"})
    return {
        "dumps": Call(polyest.dumps, table),
        "load": Call(polyest.load, {"K": 5, "target": "log", **BUDGET}, TABLE),
        "loads": Call(polyest.loads, {"line": polyest.dumps(polyest.load(3)), "where": "here"}),
        "explain": Call(
            polyest.explain,
            {"reward": [1, 0.5, 0.2, 0], "group": 4},
            frozenset({"baseline"}),
            costly=True,
        ),
        "Target.custom": Call(
            polyest.Target.custom, {"phi": "1/(p+1)"}, frozenset({"name"}), costly=True
        ),
        "solve": Call(polyest.solve, {"K": 2, "target": "log", **BUDGET}, solving, costly=True),
        "verify": Call(polyest.verify, table),
        "Table.__getitem__": Call(lambda counts: polyest.load(5)[counts], {"counts": [0, 5]}),
        "Table.rounded": Call(
            method("Table", "rounded", lambda: polyest.load(5)),
            {"grid": "dyadic", "group": 7, "beta": 1.0},
        ),
        "UniversalTable.__getitem__": Call(
            lambda counts: polyest.load(2000)[counts], {"counts": [0, 2000]}
        ),
        "UniversalTable.rounded": Call(
            method("UniversalTable", "rounded", lambda: polyest.load(2000)), {"grid": "dyadic"}
        ),
        "advantages.exact": Call(
            advantages.exact,
            {
                "rewards": np.zeros((1, 3)),
                "others": np.array([0.0, 0.0, 1.0, 0.0]),
                "counts": np.array([[2, 2, 1]]),
                "answered": np.ones((1, 3), bool),
            },
        ),
        "advantages.group_mean": Call(
            advantages.group_mean, {"rewards": PAID}, frozenset({"groups"})
        ),
        "advantages.leave_one_out": Call(
            advantages.leave_one_out, {"rewards": PAID[0], "groups": [0, 0, 1]}
        ),
        "advantages.orbit_mean": Call(advantages.orbit_mean, {"rewards": [[[1.0], [0.0]]]}),
        "advantages.standardised": Call(
            advantages.standardised, {"rewards": PAID, "epsilon": 1e-6}, frozenset({"groups"})
        ),
        "answers.canonical": Call(
            answers.canonical, {"texts": ["1"], "kind": "choice", "choices": "AB"}
        ),
        "answers.equivalent": Call(
            answers.equivalent, {"keys": ["1", "2"], "same": lambda a, b: False}
        ),
        "answers.from_texts": Call(
            answers.from_texts,
            {"texts": ["1"], "kind": "choice", "equivalence": None, "choices": "AB"},
        ),
        "answers.identify": Call(answers.identify, {"keys": ["1", None], "no_answer": -1}),
        "answers.stated": Call(answers.stated, {"answer": "1", "kind": "boxed"}),
        "answers.math_equal": Call(answers.math_equal, {"left": "1", "right": "2"}, costly=True),
        **{
            f"closed_forms.{form.__name__}": Call(form, {"K": 3})
            for form in closed_forms.LOGS
            if form is not closed_forms.schuermann
        },
        "closed_forms.pass_at": Call(closed_forms.pass_at, {"K": 3, "k": 2}),
        "closed_forms.polynomial": Call(closed_forms.polynomial, {"K": 3, "coefficients": [0, 1]}),
        "closed_forms.schuermann": Call(closed_forms.schuermann, {"K": 3, "xi": 0.5}),
        "closed_forms.split": Call(closed_forms.split, {**table, "blocks": 2}),
        "closed_forms.subsets": Call(closed_forms.subsets, {**table, "K": 4}),
        "compiled.look_up": Call(
            compiled.look_up,
            {"table": polyest.load(3), "counts": np.array([0, 3]), "out": np.zeros(2)},
        ),
        "metrics.of_batch": Call(
            metrics.of_batch,
            {
                "answers": GROUP,
                "rewards": np.zeros_like(GROUP, float),
                "truth": [7],
                "no_answer": -1,
            },
            frozenset({"groups", "history"}) | TABLE,
        ),
        "selection.blind": Call(
            selection.blind, {"groups": ["a", "a", "b"], "number": 1, "seed": 0}
        ),
        "selection.kept_rate": Call(selection.kept_rate, {"kept": 2, "drawn": 3}),
        "selection.silent": Call(selection.silent, {"rewards": PAID[0], "groups": [0, 0, 1]}),
        "counts.draws": Call(
            counts.draws, {"group": 5, "baseline": "none", "counting": "in-group"}
        ),
        "counts.in_group": Call(
            counts.in_group,
            {"answers": GROUP, "baseline": "none", "no_answer": -1},
            frozenset({"groups", "sizes"}),
        ),
        "counts.in_group, flat": Call(
            counts.in_group, {"answers": [7, 7, 3], "groups": [0, 0, 0], "sizes": (3, 4)}
        ),
        "counts.independent": Call(
            counts.independent, {"answers": GROUP, "reference": [[7, 3]], "no_answer": -1}
        ),
        "counts.occurrences": Call(counts.occurrences, {"answers": GROUP, "no_answer": -1}),
        "frontier.against": Call(
            frontier.against,
            {"rival": closed_forms.harmonic(2), "criterion": "gradient-variance"},
            costly=True,
        ),
        "frontier.comparison": Call(
            frontier.comparison,
            {"K": 1, "criterion": "variance", "target": "log", "progress": None},
            costly=True,
        ),
        "frontier.marks": Call(
            frontier.marks,
            {"K": 1, "criterion": "variance", "target": "log", "progress": None},
            costly=True,
        ),
        "frontier.sweep": Call(
            frontier.sweep,
            {
                "K": 1,
                "criterion": "variance",
                "budgets": (1, 2),
                "target": "log",
                "progress": None,
            },
            costly=True,
        ),
        "history.bias_after_move": Call(
            history.bias_after_move, {"table": [0.0, 1.0], "earlier": 1, "odds": 1.5}
        ),
        "history.stable_gain": Call(history.stable_gain, {"visits": 1}),
        "History": Call(
            polyest.History, {"visits": 1, "prompts": 5, "answers": 5, "stable_ids": True}
        ),
        "History.record": Call(
            method("History", "record", lambda: polyest.History(stable_ids=True)),
            {"answers": GROUP, "prompts": ["x"], "step": 3, "no_answer": -1},
        ),
        "History.counted": Call(
            method("History", "counted", lambda: polyest.History(stable_ids=True)),
            {"answers": GROUP, "prompts": ["x"], "groups": None, "no_answer": -1},
        ),
        "History.read_as": Call(method("History", "read_as", polyest.History), {"reads": "auto"}),
        "History.load_state_dict": Call(
            lambda **state: polyest.History().load_state_dict(state),
            {**polyest.History().state_dict()},
        ),
        **game_calls(),
        "gathering.refuse": Call(
            gathering.refuse, {"error": errors.Mismatch("x"), "process_group": None}
        ),
        "gathering.running": Call(gathering.running, {}),
        "gathering.summed": Call(
            gathering.summed,
            {"values": np.array([1.0]), "process_group": None},
            nan=True,
            infinite=True,
        ),
        "gathering.whole": Call(
            lambda array, process_group: gathering.whole(array, process_group=process_group),
            {"array": np.array([1]), "process_group": None},
            nan=True,
            infinite=True,
        ),
        "gradients.Answers": Call(gradients.Answers, {"p": (0.5,), "times": (2,)}),
        "gradients.of_group": Call(
            gradients.of_group,
            {
                "answers": gradients.Answers((0.5,), (2,)),
                "rewards": np.array([0.0, 1.0]),
                "baseline": "none",
            },
        ),
        "pairing.Pair": Call(
            pairing.Pair,
            {
                "table": polyest.load(4),
                "baseline": "exact",
                "group": 5,
                "beta": 1.0,
                "sign": 1,
                "others": polyest.load(3),
            },
        ),
        "pairing.Pair.advantages": Call(
            method("Pair", "advantages", pair), {"answers": GROUP, "no_answer": -1}
        ),
        "pairing.draws": Call(pairing.draws, {"group": 5, "baseline": "exact"}),
        "pairing.pair": Call(
            pairing.pair,
            {"group": 5, "baseline": "exact", "target": "log", "sign": 1},
            TABLE | {"beta", "table"},
        ),
        "recommendation.recommend": Call(
            recommendation.recommend, {"group": 5, "prompts": 4, "baseline": "none"}
        ),
        "rewards.Multiplier": Call(
            rewards.Multiplier, {"budget": [0.1], "rate": 1.0, "start": [0.0]}
        ),
        "rewards.Multiplier.update": Call(
            method("Multiplier", "update", lambda: rewards.Multiplier(0.1, rate=1.0)),
            {"costs": [1.0, 0.0], "process_group": None},
        ),
        "rewards.Multiplier.load_state_dict": Call(
            lambda **state: rewards.Multiplier(0.1, rate=1.0).load_state_dict(state),
            {"value": 0.0, "budget": 0.1, "rate": 1.0},
        ),
        **{
            f"rewards.{name}": reward(
                row.function, answers=ORBIT if row.orbits else GROUP, **required(name)
            )
            for name, row in REWARDS.items()
            if row.unanswered
        },
        "rewards.coherence": reward(rewards.coherence, answers=ORBIT, ties="least"),
        "rewards.diversity": reward(
            rewards.diversity, answers=GROUP, measure="exploration", prior=[[-1.0] * 5]
        ),
        **{
            f"rewards.diversity, {measure}": reward(
                rewards.diversity, answers=GROUP, measure=measure, where=[[True] * 5], bonus=1.0
            )
            for measure in ("gini", "conditional")
        },
        "rewards.of_group, gated": reward(
            rewards.of_group, answers=GROUP, f=np.multiply, where=[[True] * 5], bonus=1.0
        ),
        "rewards.ground_truth": reward(
            rewards.ground_truth, answers=GROUP, truth=[7], objective="pass@k", k=2
        ),
        "rewards.log_probability, flat": reward(
            rewards.log_probability, answers=GROUP[0], groups=[0] * 5
        ),
        "rewards.pairwise": reward(rewards.pairwise, answers=ORBIT, include_self=False),
        "rewards.pairwise, texts": reward(
            rewards.pairwise, answers=[[["a", "b"]]], distance=lambda texts: np.zeros((2, 2))
        ),
        "rewards.safety": Call(rewards.safety, {"costs": [[1.0, 0.0]], "multiplier": 0.5}),
        "rewards.soft_consistency": reward(
            rewards.soft_consistency, answers=ORBIT, mean="geometric"
        ),
        "rewards.standard": Call(rewards.standard, {"scores": [[1.0, 0.0]]}),
        "sweeping.sweep": Call(
            lambda **arguments: sweep.sweep(path=path, **arguments),
            {
                "Ks": [1],
                "progress": None,
                "jobs": 1,
                "method": "socp",
                "target": "log",
                **BUDGET,
            },
            frozenset({"grid", "group", "beta", "bias"}),
        ),
    }
