"""The registry of rewards: rows that say what functions do, and interfaces that offer what rows say.

`python tests/rewards/test_registry.py` prints the table of docs/reference/integrations.md.
"""

import subprocess
import sys
from inspect import Parameter, signature
from pathlib import Path

import numpy as np
import pytest
from samples import data, required

from polyest import rewards
from polyest.errors import InvalidProblem, InvalidReward, Mismatch, PolyestError, UnknownOption
from polyest.integrations import trl, verl
from polyest.integrations.estimators import HERE, SHARED, parse_options
from polyest.integrations.groups import GroupReward
from polyest.integrations.reader import Answering
from polyest.integrations.trl.keywords import GatedKeywords, OrbitKeywords
from polyest.rewards.options import TABLES, UNANSWERED, Options
from polyest.rewards.registry import DATA, INTERFACES, REQUIRED, REWARDS, offered
from polyest.rewards.registry import UNANSWERED as IN_TRAINERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "integrations.md"
NAMES = {"trl": "TRL", "estimators": "verl, SkyRL, rLLM", "groups": "`GroupReward`"}
OF_ANSWERS = [name for name, row in REWARDS.items() if row.unanswered]


def paid(row, answers=None, **options):
    """What a reward pays, with whatever it needs."""
    given = data(row.name) if answers is None else data(row.name, answers=answers)
    return np.ravel(row.function(**given, **{**required(row.name), **options}))


def refused(name, option, given, interface):
    """Whether an option is none of this reward, whatever else is said of its value."""
    try:
        parse_options(name, {**given, option: None}, interface=interface)
    except PolyestError as error:
        return str(error).startswith(f"unknown option {option} of {name}: expected some of")
    return False


def page():
    """The lines of the table on the page."""
    head = ["reward", "pays", "its own options", *NAMES.values()]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, row in REWARDS.items():
        own = ", ".join(
            f"`{o}`" if d is REQUIRED else f"`{o}={d!r}`" for o, d in row.options.items()
        )
        where = [row.lacking.get(interface, "yes") for interface in NAMES]
        lines.append(f"| `{name}` | {row.meaning} | {own} | {' | '.join(where)} |")
    return lines


def test_every_reward_of_the_package_is_a_row_and_the_reverse():
    functions = {name for name in rewards.__all__ if name[0].islower()}
    assert functions == {*REWARDS}
    for name, row in REWARDS.items():
        assert row.function is getattr(rewards, name)
        assert {*row.lacking} <= {*INTERFACES, *row.data}


@pytest.mark.parametrize("name", OF_ANSWERS)
def test_a_row_knows_the_default_for_a_completion_without_answer(name):
    row = REWARDS[name]
    assert row.unanswered in UNANSWERED
    for unanswered in UNANSWERED:
        silent = paid(row, unanswered=unanswered)[3]
        assert np.isnan(silent) == (unanswered == "exclude")
        if unanswered == row.unanswered:
            assert np.array_equal(paid(row)[3], silent, equal_nan=True)


@pytest.mark.parametrize("name", OF_ANSWERS)
@pytest.mark.parametrize("option", TABLES)
def test_a_row_knows_whether_there_is_a_table_to_choose(name, option):
    row = REWARDS[name]
    value = {
        "criterion": "minimax",
        "bias": 0.1,
        "bias_ratio": 1.0,
        "noise": 8,
        "shape": "monotone",
        "table": "harmonic",
    }
    try:
        paid(row, **{option: value[option]})
    except UnknownOption:
        taken = False
    except (InvalidReward, LookupError) as error:
        # There is no such table, or the reward has another one: Tsallis of order 3 is a polynomial.
        taken = "exactly unbiased" not in str(error) or name == "tsallis"
    else:
        taken = True
    assert taken == (row.table == "released")
    assert (option in row.offered("estimators")) == taken


@pytest.mark.parametrize("name", [n for n, row in REWARDS.items() if row.table and row.required])
def test_a_row_knows_the_fewest_draws(name):
    row = REWARDS[name]
    given = {"entries": (0.5, 2, 1, -1)} if name == "of_counts" else {}
    least = row.least_draws({**required(name), **given})
    assert least >= 2
    assert np.isfinite(paid(row, [[7] * (least + 2)], **given)).all()
    with pytest.raises((InvalidProblem, InvalidReward, Mismatch)):
        paid(row, [[7] * (least + 1)], **given)


def test_data_is_not_offered_as_an_option():
    for row in REWARDS.values():
        for interface in INTERFACES:
            assert not {*row.offered(interface)} & {*DATA}
    assert REWARDS["diversity"].data == ("answers", "prior")


@pytest.mark.parametrize("name", REWARDS)
@pytest.mark.parametrize("interface", ["estimators", "groups"])
def test_estimators_and_groups_take_what_the_row_says(name, interface):
    row = REWARDS[name]
    given = required(name)
    if interface in row.lacking:
        with pytest.raises(InvalidReward, match="is not offered here") as error:
            parse_options(name, given, interface=interface)
        assert row.lacking[interface] in str(error.value)
        assert name not in offered(interface)
        return
    of_orbits = ("orbits", "orbit_size") if row.orbits and interface == "estimators" else ()
    here = {*SHARED, *HERE, *of_orbits, *row.offered(interface)}
    here -= set() if row.visited else {"history"}
    every = {
        *DATA,
        *Options.__annotations__,
        *Answering.__annotations__,
        *OrbitKeywords.__annotations__,
        *GatedKeywords.__annotations__,
    }
    every |= {option for other in REWARDS.values() for option in other.options} | here
    every -= {"kind"} if name == "diversity" else set()  # old name of measure
    for option in every:
        assert refused(name, option, given, interface) == (option not in here), option


@pytest.mark.parametrize("name", REWARDS)
def test_trl_takes_what_the_row_says(name):
    row = REWARDS[name]
    assert (name in trl.__all__) == hasattr(trl, name) == ("trl" not in row.lacking)
    if "trl" in row.lacking:
        return
    parameters = signature(getattr(trl, name)).parameters
    own = {n: p.default for n, p in parameters.items() if p.kind is not Parameter.VAR_KEYWORD}
    beta = {"beta": 1.0} if row.unanswered else {}
    # Columns and costs, an orbit's prompts, the name that is logged.
    around = {*DATA, "cost", "orbit_size", "name"}
    assert {n: default for n, default in own.items() if n not in around} == {**row.options, **beta}
    assert ("orbit_size" in own) == row.orbits
    assert ("truth" in own) == ("truth" in row.data)


def test_what_is_made_has_the_name_of_the_reward_and_the_default_of_trainers():
    assert IN_TRAINERS == "lowest"
    for name in offered("groups"):
        reward = GroupReward(name, **required(name))
        assert reward.__name__ == f"polyest_{name}"
        assert reward.options.keywords["unanswered"] == IN_TRAINERS
    for name in offered("estimators"):
        assert verl.estimators()[f"polyest_{name}"].args == (name,)
    for name, row in offered("trl").items():
        if row.unanswered:
            given = required(name)
            made = getattr(trl, name)(**given, **({"orbit_size": 1} if row.orbits else {}))
            assert made.form == name
            assert made.options["unanswered"] == IN_TRAINERS
            assert made.__name__.split("-")[0] == name


def test_a_name_in_a_log_leaves_out_what_is_usual():
    for name, row in offered("trl").items():
        if row.unanswered and not row.required:
            orbit = {"orbit_size": 1} if row.orbits else {}
            usual = getattr(trl, name)(**orbit).__name__
            assert usual == (f"{name}-size1" if row.orbits else name)
            assert getattr(trl, name)(**orbit, **row.options, beta=1.0).__name__ == usual
    assert trl.diversity(measure="gini").__name__ == "diversity-measuregini"


def test_no_option_is_called_kind_but_the_way_answers_are_read():
    for row in REWARDS.values():
        assert "kind" not in row.options
    assert "kind" in Answering.__annotations__


def test_the_page_has_the_registry():
    assert "\n".join(page()) in PAGE.read_text(), "python tests/rewards/test_registry.py prints it"


def test_a_reward_alone_does_not_load_the_registry():
    program = "import sys, polyest.rewards; assert 'polyest.rewards.registry' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


if __name__ == "__main__":
    print("\n".join(page()))
