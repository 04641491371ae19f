"""benchmarks/read_texts.py: both ways read the same answers; its file is what docs/experiments.md says."""

import random

import numpy as np
import origin
import pytest
import read_texts

from polyest import answers

each_style = pytest.mark.parametrize("name", read_texts.STYLES)


@each_style
@pytest.mark.parametrize("length", read_texts.LENGTHS)
def test_both_ways_tell_the_same_answers_apart(name, length):
    texts, right = read_texts.batch(name, length, random.Random(1))
    flat = [text for row in texts for text in row]
    assert len(set(flat)) == len(flat) == read_texts.PROMPTS * read_texts.GROUP
    assert min(map(len, flat)) >= read_texts.LENGTHS[length]
    plain = np.array(read_texts.peer(texts, read_texts.STYLES[name].pattern))
    truth = np.array(right)
    assert (plain >= 0).all()
    for kind in read_texts.STYLES[name].kinds:
        ids = answers.from_texts(texts, kind)
        assert (ids >= 0).all()
        for labels in (ids, plain):  # the same pairs of completions of a prompt are equal
            same = labels[:, :, None] == labels[:, None, :]
            assert np.array_equal(same, truth[:, :, None] == truth[:, None, :])


def test_a_batch_is_like_those_of_training():
    texts, right = read_texts.batch("boxed", "short", random.Random(2))
    assert {len(row) for row in texts} == {read_texts.GROUP}
    different = [len(set(row)) for row in right]
    assert 1 < max(different) <= read_texts.DIFFERENT < read_texts.GROUP
    assert min(different) < max(different)
    again, _ = read_texts.batch("boxed", "short", random.Random(2))
    assert again == texts


def test_every_way_of_every_round_has_texts_of_its_own(monkeypatch):
    read = []
    monkeypatch.setattr(read_texts, "peer", lambda texts, pattern: read.append(texts))
    monkeypatch.setattr(answers, "from_texts", lambda texts, kind: read.append(texts))
    row = read_texts.measured("####", "short", "auto", 3, random.Random(0))
    assert len(read) == 6
    assert all(a != b for i, a in enumerate(read) for b in read[:i])
    assert row["ratio"] == row["microseconds"] / row["peer_microseconds"]


def test_what_the_page_says_of_reading_texts():
    rows = origin.read(read_texts.FILE)
    row_of = {(row["length"], row["style"], row["kind"]): row for row in rows}
    assert set(row_of) == {
        (length, name, kind)
        for length in read_texts.LENGTHS
        for name, style in read_texts.STYLES.items()
        for kind in style.kinds
    }
    short, long = (row_of[length, "boxed", "auto"] for length in ("short", "long"))
    text = (read_texts.FILE.parents[2] / "docs" / "experiments.md").read_text()
    said = [
        f"takes {float(short['microseconds']):.1f} us a short text that ends in a box",
        f"{float(short['ratio']):.1f} times a regular expression and a dict",
        f"{float(long['microseconds']):.1f} us after 1,200 characters of reasoning",
        f"of reasoning, {float(long['ratio']):.1f} times",
        f"a choice after long reasoning, {max(float(row['ratio']) for row in rows):.1f} times",
    ]
    assert max(rows, key=lambda row: float(row["ratio"])) is row_of["long", "choice", "choice"]
    for words in said:
        assert words in " ".join(text.split())
