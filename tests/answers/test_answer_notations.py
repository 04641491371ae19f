"""Notations of one value share a key, other values have others, in every character that Unicode has."""

import re
import sys
import unicodedata
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyest.answers import canonical
from polyest.answers.characters import plain

many = settings(max_examples=200, deadline=None)
EVERY = [chr(code) for code in range(sys.maxunicode + 1)]
NUMBER_KINDS = ("number", "fraction", "auto")
each_way = pytest.mark.parametrize(
    ("kind", "said"),
    [
        *((kind, "so it is {}.") for kind in NUMBER_KINDS),
        *((k, r"\boxed{{{}}}") for k in ("boxed", "number")),
    ],
)


def of(*categories):
    return [char for char in EVERY if unicodedata.category(char) in categories]


def key(text, kind="number", **options):
    (answer,) = canonical([text], kind, **options)
    return answer


# All characters of a category, in all kinds.


@each_way
def test_every_dash_is_a_sign(kind, said):
    dashes = [*of("Pd"), "\u2212", "\u2796"]
    assert len(dashes) > 25
    assert canonical([said.format(dash + "5") for dash in dashes], kind) == ["-5"] * len(dashes)
    assert canonical([f"{dash}5" for dash in dashes], "string") == ["-5"] * len(dashes)


@each_way
def test_every_digit_is_read(kind, said):
    digits = of("Nd")
    assert len(digits) > 600
    right = [f"1{unicodedata.decimal(digit)}" for digit in digits]
    assert canonical([said.format("1" + digit) for digit in digits], kind) == right
    assert canonical(["1" + digit for digit in digits], "string") == right


@each_way
def test_every_format_character_is_left_out(kind, said):
    unseen = [*of("Cf"), "\ufe0f", "\u034f"]
    assert len(unseen) > 150
    texts = [said.format(f"-{c}4{c}2") for c in unseen]
    assert canonical(texts, kind) == ["-42"] * len(unseen)
    assert canonical([f"c{c}at" for c in unseen], "string") == ["cat"] * len(unseen)
    assert canonical([f"Answer:{c} {c}B{c}" for c in unseen], "choice") == ["B"] * len(unseen)


@each_way
def test_every_space_is_one(kind, said):
    spaces = of("Zs")
    assert len(spaces) > 15
    assert canonical([said.format(f"{s}5{s}") for s in spaces], kind) == ["5"] * len(spaces)
    assert canonical([f"the{s}cat{s}sat" for s in spaces], "string") == ["cat sat"] * len(spaces)
    assert canonical([f"answer is{s}B" for s in spaces], "choice") == ["B"] * len(spaces)


def test_full_width_is_as_ascii():
    wide = [chr(code) for code in range(0xFF01, 0xFF5F)]
    assert [plain(char) for char in wide] == [chr(ord(char) - 0xFEE0) for char in wide]


@given(st.text())
@many
def test_an_ascii_text_is_as_it_was_and_a_step_more_changes_nothing(text):
    once = plain(text)
    assert plain(once) == once
    assert not text.isascii() or once is text


# Values and notations.

values = st.fractions(min_value=-(10**7), max_value=10**7, max_denominator=1000) | st.integers(
    -(10**7), 10**7
).map(Fraction)
foreign = [
    str.maketrans("0123456789", "".join(c for c in EVERY[start : start + 10]))
    for start in (0x660, 0x966, 0xFF10, 0x1D7CE)
]


@st.composite
def notations(draw, value):
    """A way to write a rational that every kind of number reads."""
    sign = draw(st.sampled_from(["-", "\u2212", "\u2011", "\u2013", "\uff0d"])) if value < 0 else ""
    p, q = abs(value.numerator), value.denominator
    times = draw(st.integers(1, 9))
    if q == 1 and draw(st.booleans()):
        comma = draw(st.sampled_from([",", "\u202f", "{,}", r"\,", "'", "_", ",\\!", "\uff0c"]))
        forms = [
            f"{p}",
            f"{p:,}".replace(",", comma),
            f"{p}.0",
            f"{p}e0",
            rf"{p}\times10^{{0}}",
            f"{p}**1",
        ]
        if p and p % 1000 == 0:
            forms += [f"{p // 1000} thousand", rf"{p // 1000}\text{{ thousand}}", f"{p // 1000}e3"]
    else:
        forms = [
            f"{p * times}/{q * times}",
            rf"\frac{{{p * times}}}{{{q * times}}}",
            rf"\dfrac{{{p}}}{{{q}}}",
        ]
        if p % q:
            forms += [f"{p // q} {p % q}/{q}", rf"{p // q}\frac{{{p % q}}}{{{q}}}"]
        if 10**6 % q == 0:
            forms.append(f"{p * 10**6 // q // 10**6}.{p * 10**6 // q % 10**6:06}")
    written = sign + draw(st.sampled_from(forms))
    if "frac" not in written and draw(st.integers(0, 4)) == 0:
        return written.translate(draw(st.sampled_from(foreign)))
    return written


around = st.sampled_from(
    ["so it is {}.", "{}", "= {}", "**{}**", "${}$", "\\({}\\)", "<think>5</think>{}", "{} cm"]
)
boxes = st.sampled_from(
    [
        r"\boxed{{{}}}",
        r"\boxed{{x = {}}}",
        r"$\fbox{{ {} }}$",
        r"\boxed{{{}\text{{ cm}}}}",
        r"\boxed{{{}.}}",
    ]
)


@given(data=st.data(), value=values)
@many
def test_notations_of_one_value_share_a_key(data, value):
    said = data.draw(around).format(data.draw(notations(value)))
    boxed = data.draw(boxes).format(data.draw(notations(value)))
    right = str(value)
    assert [key(said, kind) for kind in NUMBER_KINDS] == [right] * 3, said
    assert [key(boxed, kind) for kind in (*NUMBER_KINDS, "boxed")] == [right] * 4, boxed


@given(data=st.data(), left=values, right=values)
@many
def test_values_that_differ_share_no_key(data, left, right):
    for form, kinds in ((around, NUMBER_KINDS), (boxes, ("number", "boxed", "auto"))):
        said = [data.draw(form).format(data.draw(notations(value))) for value in (left, right)]
        for kind in kinds:
            answers = canonical(said, kind)
            assert (answers[0] == answers[1]) == (left == right)


@given(st.lists(values, min_size=2, max_size=4), st.data())
@many
def test_a_list_is_the_list_of_its_keys(parts, data):
    written = [data.draw(notations(value)).replace("\uff0c", ",") for value in parts]
    comma = data.draw(st.sampled_from([", ", r",\ ", ",  ", r" , \quad ", "\u3001"]))
    listed = key(rf"\boxed{{{comma.join(written)}}}", "boxed")
    assert listed == ", ".join(map(str, parts))
    assert key(rf"\boxed{{{comma.join(written)}}}") is None
    several = " and ".join(rf"\boxed{{{part}}}" for part in written)
    assert key(several, "boxed") == listed


tokens = st.lists(st.integers(0, 10**5).map(str) | st.just("00"), min_size=2, max_size=4)
glue = st.sampled_from([*".,:-/*^_'~+", "**", " - ", " x ", "\u00d7", "..", " : "])


@given(tokens, glue, st.sampled_from(["{}", "it is {}", "3 and {}", "= {} now", "({})"]))
@many
def test_what_is_glued_together_is_never_read_in_part(parts, joint, said):
    answer = key(said.format(joint.join(parts)))
    whole = joint.join(parts)
    assert (
        answer is None
        or answer not in parts
        or Fraction(answer) == worth(whole)
        or dated(whole, answer, said)
    )


def dated(whole, answer, said):
    """Whether a date was skipped and the number before it read."""
    return (
        answer == "3"
        and said.startswith("3")
        and re.fullmatch(r"[\d/]+|\d{4}-\d\d?-\d\d?", whole) is not None
    )


def worth(whole):
    """The value of a token, by rules of its own, independent of `canonical`; None where it is no number."""
    if re.fullmatch(r"[1-9]\d{0,2}([,'_])\d{3}(\1\d{3})*", whole):
        return Fraction(re.sub(r"\D", "", whole))
    if match := re.fullmatch(r"(\d+)(?:\^|\*\*)(\d+)", whole):
        return Fraction(int(match[1]) ** int(match[2])) if int(match[2]) < 999 else None
    if match := re.fullmatch(r"(\d+)/0*([1-9]\d*)", whole):
        return Fraction(int(match[1]), int(match[2]))
    return Fraction(whole) if re.fullmatch(r"\d+(\.\d+)?", whole) else None


@pytest.mark.parametrize(
    "content",
    [
        r"625\text{ thousand}\text{ cm}",
        r"625\text{ thousand }\text{cm}",
        r"625\text{ thousand} cm",
        r"625\text{ thousand cm}",
        r"625 thousand\text{ cm}",
    ],
)
def test_a_number_word_and_a_unit_may_be_texts_of_their_own(content):
    for kind in ("number", "auto"):
        assert canonical([rf"so it is \boxed{{{content}}}."], kind=kind) == ["625000"]


def test_a_unit_may_be_several_texts_and_what_is_no_unit_is_seen_in_each():
    for content in (
        r"5\text{ square}\text{ meters}",
        r"5\text{ cm} \text{ long}",
        r"5 \text{m}\text{ wide}.",
    ):
        assert canonical([rf"\boxed{{{content}}}"], kind="number") == ["5"], content
    for content in (
        r"5\text{ cm}\text{ or so}",
        r"5\text{ cm}\text{ squared}",
        r"5\text{ am}\text{ today}",
    ):
        assert canonical([rf"\boxed{{{content}}}"], kind="number") == [None], content
