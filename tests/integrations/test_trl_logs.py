"""What a reward logs: by hand on a trainer of which there is no more than it looks at."""

from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest

import polyest
from polyest import History, metrics
from polyest.integrations import trl
from polyest.integrations.reader import identified
from polyest.integrations.trl.logs import tables_of

TEXTS = ["7", "so 7", "?", "3", "1", "1", "1.0", "1"]
PROMPTS = ["a"] * 4 + ["b"] * 4


class Trainer:
    """As much of GRPOTrainer as a reward looks at."""

    def __init__(self, training=True):
        self.num_generations, self.num_generations_eval = 4, None
        self.model = SimpleNamespace(training=training)
        batch = {"shuffle_dataset": False, "generation_batch_size": 8}
        self.args = SimpleNamespace(num_generations=4, num_generations_eval=None, **batch)
        self.reward_funcs, self.logged, self.columns = [None], {}, {}
        self.processing_class = SimpleNamespace(eos_token_id=2, pad_token_id=0)

    def log_metric(self, name, value):
        assert name not in self.logged
        assert np.isfinite(value)
        self.logged[name] = value

    def log_extra(self, column, values):
        self.columns[column] = values


@pytest.fixture(autouse=True)
def version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.16.0")


def logged(reward, texts=TEXTS, trainer=None, **columns):
    """What is logged below the name of the reward, and the column."""
    trainer = trainer or Trainer()
    hooks = {"log_metric": trainer.log_metric, "log_extra": trainer.log_extra}
    reward(PROMPTS, texts, **hooks, **columns)
    below = f"{reward.__name__}/"
    assert all(name.startswith(below) for name in (*trainer.logged, *trainer.columns))
    found = {name.removeprefix(below): value for name, value in trainer.logged.items()}
    return found, {name.removeprefix(below): x for name, x in trainer.columns.items()}


def test_metrics_and_the_column_by_hand():
    found, columns = logged(trl.log_probability(noise=2, name="mine"), answer=["7"] * 4 + ["2"] * 4)
    assert columns == {"answer": ["7", "7", None, "3", "1", "1", "1", "1"]}
    assert found["no_answer"] == 1 / 8
    assert found["distinct_answers"] == 1.5
    assert found["majority_share"] == 0.75
    assert found["no_signal"] == 0.5
    assert found["accuracy"] == 2 / 8
    ids = identified(columns["answer"]).reshape(2, 4)
    entropy = {name: value for name, value in found.items() if name.startswith("answer_entropy")}
    expected = metrics.of_batch(ids, noise=2)
    assert len(entropy) == 3
    assert entropy == {name: expected[name] for name in entropy}
    assert found["answer_entropy_bias"] == polyest.load(2, noise=2).bias.upper


def test_labels_that_cannot_be_read_are_no_labels():
    reward = trl.diversity(kind="number")
    assert logged(reward, answer=["7"] * 4 + ["who knows"] * 4)[0]["accuracy"] == 2 / 4
    assert "accuracy" not in logged(reward, answer=["unclear"] * 8)[0]
    assert "accuracy" not in logged(trl.diversity())[0]
    same = trl.diversity(equivalence=lambda left, right: left == right)
    assert "accuracy" not in logged(same, answer=["7"] * 8)[0]  # it would be asked for every row


def test_right_answers_of_a_reward_are_its_own():
    same = trl.ground_truth(
        truth="right", equivalence=lambda left, right: abs(int(left) - int(right)) < 2
    )
    found, _ = logged(same, right=["7"] * 4 + ["2"] * 4, answer=["9"] * 8)
    assert found["accuracy"] == 6 / 8
    assert found["no_signal"] == 0.5


def test_orbits_and_texts():
    found, columns = logged(trl.coherence(orbit_size=2), orbit_id=["o"] * 8)
    assert found["no_signal"] == 1.0  # 0 in one group, 1 in the other
    assert len(columns["answer"]) == 8
    texts = trl.pairwise(orbit_size=1, distance=lambda texts: np.zeros((len(texts),) * 2))
    found, columns = logged(texts)
    assert {*found} == {"no_signal"}
    assert columns == {}


def test_the_drift_of_a_history_is_logged_once_there_is_one():
    past = History()
    reward = trl.diversity(history=past, name="mine")
    assert "drift" not in logged(reward)[0]
    ids = identified(["7", "7", None, "3"])
    past.record([ids, ids], prompts=identified(["a", "b"]))
    past.record([ids, ids[::-1] + 1], prompts=identified(["a", "b"]))
    assert logged(reward)[0]["drift"] == past.drift()
    assert "drift" not in logged(reward, trainer=Trainer(training=False))[0]  # it was not looked at


def test_nothing_is_logged_where_nothing_takes_it():
    reward = trl.log_probability(num_generations=4)
    paid = reward(PROMPTS, TEXTS)
    assert paid == reward(PROMPTS, TEXTS, log_extra=lambda name, values: None)
    trainer = Trainer()
    assert reward([], [], log_metric=trainer.log_metric) == []
    assert trainer.logged == {}


def test_two_rewards_do_not_write_into_one_column():
    trainer = Trainer()
    for reward in (trl.log_probability(name="one"), trl.diversity(name="two", measure="gini")):
        logged_so_far = len(trainer.logged)
        reward(PROMPTS, TEXTS, log_metric=trainer.log_metric, log_extra=trainer.log_extra)
        assert len(trainer.logged) == logged_so_far + 7
    assert {*trainer.columns} == {"one/answer", "two/answer"}


def test_the_table_of_the_entropy_is_that_of_the_reward_where_it_is_one_of_the_log():
    assert tables_of("log_probability", {"noise": 2, "dyadic": True}, 4) == {"noise": 2}
    assert tables_of("tsallis", {"criterion": "minimax"}, 4) == {}
    table = polyest.load(2)
    assert tables_of("log_probability", {"table": table}, 4) == {"table": table}
    assert tables_of("log_probability", {"table": polyest.load(6)}, 4) == {}  # beside a history
    assert tables_of("log_probability", {"table": table}, None) == {}
    assert tables_of("diversity", {"table": "harmonic"}, None) == {"table": "harmonic"}
