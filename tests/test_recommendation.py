"""`polyest recommend`: the table of least error, said in words that follow from the numbers."""

import ast
import json
import re
import textwrap
from itertools import product

import numpy as np
import pytest
from commands import refused, run

import polyest
from polyest import closed_forms, recommendation
from polyest.cli.pages.layout import number
from polyest.cli.recommend import command
from polyest.errors import CountOutOfRange, InvalidProblem, TableNotFound
from polyest.gradients import BASELINES, of_group
from polyest.history import bias_after_move
from polyest.problem.shapes import SHAPES
from polyest.recommendation import ANSWERS, AVERAGED, NOISES, TYPICAL, in_group, recommend


def over(standardised: bool, steps: int = TYPICAL, one_prompt: bool = False) -> float:
    """S of the rule."""
    scale, power = AVERAGED[one_prompt, standardised]
    return scale * steps**power


@pytest.mark.parametrize("one_prompt", [False, True])
@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(("group", "prompts"), [(4, 1), (8, 512), (16, 128), (64, 16), (130, 4)])
def test_the_least_mean_square_error_is_chosen(group, prompts, baseline, standardised, one_prompt):
    if group == 130 and baseline == "none":
        return  # K = 129 is not released
    how = {"standardised": standardised, "one_prompt": one_prompt}
    advice = recommend(group, prompts, baseline, **how)
    K = polyest.counts.draws(group, baseline)
    scale = (group - 1) / group if baseline == "group-mean" else 1.0
    tables = {f"noise {noise}": polyest.load(K, noise=noise) for noise in NOISES}
    tables |= {shape: polyest.load(K, criterion="minimax", shape=shape) for shape in SHAPES}
    tables |= {"schuermann": closed_forms.schuermann(K)}
    squares = {}
    for name, table in tables.items():
        rewards = table.coefficients
        rewards = np.append(rewards, rewards[-1]) if baseline == "group-mean" else rewards
        total = 0.0
        for answers in ANSWERS.values():
            p = np.repeat(answers.p, answers.times)
            met = of_group(answers, rewards, baseline)
            aim = scale * p * (np.log(p) - p @ np.log(p))
            total += np.sum((np.repeat(met.mean, answers.times) - aim) ** 2)
            total += met.noise / (prompts * over(**how))
        squares[name] = total / len(ANSWERS)
    # Tables of small K can be the same, and their order is that of rounding.
    ranked = [squares[one.name] for one in advice.ranked]
    assert ranked == pytest.approx(sorted(squares.values()), rel=1e-9)
    assert squares[advice.chosen.name] == pytest.approx(min(squares.values()), rel=1e-9)
    assert [one.name for one in advice.candidates] == list(tables)
    for one in advice.candidates:
        assert one.error.total**2 == pytest.approx(squares[one.name], rel=1e-9)
        assert one.table.K == K
        assert np.array_equal(one.table.coefficients, tables[one.name].coefficients)


def test_more_prompts_never_ask_for_a_table_with_more_bias():
    for group in (4, 16, 64):
        biases = [
            recommend(group, prompts).chosen.error.bias for prompts in (1, 4, 16, 64, 512, 10**6)
        ]
        assert biases == sorted(biases, reverse=True)
        if group == 16:
            assert biases[0] > biases[-1]


def test_steps_and_scaling_change_over_how_much_noise_is_averaged():
    for standardised, one_prompt in product((False, True), repeat=2):
        for steps in (1, 50, TYPICAL, 10**6):
            how = {"steps": steps, "standardised": standardised, "one_prompt": one_prompt}
            advice = recommend(8, 4, **how)
            assert advice.averaged == 4 * over(**how)
            assert {name: getattr(advice, name) for name in how} == how


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "200", 10**30])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    with pytest.raises(InvalidProblem, match="steps is"):
        recommend(8, 4, steps=steps)


@pytest.mark.parametrize("standardised", [1, "std", None])
def test_whether_it_is_divided_is_yes_or_no(standardised):
    for name in ("standardised", "one_prompt"):
        with pytest.raises(InvalidProblem, match=f"{name} is"):
            recommend(8, 4, **{name: standardised})


def test_bias_is_what_remains_of_ever_more_prompts():
    few, many = recommend(16, 1), recommend(16, 10**9)
    assert many.chosen.error.total == pytest.approx(many.chosen.error.bias, rel=1e-6)
    assert few.plain.bias == many.plain.bias
    assert few.plain.noise == pytest.approx(many.plain.noise * 10**4.5, rel=1e-9)


def test_the_log_is_that_of_the_share_in_the_group():
    rewards = in_group(closed_forms.log_count(15), 16)
    assert rewards == pytest.approx(np.log(np.arange(1, 17) / 16), abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (
            (16, 0),
            InvalidProblem,
            "prompts is 0: expected the number of prompts of a step, an integer from 1 to 1e+09",
        ),
        (
            (16, 10**400),
            InvalidProblem,
            "expected the number of prompts of a step, an integer from 1 to 1e+09",
        ),
        ((16, 1.5), InvalidProblem, "prompts is 1.5"),
        ((16, True), InvalidProblem, "prompts is True"),
        (
            (16, 4, "exact"),
            InvalidProblem,
            "baseline 'exact' is unknown: use one of group-mean, none",
        ),
        ((2, 4), CountOutOfRange, "a group of 2"),
        ((16.5, 4), CountOutOfRange, "group is 16.5"),
        (
            (140, 4),
            TableNotFound,
            "group 140 needs tables of sample size K = 138 at noise 1, 2, 4, 8, 16",
        ),
        ((5000, 4), TableNotFound, "group 5000 needs tables of sample size K = 4998"),
    ],
)
def test_what_cannot_be_recommended_is_said(arguments, error, said):
    with pytest.raises(error, match=re.escape(said)):
        recommend(*arguments)


def test_the_groups_that_the_message_lists_have_their_tables():
    with pytest.raises(TableNotFound) as caught:
        recommend(140, 4)
    words = str(caught.value).partition("groups of")[2]
    low, high, *others = [int(word) for word in re.findall(r"\d+", words)][:7]
    assert (low, high, others) == (3, 129, [160, 192, 256, 512, 1024])
    for group in (low, high, *others):
        for baseline in BASELINES:
            for noise in NOISES:
                K = polyest.counts.draws(group, baseline)
                assert recommendation.released(K, group, noise).K == K


@pytest.mark.parametrize("history", [0, 8])
@pytest.mark.parametrize(
    ("group", "prompts", "steps"), [(16, 128, 200), (8, 1, 1), (16, 1, 10), (64, 1, 1)]
)
def test_the_page_has_a_line_of_code_for_both_kinds_of_trainer(group, prompts, steps, history):
    options = "--group", group, "--prompts", prompts, "--steps", steps, "--history", history
    result = run("recommend", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert result.stdout.isascii()
    answers = np.arange(group)[None] // 3
    past, ids = polyest.History(stable_ids=True), ["a"]
    past.record(np.arange(8)[None] // 2, prompts=ids)
    blocks = re.findall(r"^use +(.*?)\nwhy", result.stdout, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block, baseline in zip(blocks, BASELINES, strict=True):
        advice = recommend(group, prompts, baseline, steps=steps, history=history)
        best, second, *_ = advice.ranked
        names = {"polyest": polyest, "answers": answers, "past": past, "ids": ids}
        code = ast.parse(textwrap.dedent(" " * 10 + block)).body
        if history:
            code = code[:-1]  # past.record, which would count these completions too
        *others, last = code
        value = last.value  # of an assignment, or an expression
        exec(compile(ast.Module(others, []), "page", "exec"), names)
        rewards = eval(compile(ast.Expression(value), "page", "eval"), names)
        earlier = past.counted(answers, ids) if history else None
        index = polyest.counts.in_group(answers, baseline=baseline, earlier=earlier).index
        assert np.array_equal(rewards, best.table.coefficients[index])
        shown = [line for line in lines if line.endswith("<- use this")]
        assert any(line.startswith(f"{best.name} ") for line in shown)
        flat = " ".join(result.stdout.split())
        assert f"{advice.plain.total / best.error.total:.2f} times as much" in flat
        ratio = second.error.total / best.error.total
        assert f"the runner-up, {second.name}, has {ratio:.3f} times the RMSE" in flat
    assert f"sample size K = {group - 2 + history}," in lines[0]


def test_json_has_the_same_numbers():
    words = ("--group", 16, "--prompts", 4, "--steps", 50, "--standardised", "--json")
    records = [json.loads(line) for line in run("recommend", *words).stdout.splitlines()]
    assert [record["baseline"] for record in records] == list(BASELINES)
    for record in records:
        advice = recommend(16, 4, record["baseline"], steps=50, standardised=True)
        best, second, *_ = advice.ranked
        assert (record["K"], record["table"]) == (best.table.K, best.name)
        assert record["runner_up"] == second.name
        assert (record["steps"], record["standardised"]) == (50, True)
        assert record["averaged"] == 4 * over(True, 50)
        assert record["errors"]["log(X/16)"]["error"] == advice.plain.total
        assert record["errors"][best.name]["bias"] == best.error.bias


def test_the_command_has_the_steps_of_the_function():
    (option,) = [o for o in command.params if o.name == "steps"]
    assert option.default == TYPICAL


def test_a_group_of_two_is_for_trainers_without_a_group_mean():
    result = run("recommend", "--group", 2, "--prompts", 4)
    assert result.exit_code == 0
    assert result.stderr.startswith('polyest: warning: a group of 2 under baseline "group-mean"')
    assert result.stdout.count("t = polyest.load(1") == 1


@pytest.mark.parametrize(
    "words", [("--group", 16), ("--prompts", 4), ("--group", "x", "--prompts", 4)]
)
def test_usage(words):
    assert run("recommend", *words).exit_code == 2


def test_bad_numbers_are_one_line():
    assert refused("recommend", "--group", 140, "--prompts", 4).startswith("group 140 needs tables")
    assert refused("recommend", "--group", 16, "--prompts", -1).startswith("prompts is -1")


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize(("group", "history"), [(8, 8), (8, 4), (16, 16)])
def test_a_history_is_of_a_larger_sample_size_and_never_worse(group, history, baseline):
    alone, advice = recommend(group, 16, baseline), recommend(group, 16, baseline, history=history)
    K = polyest.counts.draws(group, baseline) + history
    assert {one.table.K for one in advice.candidates} == {K}
    for one, other in zip(advice.candidates, alone.candidates, strict=True):
        table, error, before = one.table, one.error, other.error
        assert error.bias < before.bias
        squares = []
        rewards = table.coefficients[np.minimum(np.arange(group + history), K)]
        for answers in ANSWERS.values():
            met = of_group(answers, rewards, baseline, earlier=history)
            squares.append(met.noise / (16 * over(False)))
        assert error.noise**2 == pytest.approx(np.mean(squares), rel=1e-12)
    assert advice.chosen.error.total < alone.chosen.error.total


def test_a_move_of_the_policy_costs_what_the_history_says():
    advice = recommend(8, 16, history=8)
    table = advice.chosen.table
    assert [*advice.moved] == [1.1, 1.25]
    for odds, bracket in advice.moved.items():
        assert bracket == bias_after_move(table, earlier=8, odds=odds)
        assert bracket[0] > table.bias.upper
    assert recommend(8, 16).moved == {}
    assert recommend(64, 16, history=4).moved == {}  # K = 66, where it takes long
    assert recommend(8, 16, history=0).chosen == recommend(8, 16).chosen


def test_the_page_of_a_history_says_that_the_certificate_is_for_a_policy_that_has_not_moved():
    text = run("recommend", "--group", 8, "--prompts", 16, "--history", 8).stdout
    assert max(map(len, text.splitlines())) <= 80
    flat = " ".join(text.split())
    assert text.startswith("sample size K = 14,")
    assert flat.count("for a policy that has not moved since the 8 completions were drawn") == 2
    for baseline in BASELINES:
        advice = recommend(8, 16, baseline, history=8)
        upper = [number(upper) for _, upper in advice.moved.values()]
        said = f"up to 1.1 or 1.25 times larger or smaller then, that bias is at most {' or '.join(upper)}"
        assert said in flat
    past, ids, answers = (
        polyest.History(),
        ["a"],
        polyest.answers.from_texts([["7"] * 6 + ["3", "5"]]),
    )
    codes = re.findall(r"r = (.*\()\n +(answers, [^)]*\))", text)
    assert len(codes) == 2
    for first, second in codes:
        r = eval(first + second, {"polyest": polyest, "answers": answers, "past": past, "ids": ids})
        assert r.shape == answers.shape
    assert "not moved" not in run("recommend", "--group", 8, "--prompts", 16).stdout


def test_json_says_what_a_move_costs():
    words = ("recommend", "--group", 8, "--prompts", 4, "--json")
    (plain, _), (visited, _) = (
        [json.loads(line) for line in run(*words, *more).stdout.splitlines()]
        for more in ((), ("--history", 8))
    )
    assert (plain["history"], plain["moved"]) == (0, {})
    assert (visited["history"], visited["K"]) == (8, 14)
    advice = recommend(8, 4, history=8)
    assert visited["moved"] == {
        str(odds): {"lower": lower, "upper": upper} for odds, (lower, upper) in advice.moved.items()
    }
    assert visited["errors"]["log(X/16)"]["error"] == advice.plain.total


@pytest.mark.parametrize("history", [-1, 0.5, True, 10**30, "8"])
def test_a_history_that_is_no_number_of_completions_is_refused(history):
    with pytest.raises(InvalidProblem, match="history is"):
        recommend(8, 4, history=history)


def test_where_no_table_of_a_history_is_released_it_says_which_number_that_was():
    with pytest.raises(
        TableNotFound, match=r"group 128 beside a history of 256 completions .* K = 382"
    ):
        recommend(128, 4, history=256)
    assert refused("recommend", "--group", 8, "--prompts", 4, "--history", -1).startswith(
        "history is"
    )
