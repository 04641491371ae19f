"""The examples: short, listed with what to expect, and those that need nothing more are run."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import notebook
import numpy as np
import pytest
import yaml

import polyest
from polyest.integrations.verl import estimate

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(EXAMPLES.rglob("*.py"))
TEXT = (EXAMPLES / "README.md").read_text()
CONFIG = yaml.safe_load((EXAMPLES / "verl" / "diversity.yaml").read_text())
POLYEST = CONFIG["algorithm"]["polyest"]


@pytest.fixture
def verl(monkeypatch):
    """Its two files, imported as verl and a shell do."""
    monkeypatch.syspath_prepend(EXAMPLES / "verl")
    import data
    import reward

    yield data, reward
    del sys.modules["data"], sys.modules["reward"]


def rows(text):
    """The cells of the table of a page, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def unlisted(text):
    """The files of the folder that no row of the page names."""
    names = " ".join(re.findall(r"`([\w/.]+)`", " ".join(row[0] for row in rows(text))))
    tops = {path.relative_to(EXAMPLES).parts[0] for path in [*PROGRAMS, notebook.FILE]}
    return {top for top in tops if top not in names.replace("/", "").split()}


def test_every_example_is_listed_with_how_long_it_takes():
    assert unlisted(TEXT) == set()
    assert len(rows(TEXT)) == 4
    assert all(len(row) == 4 and all(row) for row in rows(TEXT))
    assert unlisted(TEXT.replace("`jax_lookup.py`", "`other.py`")) == {"jax_lookup.py"}


def test_what_is_to_be_looked_for_is_said_of_each():
    looked = TEXT[TEXT.index("## What to look for") :]
    for name in ("trl_calibration.py", "verl/", "from_prompt_to_plot.ipynb", "jax_lookup.py"):
        assert f"- **`{name}`**: " in looked


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_is_short_and_says_what_it_is(path):
    text = path.read_text()
    assert len(text.splitlines()) < 120
    assert ast.get_docstring(ast.parse(text))


def test_the_commands_of_the_page_name_what_there_is():
    for path in re.findall(r"python (examples/[\w/.]+)", TEXT):
        assert (ROOT / path).is_file()
    assert re.search(r"--config-name (\w+)", TEXT)[1] == "diversity"
    written = CONFIG["data"]["train_files"], CONFIG["data"]["val_files"]
    assert {Path(path).parent for path in written} == {Path("examples/verl/data")}


# verl, of which its own parser of the configuration is in test_verl_diversity.py.


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("14", True), ("I take 7.", True), ("so 98.0", True), ("15", False), ("105", False),
        ("-7", False), ("0", False), ("7/2", False), ("no idea", False), ("", False),
    ],
)  # fmt: skip
def test_right_is_every_multiple_up_to_the_largest(verl, text, right):
    _, reward = verl
    scored = reward.compute_score("multiples", text, "7", extra_info={"index": 0})
    assert scored["acc"] == right
    assert (scored["score"] > 0) == right


def test_right_answers_are_paid_one_and_rare_ones_more(verl):
    """By hand: 1 - beta c[X - 1] for a right answer, 0 for a wrong one, less the mean of the group."""
    torch = pytest.importorskip("torch")
    _, reward = verl
    group = ["14"] * 8 + ["21"] * 3 + ["7", "98", "15", "15", "who knows"]
    scores = [reward.compute_score("multiples", text, "7")["score"] for text in group]
    given = torch.zeros(16, 4)
    given[:, 3] = torch.tensor(scores)
    assert POLYEST["group"] == "${actor_rollout_ref.rollout.n}"
    assert CONFIG["actor_rollout_ref"]["rollout"]["n"] == len(group)
    computed, _ = estimate(
        CONFIG["algorithm"]["adv_estimator"].removeprefix("polyest_"),
        token_level_rewards=given,
        response_mask=torch.ones(16, 4),
        config={"polyest": POLYEST | {"group": len(group)}},
        index=np.array(["a"] * 16),
    )
    table = polyest.load(14, noise=POLYEST["noise"])
    others = np.array([7] * 8 + [2] * 3 + [0, 0])
    paid = np.array([*(1 - POLYEST["beta"] * table[others]), 0, 0, 0])
    assert np.allclose(computed[:, 0].numpy(), paid - paid.mean(), atol=1e-5)
    assert computed[11, 0] > computed[0, 0] > 0 > computed[13, 0]


def test_each_prompt_has_many_right_answers_and_none_is_trained_and_tested_on(verl):
    data, reward = verl
    made = data.rows(range(2, 26))
    assert len({row["prompt"][0]["content"] for row in made}) == len(made)
    assert [row["extra_info"]["index"] for row in made] == [*range(len(made))]
    for row in made:
        divisor = int(row["reward_model"]["ground_truth"])
        assert sum(reward.is_right(str(n), divisor) for n in range(200)) == 100 // divisor >= 4
    assert not {*data.TRAIN} & {*data.TEST}
    assert {*data.TRAIN, *data.TEST} == {*range(2, 26)}


# The notebook.


def test_the_notebook_prints_and_draws_what_it_shows():
    made = notebook.outputs()
    for cell, outputs in zip(notebook.cells(), made, strict=True):
        assert notebook.printed({"outputs": outputs}) == notebook.printed(cell)
    drawn = [len(notebook.pictures({"outputs": outputs})) for outputs in made]
    assert drawn == [len(notebook.pictures(cell)) for cell in notebook.cells()]
    assert sum(drawn) == 1


def test_the_notebook_is_short_and_its_table_ends_nearer_than_its_log():
    source = "".join("".join(cell["source"]) + "\n" for cell in notebook.cells())
    assert len(source.splitlines()) < 120
    text = "".join(map(notebook.printed, notebook.cells()))
    ends = {
        name.strip(): float(kl)
        for name, kl in re.findall(r"^(.*?) 200 steps, KL (.*)$", text, re.M)
    }
    said = [f"{kl:.3f}".removeprefix("0") for kl in (ends["log(count)"], ends["table"])]
    assert "ends at {} and {}, from .450".format(*said) in TEXT
    assert 3 * ends["table"] < ends["log(count)"] < float(re.search(r"before *KL (.*)", text)[1])


def test_the_notebook_has_no_path_of_a_machine():
    said = notebook.FILE.read_text()
    assert not re.search(r"/(?:home|root|tmp|usr)/", said)
    assert all(cell["execution_count"] for cell in notebook.cells())


def test_what_the_examples_write_is_ignored():
    """The data of verl lie beside its configuration, and are nobody's to commit."""
    done = subprocess.run(
        ["git", "check-ignore", "-q", "examples/verl/data/train.parquet"], cwd=ROOT, check=False
    )
    assert done.returncode in (0, 128)  # ignored, or no checkout of git
