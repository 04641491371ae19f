r"""Texts that were once read wrongly, and more like them, with the right answer by every kind of reading."""

import json
from pathlib import Path

import pytest

from polyest.answers import KINDS, canonical, from_texts, stated
from polyest.errors import InvalidAnswer


def key(text, kind="number", **options):
    (answer,) = canonical([text], kind, **options)
    return answer


def keys(kind, *texts, **options):
    return canonical(list(texts), kind, **options)


def box(content):
    return rf"so $\boxed{{{content}}}$."


# Boxes and TeX.

SAME_BOX = [  # contents that are one answer, and its key
    ([r"5, 120", r"5,\ 120", r"5, \quad 120", r"5 ,\;120", r"x = 5, 120"], "5, 120"),
    (["1, 234, 567", r"1,\, 234 , 567"], "1, 234, 567"),
    (["1,234,567", r"1{,}234{,}567", r"1\,234\,567", "1'234'567", r"1,\!234,\!567"], "1234567"),
    (["1,234, 5", "1234,5"], "1234, 5"),
    (
        [
            r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
            r"\begin{pmatrix}1 & 2 \\ 3 & 4\end{pmatrix}",
            "\\begin{pmatrix} 1&2\\\\[2pt]\n3&4 \\end{pmatrix}",
        ],
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
    ),
    ([r"a \\ b", r"a\\b"], r"a\\b"),
    ([r"a\b", r"a \b"], r"a\b"),
    ([r"3\text{ million}", "3 million", r"\text{3 million}", "3000000", "3\u00d710^6"], "3000000"),
    ([r"3\text{ hundred}", "300", "3e2", r"3\times10^2"], "300"),
    (["28 percent", r"28\%", "28%", "\uff12\uff18\uff05", r"28\text{ percent}", "28 per cent"], "28"),
    (["\uff13\uff0e\uff15", "3.5", r"\frac72", r"3\frac{1}{2}", "3\u00bd", "7/2", "\u0663\u066b\u0665"],
     "7/2"),
    (["\uff08\uff22\uff09", "(B)", r"\text{(B)}"], "(B)"),
    ([r"\frac12", r"\dfrac{1}{2}", r"\tfrac12", "1/2", "0.5", ".5", r"\frac{1}{2}\text{ cm}", "{1/2}"],
    "1/2"),
    (["-5", "- 5", "\u22125", "\u20105", r"\left(-5\right)", r"{-5}", "x=-5", r"\theta = -5^\circ"], "-5"),
    ([r"\sqrt3", r"\sqrt{3}", r"\sqrt 3", r" \sqrt {3}."], r"\sqrt{3}"),
    ([r"\sqrt[3]2", r"\sqrt[3]{2}"], r"\sqrt[3]{2}"),
    ([r"(-\infty, 3]", r"\left(-\infty,3\right]", r"\bigl( -\infty , 3 \bigr]"], r"(-\infty,3]"),
    ([r"\pm 5", "\u00b15"], r"\pm5"),
    (["x^2", "x\u00b2", "x^{2}"], "x^2"),
    (["x_1", "x\u2081", "x_{1}"], "x_1"),
    ([r"x \leq 5", "x\u22645"], r"x\le5"),
    ([r"6.02\times10^{23}", "6.02 \u00d7 10^{23}", r"6.02 \cdot 10^{23}", "6.02e23"], "602" + "0" * 21),
    ([r"\$1,000", "1000 dollars", r"1{,}000\text{ dollars}"], "1000"),
]  # fmt: skip
APART = [  # contents that are different answers
    ["5, 120", "5120", "120", "(5, 120)", r"\{5,120\}", "120, 5"],
    [r"a \\ b", r"a\b", "ab"],
    [r"3\text{ million}", r"3\text{ hundred}", "3", r"3\text{ dozen}", r"3\text{ or more}"],
    [r"3\text{ PM}", r"3\text{ AM}", "3"],
    [r"\pm 5", "5", "-5"],
    ["2x", "2", r"2\pi", r"2\sqrt{3}", r"\sqrt{3}", "3", "23"],
    [r"5\%3", "53"],
    [r"5^\circ3", "53"],
    ["5,00", "5, 0", "5", "500"],
    ["3:4", "3/4", "34", "3-4", "3,4"],
    ["1/2/3", "1/6", "12:30", "12"],
    ["101_2", "101", "5!", "5"],
    ["x=5, y=3", "5, 3", "x=3, y=5"],
    [r"\frac{1}{2}x", r"\frac{1}{2x}", "1/2"],
]  # fmt: skip
JOINED = {
    r"\boxed{1} and \boxed{-2}": "1, -2", r"\boxed{7} and \boxed{-2}": "7, -2", r"\boxed{-2}": "-2",
    r"I think \boxed{1}. No: \boxed{4}": "4", r"$x=\boxed{1}$ or $x = \boxed{-2}$.": "1, -2",
    r"\boxed{1}, \boxed{2}, and \boxed{3}": "1, 2, 3", "\\boxed{1}\n\\boxed{2}": "2",
    r"\boxed{1},\quad\text{and} \boxed{2}": "1, 2", "\\boxed{1}\uff0c\\boxed{2}": "1, 2",
    r"\boxed{1} and then \boxed{2}": "2", r"\boxed{\boxed{1} and \boxed{2}}": "1, 2",
    r"first \boxed{1, 2}, then \boxed{3}": "3", r"\boxed 5": "5", r"\boxed5.": "5",
    r"\boxed\frac12": "1/2", r"\boxed A": "A", r"put it in \boxed notation": None, r"\\boxed{5}": None,
    r"\\\boxed{5}": "5", r"\boxed{}": None, r"\boxed{5} or \boxed{}": None, r"\fbox{ 7 }": "7",
    r"\boxed{\text{no solution}}": "no solution",
}  # fmt: skip


@pytest.mark.parametrize(("contents", "right"), SAME_BOX, ids=[right for _, right in SAME_BOX])
def test_spellings_of_one_box_are_one_key(contents, right):
    answers = keys("boxed", *map(box, contents))
    assert answers == [right] * len(contents)
    assert keys("auto", *map(box, contents)) == answers


@pytest.mark.parametrize("contents", APART)
def test_different_boxes_are_different_keys(contents):
    answers = keys("boxed", *map(box, contents))
    assert None not in answers
    assert len(set(answers)) == len(contents)


def test_boxes_that_are_joined_are_one_answer():
    assert dict(zip(JOINED, keys("boxed", *JOINED), strict=True)) == JOINED


@pytest.mark.parametrize("kind", ["number", "fraction"])
def test_a_number_is_read_in_the_box_as_it_says(kind):
    half = [r"\boxed{\frac12} of 3", r"\boxed{\frac{1}{2}}", r"\boxed{0.5}", r"3 and \boxed{1/2}"]
    assert keys(kind, *half) == ["1/2"] * 4
    none = [r"\boxed{5, 120}", r"7 is \boxed{x}", r"\boxed{\sqrt{4}} = 2", r"\boxed{}", r"\boxed{5"]
    assert keys(kind, *none, r"\boxed{1} and \boxed{2}", r"\boxed{\pm5}") == [None] * 7


# Numerals.

NUMERALS = {
    "total 1.234.567": None, "9.999.567": None, "das macht 1.000,5 Euro": None, "x = 3,14": None,
    "1 000 000": None, "1'234'567": "1234567", "1_000_000": "1000000", "12,34,567 rupees": None,
    "2**10": "1024", "6.02 * 10**23": "602" + "0" * 21, "192.168.0.1": None, "at 12:30": None,
    "\u20105": "-5", "\u20115": "-5", "\uff13\uff0e\uff15": "7/2", "\uff11\uff0c\uff12\uff13\uff14": "1234",
    "\uff13\uff0f\uff14": "3/4", "-\u200b5": "-5", "4\u200b2": "42", "$29.00": "29", "#### 70,000": "70000",
    "9{,}500": "9500", "**73**": "73",
    # more of each kind
    "3 and 1.234.567": None, "so 3, at 12:30": None, "1,234,56": None, "1,234.567,89": None, "0,500": None,
    "1\u202f234": "1234", "1\u00a0234,5": None, "1,234'567": None, "12 345": None,
    "in 2023 100 came": "100",
    "3:4": None, "3 : 4": None, "pages 3-5": None, "10 - 5": None, "5+3": None, "5*3": None,
    "5 \u00d7 3": None,
    "10 - 5 = 5": "5", "10-3=7": "7", "6\u00f72": None, "50%-60%": None, "$5-$10": None, "3~5": None,
    "version 1.2.3": None, "v2.0 of 5": "5", "0x1F": None, "101_2": None, "1-800-555-1234": None,
    "2024-01-15": None, "7 on 2024-01-15": "7", "\u00b15": None, r"\pm 5": None, "5 \u00b1 0.2": None,
    "2x": None, "x + 1": None, "5 - x": None, "25\u03c0": None, r"25\pi": None, r"2\sqrt{3}": None,
    r"\sqrt[3]{8}": None, r"\sqrt{16} = 4": "4", "\u221a9": None, r"\log_2 8": None, r"\frac{a}{2}": None,
    r"\frac{2}{a}": None, r"\binom{5}{2}": None, "10^{2/3}": None, "2^n": None, "(-5)^2": None,
    "2^3^2": None,
    "(3, 5)": None, r"\{1, 2\}": None, "[3,5]": None, "5, 120": "120", "3 million": "3000000",
    "2.5 thousand": "2500", "3 hundredths": None, "3k": None, "$5M": None, "3\u4e07": "30000",
    "5\u5343\u514b": "5", "5\u5343": None, "10<sup>5</sup>": "100000", "No.5": None, "so...5": "5",
    "_73_": "73",
    "--5": None, "+-5": None, "+/-5": None, "-$5": "-5", "$-5$": "-5", "45\u00b0": "45", "5 m/s": "5",
    "\\(-5\\)": "-5", r"\textbf{73}": "73", r"\approx-3": "-3", "\u0663\u066b\u0665": "7/2",
    "\u200f-5": "-5",
    "x\u00b2 = 9": "9", "3\u00bd": "7/2", "3 1/2": "7/2", "3-1/2": None, "24/7": "24/7", "5/0": None,
    "5!": "5", "3rd": "3", "H2O": None, "3 apples\nof m2": "3", r"6.02 \times 10^{23}": "602" + "0" * 21,
    "answer -5": "-5", "a year - 5": "5", "5 -3": "-3", "5,": "5", "5, 3,": "3", "'1,234'": "1234",
    "\u7b54\u6848\u662f-42\u3002": "-42", "1e-3": "1/1000", "no answer": None,
    "0.333...": None, r"0.\overline{3}": None, "0.(3)": None, "0.3\u0305": None, "so 5...": "5",
    "3(4)": None, "1h30": None, "0b101": None, "5m2": "5", "5 mod 3": None, r"5 \pmod 7": None,
    "x = - 5": "-5", "- 5 apples": "5", "minus 5": None, "-(5)": None, "|-5|": None, "|a|5|": "5",
    r"\frac{1}{2}+\frac{1}{3}": None, "\u00b1\u20095": None, "$1$, $2$": "2", "5\u20ac": "5",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["number", "fraction", "auto"])
def test_a_numeral_is_read_whole_or_not_at_all(kind):
    assert dict(zip(NUMERALS, keys(kind, *NUMERALS), strict=True)) == NUMERALS


# Not a final answer.

HARMONY = "<|channel|>analysis<|message|>5<|end|><|start|>assistant"
REASONED = {
    "<think>If n = 12 then": None, r"<think>\boxed{4}</think> no idea": None,
    "<think>1</think><answer>72</answer>": "72", "</think> 7": "7", "<think>4</think>": None,
    "5 <think> hm, 6": None, "<THINK>4</Think > 6": "6", "<thinking>4</thinking>6": "6",
    "<reasoning>4</reasoning>6": "6", "<thought>4": None, "<think>a</think>5<think>6</think>7": "7",
    "<think>a</think>5<think>6": None, '<think time="3">4</think>6': "6", "<thinker> 5": "5",
    "[THINK]5[/THINK]8": "8", "\u25c1think\u25b75\u25c1/think\u25b7 8": "8", "3 < 5": "5",
    HARMONY + "<|channel|>final<|message|>6": "6", HARMONY: None,
}  # fmt: skip


def test_reasoning_is_not_searched():
    assert dict(zip(REASONED, keys("number", *REASONED), strict=True)) == REASONED
    assert dict(zip(REASONED, keys("auto", *REASONED), strict=True)) == REASONED
    assert key(r"<think>\boxed{4}</think> no idea", "boxed") is None
    assert key("<think>(A) looks wrong</think> I can't tell.", "choice") is None
    assert keys("string", "<think>x</think> The cat", "<think>x") == ["cat", None]


def test_tags_are_an_option():
    text = "<plan>4</plan> no idea"
    assert key(text) == "4"
    assert key(text, reasoning=["plan"]) is None
    assert key("<think>4", reasoning=[]) == "4"
    assert key("{{4}} 5", reasoning=[("{{", "}}")]) == "5"
    assert key("5 {{4", reasoning=[("{{", "}}")]) is None
    assert from_texts([text, "4"], reasoning=["plan"]).tolist()[0] == -1
    for bad in ("think", 5, [5], ["<think>"], [("a", "")], [("a",)], [None]):
        with pytest.raises(InvalidAnswer, match="reasoning"):
            key("4", reasoning=bad)


# Choices.

CHOSEN = {
    "<answer>A</answer>": "A", "`A`": "A", '"A"': "A", r"\boxed{A. Paris}": "A", "- A": "A",
    "The answer is B. (A) is too big, (C) too small.": "B", "Answer: B. Therefore option A is wrong.": "B",
    # more of each kind
    "<answer>\nA. Paris\n</answer>": "A", "<answer>(A)</answer> not (B)": "A",
    "<ANSWER>**B**</ANSWER>": "B",
    "<answer>a cat</answer>": None, "\u201cA\u201d": "A", "\u300cB\u300d": "B",
    r"\boxed{\textbf{(C)}}": "C",
    r"\boxed{C) 5}": "C", r"\boxed{A} and \boxed{B}": None, r"\boxed{A, B}": None, r"\boxed A": "A",
    "The answer is A and C": None, "The correct option is B. (C) is not.": "B",
    "the answer is option b.": "B",
    "**Answer:** B": "B", "**Answer: B**": "B",
    "**Final Answer**: B": "B",
    "Answer - B": "B", "Answer \u2192 B": "B", "#### B": "B", "**B)** Paris": "B", "\u24b6": "A",
    "The answer is (A), not (B).": "A", r"The answer is \(B\).": "B",
    "The answer is A. No, the answer is B.": "B",
    "I pick B": "B", "not (A)": None, "(B), not (A)": "B", "Answer: \uff22": "B",
    "- A) 5\n- B) 6\n(A)": "A",
}  # fmt: skip


def test_the_letter_that_a_text_settles_on():
    assert dict(zip(CHOSEN, keys("choice", *CHOSEN), strict=True)) == CHOSEN


def test_cues_in_other_languages_are_an_option():
    assert keys("choice", "\u7b54\u6848\u662fB", "Respuesta: B") == [None, None]
    cues = ["\u7b54\u6848\u662f", "Respuesta:"]
    said = ["\u7b54\u6848\u662fB", "Respuesta: B. (A) no", "RESPUESTA B", "respuesta: a menudo"]
    assert keys("choice", *said, cues=cues) == ["B", "B", "B", None]
    assert keys("auto", "Respuesta: 7. Son 3", "es 7", cues=cues) == ["7", "7"]
    for bad in ("Respuesta", [5], [" : "], None):
        with pytest.raises(InvalidAnswer, match="cues"):
            key("B", "choice", cues=bad)


# Marked answers, and what a data set calls right.

MARKED = {
    "<answer>3 apples</answer> of 9": "3", r"<answer>\frac12</answer>": "1/2",
    "<answer>x+1</answer>": "x+1",
    "<answer></answer> 5": None, "<answer>5": "5", "<answer>3, 5</answer>": "3, 5", "#### 42\nQ: 5": "42",
    "#### Step 3\nso 15": "15", "The answer is 8, since 10 - 2 is 8.": "8",
    "The answer is $5, not $6.": "5",
    r"The final answer is $\frac{1}{2}$. See 3.": "1/2", r"Answer: \(2\sqrt3\), 7": r"2\sqrt{3}",
    "The answer is 3:4. Total 12": None, "The answer is unknown. 5 came": "5", "ANSWER: 5 of 6 (7)": "6",
    "so 7": "7", r"\boxed{x}, the answer is 5": "x", "The answer is not 5. 6": "6",
}  # fmt: skip


def test_auto_reads_a_box_else_a_mark_else_the_last_number():
    assert dict(zip(MARKED, keys("auto", *MARKED), strict=True)) == MARKED


def test_right_answers_are_found_by_the_kind_that_reads_texts():
    for right in ("7", "1/2", r"\sqrt{2}", "x^2+1", "(1,2)", r"it is \boxed{7}"):
        said = right if "boxed" in right else box(right)
        for kind in ("boxed", "auto"):
            assert key(stated(right, kind), kind) == key(said, kind), (right, kind)
    assert (
        key(stated("7 apples", "auto"), "auto")
        == key(stated("so 3\n#### 7", "auto"), "auto")
        == "7"
    )
    assert [stated("7", kind) for kind in KINDS if kind not in ("boxed", "auto")] == ["7"] * 4


def test_auto_is_nowhere_worse_than_number():
    """What a model wrote, what reasoning-gym asks as models answer it, and the cases above."""
    lines = Path(__file__, "../../data/sampled_answers.jsonl").resolve().read_text().splitlines()
    said = [text for line in lines for text in json.loads(line)["completions"]]
    assert keys("auto", *said) == keys("number", *said)
    for table in (NUMERALS, REASONED):
        for text, right in table.items():
            assert key(text, "auto") == right or key(text) != right
    gym = pytest.importorskip("reasoning_gym")
    styles = (
        "The answer is {}.",
        "#### {}",
        r"So $\boxed{{{}}}$.",
        "<answer>{}</answer>",
        "We get {}.",
        "{}",
    )
    for name in ("chain_sum", "fraction_simplification", "gcd", "products", "gsm_symbolic"):
        right = [entry["answer"].strip("$") for entry in gym.create_dataset(name, size=20, seed=1)]
        truth = [key(box(answer), "boxed") for answer in right]
        for style in styles:
            texts = [f"First 12 and 3.\n{style.format(answer)}" for answer in right]
            assert keys("auto", *texts) == truth
            for tail in ("\nThat is all of the 5 steps.", " Check: 3 + 4."):
                hits = [
                    sum(
                        a == b
                        for a, b in zip(keys(kind, *(t + tail for t in texts)), truth, strict=True)
                    )
                    for kind in ("number", "auto")
                ]
                assert hits[0] <= hits[1]
