"""A history in estimators, verl's above all: K = W + G - 2, recorded once, after the rewards."""

import json
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from two_visits import ALONE, CLOSE, EARNED, FIRST, FRIDAY, HARMONIC, MONDAY
from verl_queue import Queue, row

from polyest import History, advantages, errors, rewards
from polyest.integrations.estimators import advantages_of, parse_options, recorded
from polyest.integrations.groups import GroupReward
from polyest.integrations.scores import answer_class
from polyest.integrations.verl import HistoryCallback, estimate
from polyest.integrations.verl import settings as verl_settings
from polyest.integrations.verl.callback import FILE


@pytest.fixture
def pasts(monkeypatch):
    """No history of this process yet, as after its start."""
    monkeypatch.setattr(verl_settings, "PASTS", {})
    return verl_settings.PASTS


@pytest.fixture
def queue(monkeypatch):
    made = Queue()
    monkeypatch.setitem(sys.modules, "transfer_queue", made)
    return made


def paid(texts_of, queue=None, at=1, rows=None, config=None, **more):
    """Advantages (N,) of verl's estimator; texts_of: uid -> texts, rows: uid -> the row of its prompt."""
    index = [uid for uid, texts in texts_of.items() for _ in texts]
    scores = [answer_class(text) for texts in texts_of.values() for text in texts]
    if queue is not None:
        queue.drawn(at, {uid: [rows[uid]] * len(said) for uid, said in texts_of.items()})
    placed = torch.zeros(len(scores), 2)
    placed[:, 1] = torch.tensor(scores)
    config = {"polyest": {"history": 1, **HARMONIC, **(config or {})}}
    given = (placed, torch.ones_like(placed), config, np.array(index, object))
    return estimate("log_probability", *given, **more)[0][:, 0].numpy()


def test_verl_counts_the_last_visit_of_a_row_of_the_dataset(queue, pasts):
    monday = paid({"u": MONDAY, "v": FRIDAY}, queue, 1, {"u": row(4), "v": row(5)})
    assert monday == pytest.approx([*FIRST, *(ALONE - ALONE.mean())])
    friday = paid({"w": FRIDAY, "x": FRIDAY}, queue, 2, {"w": row(4), "x": row(6)})
    assert friday[:4] == pytest.approx(EARNED - EARNED.mean(), **CLOSE)
    assert friday[4:] == pytest.approx(ALONE - ALONE.mean())
    (past,) = pasts.values()
    assert past.step == 2
    assert past.counted([[10**9]], ["gsm8k/4"])[1] == 4  # one visit is kept
    assert {*queue.asked} == {"train"}  # validation is never asked for


def test_validation_scores_completions_and_records_nothing(queue, pasts):
    from polyest.integrations.verl import compute_score

    paid({"u": MONDAY}, queue, 1, {"u": row(4)})
    (past,) = pasts.values()
    before = past.state_dict()
    queue.drawn(1, {"val": [row(4)] * 4}, partition="val")
    for text in FRIDAY:
        compute_score("gsm8k", text, "7", {"index": 4})
    assert past.state_dict() == before


def test_a_step_counts_once_however_often_it_is_recorded(queue, pasts):
    for _ in range(2):
        paid({"u": MONDAY}, queue, 3, {"u": row(4)})
    (past,) = pasts.values()
    once = History(stable_ids=True)
    once.record([[round(answer_class(text)) for text in MONDAY]], prompts=["gsm8k/4"], step=3)
    assert past.state_dict()["arrays"] == once.state_dict()["arrays"]
    with pytest.raises(errors.InvalidHistory, match="other answers at step 3"):
        paid({"u": FRIDAY}, queue, 3, {"u": row(4)})
    with pytest.raises(errors.InvalidHistory, match="step 2 of prompt 'gsm8k/4' after its step 3"):
        paid({"u": FRIDAY}, queue, 2, {"u": row(4)})


def test_a_group_is_rewarded_before_it_is_recorded_and_not_recorded_if_it_has_no_reward(
    queue, pasts
):
    first = paid({"u": MONDAY}, queue, 1, {"u": row(4)})
    assert first == pytest.approx(FIRST)  # its own draws are not among the earlier ones
    (past,) = pasts.values()
    before = past.state_dict()
    with pytest.raises(errors.BrokenBatch, match="group 'v' has 2 completions"):
        paid({"u": MONDAY, "v": ["7", "3"]}, queue, 2, {"u": row(4), "v": row(5)})
    assert past.state_dict() == before


def test_every_group_that_was_drawn_is_recorded_also_one_too_small_for_a_reward(queue, pasts):
    small = {"incomplete": "zero"}
    advantage = paid({"u": ["7", "3"]}, queue, 1, {"u": row(4)}, small)
    assert (advantage == 0).all()
    (past,) = pasts.values()
    assert past.counted([[10**9]], ["gsm8k/4"])[1] == 2


def test_two_groups_of_a_prompt_in_a_step_are_one_visit(queue, pasts):
    paid({"u": MONDAY, "v": FRIDAY}, queue, 1, {"u": row(4), "v": row(4)})
    (past,) = pasts.values()
    assert past.counted([[10**9]], ["gsm8k/4"])[1] == 8


def test_a_row_of_another_data_source_is_another_prompt(queue, pasts):
    paid({"u": MONDAY}, queue, 1, {"u": row(4)})
    other = paid({"v": FRIDAY}, queue, 2, {"v": row(4, source="math")})
    assert other == pytest.approx(ALONE - ALONE.mean())


def test_another_entry_may_name_the_prompt_and_the_caller_may(queue, pasts):
    by = {"prompt": "prompt_id"}
    paid({"u": MONDAY}, queue, 1, {"u": row(0, prompt_id="sum")}, by)
    friday = paid({"w": FRIDAY}, queue, 2, {"w": row(1, prompt_id="sum")}, by)
    assert friday == pytest.approx(EARNED - EARNED.mean(), **CLOSE)
    pasts.clear()
    paid({"u": MONDAY}, prompts=["sum"] * 4, step=7)
    assert paid({"w": FRIDAY}, prompts=["sum"] * 4) == pytest.approx(friday)
    (past,) = pasts.values()
    assert past.step == 8


def test_padding_has_no_prompt(queue, pasts):
    queue.drawn(1, {"u": [row(4)] * 4})
    scores = torch.tensor([0.0, *map(answer_class, MONDAY), 0.0])[:, None]
    mask = torch.tensor([0.0, *[1.0] * 4, 0.0])[:, None]
    config = {"polyest": {"history": 1, **HARMONIC}}
    index = np.array(["pad1", *"uuuu", "pad1"], object)
    advantage = estimate("log_probability", scores, mask, config, index)[0][:, 0]
    assert advantage.numpy() == pytest.approx([0, *FIRST, 0])
    names = {"prompts": ["b", *["a"] * 4, "b"]}
    again = estimate("log_probability", scores, mask, config, index, **names)[0][:, 0]
    assert torch.equal(again, advantage)


ROWS = {
    "missing": ({"data_source": "x", "extra_info": {"split": "train"}}, "'index' is missing .* has split"),
    "no extra_info": ({"data_source": "x", "extra_info": None}, "'index' is missing .* has nothing"),
    "a float": (row(0.5), "'index' is 0.5 in extra_info"),
    "a bool": (row(True), "'index' is True in extra_info"),
    "a list": (row([4]), r"'index' is \[4\] in extra_info"),
    "no column": ({"data_source": "x"}, "without extra_info or data_source"),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_a_prompt_without_an_id_is_refused(queue, pasts, case):
    odd, message = ROWS[case]
    with pytest.raises(errors.InvalidHistory, match=message):
        paid({"u": MONDAY}, queue, 1, {"u": odd})


def test_prompts_that_differ_and_have_one_id_are_refused(queue, pasts):
    two = {"u": row(4, prompt="3 + 4?"), "v": row(4, prompt="1 + 2?")}
    with pytest.raises(errors.InvalidHistory, match="two prompts are both 'gsm8k/4'"):
        paid({"u": MONDAY, "v": FRIDAY}, queue, 1, two)


def test_what_verl_cannot_say_is_a_named_error(queue, pasts, monkeypatch):
    paid({"u": MONDAY}, queue, 1, {"u": row(4)})
    with pytest.raises(
        errors.InvalidHistory, match="1 of 1 prompts are not in verl's TransferQueue"
    ):
        paid({"w": FRIDAY})
    queue.drawn(1, {"u": [row(4)] * 4, "v": [row(5)] * 4})
    for session in range(4):
        queue.partitions["train"][f"v_{session}_0"][1]["global_steps"] = 3
    with pytest.raises(errors.InvalidHistory, match=r"steps 1 to 3: .*trainer_mode=sync"):
        paid({"u": MONDAY, "v": FRIDAY})
    monkeypatch.delitem(sys.modules, "transfer_queue")
    with pytest.raises(errors.InvalidHistory, match="transfer_queue is not imported"):
        paid({"u": MONDAY})


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"history": 0}, "InvalidHistory", "visits is 0"),
        ({"history": -1}, "InvalidHistory", "visits is -1"),
        ({"history": 10**9}, "InvalidHistory", "visits is 10+: expected"),
        ({"history": {"visit": 1}}, "InvalidReward", "unknown entry visit of history: "),
        ({"history": {"answers": 0}}, "InvalidHistory", "answers is 0"),
        ({"history": None, "prompt": "index"}, "InvalidReward", "prompt given without history"),
    ],
)  # fmt: skip
def test_bad_options_of_a_history_are_named_errors(pasts, asked, error, message):
    with pytest.raises(getattr(errors, error), match=message):
        paid({"u": MONDAY}, config=asked)


def test_a_history_is_no_option_of_a_reward_that_cannot_count_it():
    for name in ("coherence", "pairwise", "soft_consistency"):
        with pytest.raises(errors.InvalidReward, match=f"unknown option history of {name}"):
            parse_options(name, {"history": History(), "orbits": "none"})


def test_a_filter_of_groups_does_not_go_with_a_history(pasts):
    config = {"polyest": {"history": 1}, "filter_groups": {"enable": True}}
    with pytest.raises(errors.InvalidReward, match="filter_groups is on beside a history"):
        estimate("log_probability", None, None, config)


def test_a_history_of_another_kind_of_answers_is_refused(pasts):
    past = History()
    GroupReward("log_probability", history=past, **HARMONIC)
    with pytest.raises(errors.InvalidHistory, match="beside 'classes in scores'"):
        paid({"u": MONDAY}, prompts=["a"] * 4, config={"history": past})
    with pytest.raises(errors.InvalidHistory, match="beside 'boxed'"):
        GroupReward("log_probability", history=past, kind="boxed", **HARMONIC)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_batch_in_any_order_is_paid_as_its_prompts_are_alone(data):
    """Ragged groups, prompts that were visited by another number of completions, or not at all."""
    group = st.lists(st.integers(-1, 3), min_size=3, max_size=6)
    prompts = data.draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True))
    now = {name: data.draw(group) for name in prompts}
    then = {name: data.draw(group) for name in "abc"}
    past, wanted = History(stable_ids=True), {}
    flat = [z for said in then.values() for z in said]
    past.record(np.array(flat), prompts=[name for name in then for _ in then[name]])
    for name, said in now.items():
        earned = rewards.log_probability(
            [said], history=past, prompts=[name], unanswered="lowest", **HARMONIC
        )
        wanted[name] = advantages.group_mean(earned)[0]
    rows = data.draw(st.permutations([(name, i) for name in now for i in range(len(now[name]))]))
    how = parse_options("log_probability", {"history": past, **HARMONIC})
    ids = np.array([now[name][i] for name, i in rows])
    named = [name for name, _ in rows]
    before = past.state_dict()
    got = advantages_of(how, ids, named, prompts=named)
    assert past.state_dict() == before  # a reward leaves the history as it is
    assert got == pytest.approx([wanted[name][i] for name, i in rows], **CLOSE)
    assert (recorded(how, ids, named, prompts=named) == got).all()
    assert past.counted([[9]], prompts[:1])[1] == len(now[prompts[0]])


@pytest.mark.parametrize("prompts", [None, ["a"] * 3])
def test_prompts_that_are_missing_or_too_few_are_refused(prompts):
    how = parse_options("log_probability", {"history": History(stable_ids=True), **HARMONIC})
    with pytest.raises(errors.InvalidHistory, match=r"prompts are .* for 4 completions"):
        advantages_of(how, np.array([7, 7, 7, 3]), ["a"] * 4, prompts=prompts)


# Checkpoints of verl.


def trainer_config(tmp_path, **trainer):
    return {
        "algorithm": {"polyest": {"history": 1}},
        "trainer": {"default_local_dir": str(tmp_path), "resume_mode": "disable", **trainer},
    }


def saved(tmp_path, queue, pasts, step=1):
    """A run that was stopped after a checkpoint of a step."""
    callback = HistoryCallback(config=trainer_config(tmp_path))
    paid({"u": MONDAY}, queue, step, {"u": row(4)})
    folder = tmp_path / f"global_step_{step}"
    folder.mkdir()
    callback.on_save(trainer=None, global_step=step, checkpoint_dir=str(folder), async_save=False)
    pasts.clear()
    return folder


def test_a_run_that_resumes_goes_on_with_its_history(tmp_path, queue, pasts):
    folder = saved(tmp_path, queue, pasts)
    assert [path.name for path in folder.iterdir()] == [FILE]
    HistoryCallback(
        trainer_config(tmp_path, resume_mode="resume_path", resume_from_path=str(folder))
    )
    friday = paid({"w": FRIDAY}, queue, 2, {"w": row(4)})
    assert friday == pytest.approx(EARNED - EARNED.mean(), **CLOSE)
    pasts.clear()
    HistoryCallback(trainer_config(tmp_path))
    anew = paid({"w": FRIDAY}, queue, 2, {"w": row(4)})
    assert anew == pytest.approx(ALONE - ALONE.mean())


def test_a_checkpoint_without_a_history_is_warned_of(tmp_path, queue, pasts):
    folder = saved(tmp_path, queue, pasts)
    (folder / FILE).unlink()
    resuming = trainer_config(tmp_path, resume_mode="resume_path", resume_from_path=str(folder))
    with pytest.warns(errors.StartedAgain, match=f"no {FILE} in .*global_step_1"):
        HistoryCallback(resuming)


@pytest.mark.parametrize("part", [0, 0.5, -1])
def test_a_file_that_was_cut_short_or_changed_is_refused(tmp_path, queue, pasts, part):
    folder = saved(tmp_path, queue, pasts)
    text = (folder / FILE).read_text()
    cut = text[: int(len(text) * part)]
    (folder / FILE).write_text(cut if part >= 0 else text.replace('"step": 1', '"step": 2'))
    resuming = trainer_config(tmp_path, resume_mode="resume_path", resume_from_path=str(folder))
    with pytest.raises(errors.InvalidHistory, match="cut short or changed"):
        HistoryCallback(resuming)


def test_a_file_of_answers_that_were_read_otherwise_is_refused(tmp_path, queue, pasts):
    folder = saved(tmp_path, queue, pasts)
    past = History()
    GroupReward("log_probability", history=past, **HARMONIC)
    (folder / FILE).write_text(json.dumps(past.state_dict()))
    resuming = trainer_config(tmp_path, resume_mode="resume_path", resume_from_path=str(folder))
    with pytest.raises(errors.InvalidHistory, match="read as 'auto', here 'classes in scores'"):
        HistoryCallback(resuming)


def test_a_checkpoint_callback_without_a_history_is_refused(tmp_path):
    config = {"algorithm": {}, "trainer": {}}
    with pytest.raises(errors.InvalidReward, match=r"without algorithm.polyest.history"):
        HistoryCallback(config)
