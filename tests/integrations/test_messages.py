"""From a completion to its text: roles, parts, calls of tools, and what is none of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyest.errors import InvalidAnswer
from polyest.integrations import trl
from polyest.integrations.messages import MODEL, OTHERS, said, texts_of


def spoken(content, role="assistant", **more):
    return {"role": role, "content": content, **more}


@pytest.mark.parametrize("role", [*MODEL, "Assistant", "MODEL", " assistant ", None])
def test_the_model_has_many_names(role):
    chat = [spoken("what?", "user"), spoken("so 4", role)]
    assert said(chat) == "so 4"
    assert said({"content": "so 4"}) == "so 4"


@pytest.mark.parametrize("role", [*OTHERS, "User", "Tool"])
def test_what_others_say_is_no_answer(role):
    assert said([spoken("4", role)]) is None
    assert said([spoken("so 4"), spoken("17", role)]) == "so 4"


@pytest.mark.parametrize("role", ["narrator", "", 5, ["assistant"]])
def test_a_role_that_is_unknown_is_said(role):
    with pytest.raises(InvalidAnswer, match=r"role is .*: expected assistant, model"):
        said([spoken("so 4"), spoken("5", role)])


def test_a_message_that_calls_tools_is_not_final():
    """The text beside a call, and those before it, are no answer: nothing was said at the end."""
    calls = [{"type": "function", "function": {"name": "f", "arguments": {"n": 17}}}]
    call = spoken("I call f(17)", tool_calls=calls)
    assert said([call]) is None
    assert said([spoken("3?"), call, spoken("289", "tool")]) is None
    assert said([call, spoken("289", "tool"), spoken("so 289")]) == "so 289"
    assert (
        said([spoken("so 4", tool_calls=[])]) == said([spoken("so 4", tool_calls=None)]) == "so 4"
    )
    assert said([spoken("f(17)", function_call={"name": "f"})]) is None
    part = {"type": "tool_use", "name": "f", "input": {"n": 17}}
    assert said([spoken([{"type": "text", "text": "f(17)"}, part])]) is None
    reward = trl.coherence(orbit_size=1)
    chats = [[call], [call], [spoken("so 4")]]
    assert reward(["?"] * 3, chats, group_id=[0] * 3) == [0.0, 0.0, 1.0]


def test_text_is_in_parts():
    parts = [
        {"type": "image"},
        {"type": "text", "text": "so "},
        {"type": "output_text", "text": "4"},
    ]
    assert said([spoken(parts)]) == "so 4"
    assert said([spoken(["so ", "4"])]) == "so 4"
    assert said([spoken({"type": "text", "text": "so 4"})]) == "so 4"
    assert said([spoken([{"type": "thinking", "thinking": "5"}, *parts])]) == "so 4"
    assert said([spoken([{"type": "reasoning", "text": "5"}, *parts])]) == "so 4"
    assert said([spoken(None)]) is None
    assert said([spoken([])]) is None
    assert said([spoken("")]) == ""


ODD = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.binary(min_size=1), st.sets(st.integers()),
    st.lists(st.integers(), min_size=1), st.just(object()),
)  # fmt: skip


@given(ODD)
def test_content_of_another_kind_is_a_named_error(content):
    for chat in ([spoken(content)], spoken(content)):
        with pytest.raises(InvalidAnswer, match="expected text"):
            said(chat)
    with pytest.raises(InvalidAnswer, match="expected text"):
        trl.log_probability(num_generations=3)(["?"] * 3, [[spoken(content)]] * 3)


@given(ODD)
def test_a_completion_of_another_kind_is_a_named_error(completion):
    with pytest.raises(InvalidAnswer, match="expected text, a list of messages, or None"):
        texts_of(["4", completion])


def test_text_of_a_part_is_text():
    with pytest.raises(InvalidAnswer, match="a part's text is 42: expected text"):
        said([spoken([{"type": "text", "text": 42}])])
