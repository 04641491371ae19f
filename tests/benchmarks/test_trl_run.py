"""benchmarks/trl_run.py, hf_writer.py: the writer as another model, rewards of others by hand, short runs."""

import json
import os
import random
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("trl") is None:
    pytest.skip("TRL is not installed: pip install 'polyest[trl]'", allow_module_level=True)
if metadata.version("trl").startswith("1.15."):
    pytest.skip("TRL 1.15 does not train without triton", allow_module_level=True)

import hf_writer
import torch
import trl_run
from self_improvement import Scale, divided
from self_improvement import pretrained as pretrained_at
from word_problems import END, WORDINGS, texts
from writer import PAD, Writer, decode, encode, pretrain

pytestmark = pytest.mark.filterwarnings("ignore")  # those of other people's modules
SMALL = Scale(width=16, layers=1, pretraining=300)
nan = float("nan")


def asked(wording):
    return texts(divided(0).test[:5], wording, random.Random(0))[0]


@pytest.fixture(scope="module")
def writer():
    return pretrain(divided(0).studied, 0, 150, width=16, layers=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("writers")


@pytest.fixture
def short(monkeypatch, folder):
    """Three steps of a small writer, each of one orbit and four completions."""
    monkeypatch.setattr("self_improvement.KEPT", folder)
    writers = []

    def pretrained(seed, scale):
        writers.append(pretrained_at(seed, SMALL))
        return writers[-1]

    monkeypatch.setattr(trl_run, "pretrained", pretrained)
    monkeypatch.setattr(trl_run, "as_model", lambda w: hf_writer.as_model(w, 16, 1))
    for name, value in (("STEPS", 3), ("QUESTIONS", 1), ("GROUP", 4), ("LOOKS", (0, 2, 3))):
        monkeypatch.setattr(trl_run, name, value)
    monkeypatch.setitem(trl_run.KEYWORDS, "num_generations", 4)
    return writers


# The writer as a model.


def test_the_model_has_the_logits_of_the_writer_whatever_the_padding(writer):
    model, read = hf_writer.as_model(writer, 16, 1), hf_writer.tokenizer()
    mixed = [asked(wording)[0] for wording in WORDINGS]  # of different lengths
    batch = read(mixed, return_tensors="pt", padding=True)
    assert batch["input_ids"].tolist() == encode(mixed).tolist()
    with torch.no_grad():
        logits = model(**batch).logits
        assert torch.equal(logits[..., :PAD], writer(encode(mixed)))
        assert (logits[..., PAD] == hf_writer.NEVER).all()
        alone = model(**read(mixed[:1], return_tensors="pt")).logits
        assert torch.allclose(logits[0, -1], alone[0, -1], atol=1e-5)
        last = model(**batch, logits_to_keep=2).logits
        assert torch.equal(last, logits[:, -2:])
        unmasked = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, 0)
        assert torch.equal(model(unmasked, batch["attention_mask"]).logits, logits)
        other = model(unmasked).logits  # without a mask a pad that is written over is read
        assert not torch.allclose(other[..., -1, :], logits[..., -1, :], atol=1e-5)


def test_it_generates_what_the_writer_writes(writer):
    model, read = hf_writer.as_model(writer, 16, 1), hf_writer.tokenizer()
    prompts = [asked(wording)[1] for wording in WORDINGS]
    batch = read(prompts, return_tensors="pt", padding=True)
    tokens = model.generate(**batch, max_new_tokens=8, do_sample=False)
    written = read.batch_decode(tokens[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    own = decode(writer.sample(encode(prompts), 1, temperature=0).written)
    assert written == [text.removesuffix(END) for text in own]
    assert len(set(own)) > 1


def test_training_the_one_trains_the_other(writer):
    model = hf_writer.as_model(writer, 16, 1)
    assert {id(p) for p in model.parameters()} == {id(p) for p in writer.parameters()}
    fresh = hf_writer.WriterModel(hf_writer.WriterConfig(16, 1))
    assert isinstance(fresh.model.writer, Writer)
    assert fresh.get_input_embeddings() is fresh.model.writer.letters


# Rewards of others.


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("majority", [1, 1, 0, 0], [1, 0, 0, 0]),
        ("share", [2 / 4, 2 / 4, 1 / 4, 0], [1 / 4] * 4),
        ("harmonic", [1 - 1.5, 1 - 1.5, 0 - 1.5, None], [0 - 1.5] * 4),
        ("MaxRL", [1, 1, -1, -1], [-1, 3, -1, -1]),
    ],
)
def test_rewards_of_others_by_hand(short, name, first, second):
    written = ["9", "4,9", "1", "+", "7", "3", "2", "1,4"]
    reward = trl_run.REWARDS[name]()
    paid = reward(
        prompts=["a"] * 4 + ["b"] * 4,
        completions=written,
        group_id=[0] * 4 + [1] * 4,
        truth=[9] * 4 + [3] * 4,
    )
    assert paid == pytest.approx(first + second, abs=1e-4)


def test_where_none_is_right_maxrl_pays_nothing():
    assert trl_run.maxrl([1, None, 2], 7) == [0, 0, 0]


def test_numbers_are_those_that_the_loop_reads():
    for text in ("4,9", "9", "-9", "4,", "", "+3", "12345"):
        identity = trl_run.identified([text + END])[0]
        one = trl_run.number(text)
        assert identity == (-1 if one is None else 2 * abs(one) + (one < 0))


# Runs.


@pytest.mark.parametrize("reward", [*trl_run.REWARDS])
def test_a_short_run_trains_what_it_measures(short, reward):
    row = trl_run.in_trl(reward, 1e-2, 0, 1)
    assert set(row) == {"after 0", "after 2", "after 3", "step", "paying", "waiting"}
    assert 0 < row["paying"] < 1
    before = pretrained_at(0, SMALL)
    pairs = zip(before.parameters(), short[0].parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(bool(torch.isfinite(p).all()) for p in short[0].parameters())


def test_the_loop_sees_the_texts_that_trl_sees(short, monkeypatch):
    seen = {"trl": [], "loop": []}
    reward, take = trl_run.REWARDS["share"], Writer.sample

    def recorded():
        inner = reward()

        class Seen:
            __name__ = "seen"

            def __call__(self, prompts, **columns):
                seen["trl"] += prompts[::4]
                return inner(prompts=prompts, **columns)

        return Seen()

    def sample(self, prompts, group, **keywords):
        if group > 1:
            seen["loop"] += decode(prompts)
        return take(self, prompts, group, **keywords)

    monkeypatch.setitem(trl_run.REWARDS, "share", recorded)
    monkeypatch.setattr(Writer, "sample", sample)
    trl_run.in_trl("share", 1e-3, 0, 1)
    row = trl_run.in_loop("geometric, table", 1e-3, 0)
    assert seen["trl"] == seen["loop"]
    assert len(seen["loop"]) == 3 * 4
    assert set(row) == {"after 0", "after 2", "after 3", "step", "paying", "waiting"}


@pytest.mark.parametrize("way", ["trl", "loop"])
def test_time_spent_looking_is_none_of_the_steps(short, monkeypatch, way):
    real, measured, away = trl_run.perf_counter, trl_run.measured, [0.0]

    def slowly(*given):  # a thousand seconds by the clock
        away[0] += 1000
        return measured(*given)

    monkeypatch.setattr(trl_run, "perf_counter", lambda: real() + away[0])
    monkeypatch.setattr(trl_run, "measured", slowly)
    if way == "trl":
        row = trl_run.in_trl("share", 1e-3, 0, 1)
    else:
        row = trl_run.in_loop("geometric, table", 1e-3, 0)
    assert away[0] == 3000
    assert 0 < row["step"] < 300
    assert 0 < row["paying"] < 1


def test_two_processes_print_one_row(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        "import hf_writer, self_improvement, trl_run\n"
        "from pathlib import Path\n"
        f"self_improvement.KEPT = Path({str(tmp_path)!r})\n"
        "small = self_improvement.Scale(width=16, layers=1, pretraining=20)\n"
        "trl_run.pretrained = lambda seed, scale: self_improvement.pretrained(seed, small)\n"
        "trl_run.as_model = lambda w: hf_writer.as_model(w, 16, 1)\n"
        "trl_run.STEPS, trl_run.LOOKS = 2, (0, 2)\n"
        "trl_run.main()\n"
    )
    folder = Path(trl_run.__file__).parent
    path = os.pathsep.join([str(folder), str(folder.parent)])
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    options = ["--nproc_per_node=2", str(script), "--one", "geometric, table", "1e-3", "0"]
    ran = subprocess.run(
        [*command, *options],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith('{"after 0"')]
    assert json.loads(line)["waiting"] > 0


# Files.


def made(way, reward, rate, seed):
    end = {"geometric, log": 0.5}.get(reward, 0.4) + (0.1 if rate == 1e-4 else 0) + seed / 100
    if way == "loop":
        end -= 0.01
    looks = {f"after {n}": n / 100 * end for n in trl_run.LOOKS}
    return {
        "way": way,
        "reward": reward,
        "rate": rate,
        "seed": seed,
        **looks,
        "step": 0.5,
        "paying": 0.01,
        "waiting": 0.0,
    }


def test_the_best_rate_is_reported_with_its_distance_to_the_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(trl_run, "run", made)
    file = tmp_path / "runs.csv"
    tried = [("trl", r, x, s) for r in trl_run.REWARDS for x in trl_run.RATES for s in (8, 9)]
    best = trl_run.best_rates(trl_run.finished(tried, 2, file))
    assert best == dict.fromkeys(trl_run.REWARDS, 1e-4)
    ways = trl_run.ways(best)
    assert len(ways) == 6 + 4
    done = trl_run.finished([(*one, seed) for one in ways for seed in trl_run.SEEDS], 1, file)
    rows = {(row["way"], row["reward"]): row for row in trl_run.summary(done, best)}
    row = rows["trl, 2", "geometric, log"]
    assert row["after 100"] == pytest.approx(0.62)
    spread = (0.0001 * (4 + 1 + 0 + 1 + 4) / 4) ** 0.5
    assert row["after 100 pm"] == pytest.approx(2.776445 * spread / 5**0.5, rel=1e-6)
    assert row["less loop"] == pytest.approx(0.01 * (10 + 25 + 50 + 75 + 100) / 500)
    assert row["less loop pm"] == pytest.approx(0, abs=1e-9)
    assert rows["loop", "geometric, log"]["less loop"] == ""
    assert rows["trl", "share"]["less loop"] == ""


def test_it_goes_on_where_it_was(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(trl_run, "run", lambda *one: ran.append(one) or made(*one))
    file = tmp_path / "runs.csv"
    wanted = [("trl", "share", 1e-4, 0), ("loop", "geometric, log", 1e-4, 1)]
    trl_run.finished(wanted[:1], 1, file)
    done = trl_run.finished(wanted, 1, file)
    assert ran == wanted
    assert [trl_run.key(row) for row in done] == wanted


def test_a_run_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(
        trl_run.subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess([], 1, "", "Traceback: no memory"),
    )
    with pytest.raises(SystemExit, match="trl, share, seed 3: Traceback: no memory"):
        trl_run.run("trl", "share", 1e-4, 3)


def test_the_file_is_what_its_runs_say():
    done = trl_run.origin.read(trl_run.RUNS)
    lines = trl_run.summary(done, trl_run.best_rates(done))
    for row, line in zip(trl_run.origin.read(trl_run.FILE), lines, strict=True):
        for name, value in line.items():
            if isinstance(value, str):
                assert row[name] == value
            else:
                assert float(row[name]) == pytest.approx(value, rel=1e-4, abs=1e-9)
