"""The trainer behind `log_metric`, without TRL: numbers, tokens, and labels that cannot be read."""

import pickle
import warnings
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from polyest import History, answers, rewards
from polyest.errors import (
    AnotherObjective,
    BrokenBatch,
    InvalidAnswer,
    InvalidHistory,
    InvalidReward,
    MissingColumn,
    TableNotFound,
    UnknownOption,
    UnreadableLabel,
)
from polyest.integrations import trl
from polyest.integrations.trl.rows import numbers, truncated
from polyest.integrations.trl.trainer import end_tokens, trainer_of, values_of

TEXTS = ["7", "7", "3", "5", "1", "1", "1", "1"]


class Trainer:
    """As much of GRPOTrainer as a reward looks at."""

    def __init__(self, G=4, evaluated=2, training=True, **changes):
        self.num_generations, self.num_generations_eval = G, evaluated
        self.model = SimpleNamespace(training=training)
        self.args = SimpleNamespace(num_generations=G, num_generations_eval=None, **changes)
        self.reward_funcs = [None]
        self.processing_class = SimpleNamespace(eos_token_id=2, pad_token_id=0)
        self.logged = []

    def log_metric(self, name, value):
        self.logged.append((name, value))


@pytest.fixture(autouse=True)
def version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "1.16.0")


def paid(reward, trainer=None, texts=TEXTS, prompts=None, **columns):
    if trainer is not None:
        columns["log_metric"] = trainer.log_metric
    return reward(prompts or ["p"] * len(texts), texts, **columns)


# Groups.


@pytest.mark.parametrize("given", [{}, {"num_generations": 4}])
@pytest.mark.parametrize("ids", [{}, {"group_id": [0] * 8}, {"group_id": torch.zeros(8).long()}])
def test_groups_are_the_trainers_in_training_and_in_evaluation(given, ids):
    reward = trl.coherence(orbit_size=1, **given)
    assert paid(reward, Trainer(), **ids) == [1, 1, 0, 0, 1, 1, 1, 1]
    assert paid(reward, Trainer(training=False), **ids) == [1, 1, 1, 1, 1, 1, 1, 1]
    same = Trainer(evaluated=None, training=False)
    assert paid(reward, same, **ids) == [1, 1, 0, 0, 1, 1, 1, 1]


def test_rows_that_follow_each_other_need_no_id():
    reward = trl.coherence(orbit_size=1, num_generations=4)
    assert paid(reward) == paid(reward, group_id=[5] * 8) == [1, 1, 0, 0, 1, 1, 1, 1]
    with pytest.raises(
        BrokenBatch, match="rows 4 to 7 have prompt 'a', 'b' with num_generations=4"
    ):
        paid(reward, prompts=[*"aaaaaabb"])
    with pytest.raises(MissingColumn, match=r"no column 'group_id'.*or give num_generations"):
        paid(trl.coherence(orbit_size=1))
    with pytest.raises(MissingColumn, match="no column 'uid'"):
        paid(trl.coherence(orbit_size=1, group="uid", num_generations=4))
    over = trl.coherence(orbit_size=2, num_generations=4)
    earned = paid(over, prompts=[*"aaaabbbb"], orbit_id=["o"] * 8)
    assert earned == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("ids", [torch.tensor([0] * 4 + [1] * 4), np.array([0] * 4 + [1] * 4)])
def test_columns_may_be_arrays(ids):
    reward = trl.coherence(orbit_size=1)
    for group in (ids, [*ids]):
        assert paid(reward, prompts=[*"aaaabbbb"], group_id=group) == [1, 1, 0, 0, 1, 1, 1, 1]


def test_what_is_no_trainer_is_not_taken_for_one():
    assert trainer_of({}) is None
    assert trainer_of({"log_metric": print}) is None
    assert trainer_of({"log_metric": [].append}) is None
    trainer = Trainer()
    assert trainer_of({"log_metric": trainer.log_metric}) is trainer


def test_a_configuration_is_looked_at_once():
    reward, trainer = trl.log_probability(), Trainer(loss_type="grpo")
    with pytest.warns(
        AnotherObjective, match="loss_type='grpo' divides each completion by its own"
    ):
        paid(reward, trainer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paid(reward, trainer)
        paid(trl.log_probability(num_generations=4))
    assert pickle.loads(pickle.dumps(reward)).checked is None
    with pytest.raises(BrokenBatch, match="has num_generations=8, the trainer 4"):
        paid(trl.log_probability(num_generations=8), Trainer())
    trainer = Trainer()
    trainer.reward_funcs = [None, None]
    with pytest.raises(InvalidReward, match="beside another reward"):
        paid(trl.log_probability(unanswered="exclude"), trainer)


# What was cut.


IDS = [[5, 2], [5, 6], [7, 2], [2, 5], [1, 9], [1, 2], [], [1, 2, 0]]


def test_a_completion_without_end_token_is_no_answer():
    blank = [None if i in (1, 3, 4, 6) else text for i, text in enumerate(TEXTS)]
    for end in ((2, 0), [0, 2], torch.tensor([0, 2]).tolist(), (np.int64(2), 0)):
        reward = trl.log_probability(end_token=end, num_generations=8)
        wanted = paid(trl.log_probability(num_generations=8), texts=blank)
        assert paid(reward, completion_ids=IDS) == wanted
        assert paid(reward, completion_ids=[torch.tensor(ids) for ids in IDS]) == wanted
    plain = paid(trl.log_probability(num_generations=8))
    assert paid(trl.log_probability(num_generations=8, end_token=()), completion_ids=IDS) == plain
    assert paid(trl.log_probability(num_generations=8), completion_ids=IDS) == plain
    assert truncated([[1, 2]], (2,)) == [False]


def test_the_trainer_says_whether_what_was_cut_counts():
    for masks in (True, False):
        trainer = Trainer(8, 8, mask_truncated_completions=masks)
        reward = trl.log_probability(end_token=(2, 0) if masks else None, num_generations=8)
        assert paid(trl.log_probability(), trainer, completion_ids=IDS) == paid(
            reward, completion_ids=IDS
        )
    trainer = Trainer()
    assert end_tokens(trainer) == (2, 0)
    trainer.eos_token_ids = [2, 7]
    assert end_tokens(trainer) == (2, 7, 0)
    inner = trainer.processing_class
    inner.pad_token_id = None
    trainer.processing_class = SimpleNamespace(tokenizer=inner)
    assert end_tokens(trainer) == (2, 7)


@pytest.mark.parametrize("end", ["</s>", 2.5, True, [2, None], b"2"])
def test_an_end_token_is_a_number(end):
    with pytest.raises(InvalidReward, match=r"end_token is .*: expected the number of a token"):
        trl.log_probability(end_token=end)


def test_an_end_token_needs_the_tokens():
    reward = trl.log_probability(end_token=2, num_generations=8)
    with pytest.raises(BrokenBatch, match="end_token without completion_ids"):
        paid(reward)
    with pytest.raises(InvalidAnswer, match="completion_ids holds 5: expected a list of tokens"):
        paid(reward, completion_ids=[5] * 8)


# Right answers.


@pytest.mark.parametrize("objective", [{}, {"objective": "log"}, {"objective": "pass@k", "k": 2}])
@pytest.mark.parametrize("bad", ["many", None, True, ["1"], ""])
def test_a_prompt_without_a_readable_label_earns_one_reward(objective, bad):
    """Whatever is said: its advantage is 0, and that of the others is as ever."""
    reward = trl.ground_truth(kind="number", num_generations=4, **objective)
    with pytest.warns(
        UnreadableLabel, match=r"column 'answer' holds .*kind 'number' finds no answer"
    ):
        earned = paid(reward, answer=["7"] * 4 + [bad] * 4)
    assert earned[4:] == [0.0] * 4
    assert (
        earned[:4]
        == paid(trl.ground_truth(kind="number", num_generations=4, **objective), answer=["7"] * 8)[
            :4
        ]
    )
    assert reward.unread == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paid(reward, answer=[bad] * 4 + ["7"] * 4)
        assert paid(reward, answer=[bad] * 8) == [0.0] * 8  # some could be read before
    assert reward.unread == 16
    silent = trl.ground_truth(kind="number", num_generations=4, unanswered="exclude", **objective)
    texts = ["7", "no", *TEXTS[2:6], "no", "1"]
    with pytest.warns(UnreadableLabel):
        assert paid(silent, texts=texts, answer=["7"] * 4 + [bad] * 4)[4:] == [0.0] * 4


def test_one_bad_row_is_enough_for_a_prompt():
    reward = trl.ground_truth(kind="number", num_generations=4)
    with pytest.warns(UnreadableLabel):
        assert paid(reward, answer=["7"] * 4 + ["1", "1", "many", "1"]) == [1, 1, 0, 0, 0, 0, 0, 0]


class Data(list):
    column_names = ("answer",)

    def select_columns(self, names):
        return Data({name: row[name] for name in names} for row in self)


def test_labels_that_can_never_be_read_are_refused():
    reward = trl.ground_truth(kind="number", num_generations=4)
    with pytest.raises(InvalidAnswer, match=r"column 'answer' holds 'many', where kind 'number'"):
        paid(reward, answer=["many"] * 8)
    with pytest.warns(UnreadableLabel):  # one prompt says nothing of the data set
        paid(reward := trl.ground_truth(kind="number", num_generations=8), answer=["many"] * 8)
    with pytest.raises(InvalidAnswer, match="nor in any other row so far"):
        paid(reward, answer=["some"] * 8)
    trainer = Trainer(8, 8)
    trainer.train_dataset = Data({"answer": "many"} for _ in range(9))
    with pytest.raises(InvalidAnswer, match="'many'"):
        paid(trl.ground_truth(kind="number"), trainer, answer=["many"] * 8)
    trainer.train_dataset.append({"answer": "7"})
    reward = trl.ground_truth(kind="number")
    with pytest.warns(UnreadableLabel):
        paid(reward, trainer, answer=["many"] * 8)
    paid(reward, trainer, answer=["many"] * 8)
    unread = [one for one in trainer.logged if one[0].endswith("/unread")]
    assert unread == [("ground_truth-kindnumber/unread", 1.0)] * 2
    assert list(values_of(Trainer(), "answer")) == []


def test_right_answers_that_are_equivalent_are_right():
    def same(left, right):
        return left[0] == right[0]

    reward = trl.ground_truth(kind="string", equivalence=same, num_generations=4)
    texts = ["seven", "sept", "six", "eight"]
    assert paid(reward, texts=texts, answer=["s7"] * 4) == [1, 1, 1, 0]
    assert paid(reward, texts=["eight"] * 4, answer=["s7"] * 4) == [0] * 4


# A history, of which tests/integrations/test_trl_history.py has more.


def test_a_history_is_looked_at_in_training_only_and_never_changed():
    past = History()
    reward = trl.log_probability(table="harmonic", dyadic=False, history=past)
    assert reward.__name__ == "log_probability-dyadicFalse-history1-tableharmonic"
    plain = trl.log_probability(table="harmonic", dyadic=False)
    first = paid(reward, Trainer(8, 8))
    assert first == paid(plain, Trainer(8, 8))
    assert past.step == -1
    past.record(answers.from_texts(TEXTS), prompts=numbers("group_id", [0] * 8))
    ids = {"group_id": [0] * 8}
    again = paid(reward, Trainer(8, 8), **ids)
    said = answers.from_texts([TEXTS])
    wanted = rewards.log_probability(said, table="harmonic", history=past, prompts=[0])
    assert again == wanted[0].tolist() != first
    assert paid(reward, Trainer(8, 8, training=False), **ids) == first


def test_a_table_that_a_second_visit_needs_is_missed_at_once():
    trl.log_probability(num_generations=192)
    with pytest.raises(TableNotFound, match="W = 192 earlier completions beside a group of 192"):
        trl.log_probability(num_generations=192, history=History())
    trl.log_probability(num_generations=192, history=History(answers=66))  # K = 256
    trl.log_probability(num_generations=192, history=History("auto"))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"history": "past"}, "expected a polyest.History"),
        ({"history": History(), "equivalence": lambda a, b: True}, "equivalence with history"),
        ({"history": History(), "gather": False}, "gather is False with history"),
    ],
)
def test_what_does_not_go_with_a_history(keywords, message):
    with pytest.raises(InvalidReward, match=message):
        trl.log_probability(**keywords)


def test_rewards_of_two_readers_do_not_share_a_history():
    past = History()
    trl.log_probability(history=past)
    trl.diversity(history=past)
    with pytest.raises(InvalidHistory, match="read as 'auto', beside 'number'"):
        trl.diversity(history=past, kind="number")
    for over in (trl.coherence, trl.soft_consistency):
        with pytest.raises(UnknownOption, match="history"):
            over(orbit_size=2, history=History(), num_generations=4)
