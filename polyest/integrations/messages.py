"""Completions as trainers pass them -> the text in which a final answer is looked for, or None.

A completion is a text, or the messages of a chat, of which the last one of the model counts.  One that
calls tools is no final answer, whatever is written beside the call.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from polyest.errors import InvalidAnswer
from polyest.values import shown

Text = str | None  # None where a completion has no final text
MODEL = ("assistant", "model", "ai", "bot", "gpt")  # in lower case, as roles are compared
OTHERS = (
    "user", "human", "system", "developer", "tool", "tools", "function", "ipython", "environment",
    "observation", "context",
)  # fmt: skip
CALLS = ("tool_calls", "function_call")
CALLING = ("tool_use", "tool_call", "function_call")  # types of the parts of a message
TEXT = ("text", "output_text", "input_text")


def said(completion: object) -> str | None:
    """Take the text of a completion: a string, or the last message of the model in a chat.

    A message of the model has a role in `MODEL`, whatever its case, or none.  One that calls tools has no
    text that is final.

    Parameters
    ----------
    completion : str, list of messages, message or None
        The completion, as a trainer hands it over.

    Returns
    -------
    str or None
        The text, None for none.

    Raises
    ------
    InvalidAnswer
        If it is something else, a role is unknown, or content is neither text nor parts of text.

    Examples
    --------
    >>> said("so 4"), said([{"role": "assistant", "content": "so 4"}]), said(None), said([])
    ('so 4', 'so 4', None, None)
    >>> call = {"role": "Model", "content": "f(17)", "tool_calls": [{}]}
    >>> said([call, {"role": "tool", "content": "3"}])
    """
    if completion is None or isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        return said([completion])
    if not isinstance(completion, Sequence) or not all(isinstance(m, Mapping) for m in completion):
        raise InvalidAnswer(
            f"completion is {shown(completion)}: expected text, a list of messages, or None"
        )
    spoken = [message for message in completion if _is_of_the_model(message)]
    if not spoken or any(spoken[-1].get(call) for call in CALLS):
        return None
    return content_of(spoken[-1])


def texts_of(completions: Iterable[object]) -> list[str | None]:
    """Take the text of each completion.

    Parameters
    ----------
    completions : iterable (N,)
        The completions, each as in `said`.

    Returns
    -------
    list of (str or None), (N,)
        The texts, None where there is none.

    Raises
    ------
    InvalidAnswer
        If `said` refuses a completion.

    Examples
    --------
    >>> texts_of(["so 4", None, [{"role": "assistant", "content": "so 5"}]])
    ['so 4', None, 'so 5']
    """
    listed: list[Any] = list(completions)
    if {*map(type, listed)} <= {str, type(None)}:  # as most are
        return listed
    return [said(completion) for completion in listed]


def content_of(message: Mapping[str, object]) -> str | None:
    """Take the text of a message, of those of its parts that are text.

    Parameters
    ----------
    message : mapping
        The message, with its "content".

    Returns
    -------
    str or None
        The text; None where there is none, or the message calls a tool.

    Raises
    ------
    InvalidAnswer
        If the content is of another kind.

    Examples
    --------
    >>> content_of({"content": [{"type": "image"}, {"type": "text", "text": "so 4"}]})
    'so 4'
    """
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, Sequence) or not all(isinstance(p, str | Mapping) for p in parts):
        raise InvalidAnswer(
            f"content is {shown(content)}: expected text, a list of parts such as "
            '{"type": "text", "text": ...}, or None'
        )
    if any(not isinstance(part, str) and part.get("type") in CALLING for part in parts):
        return None
    texts = [part if isinstance(part, str) else _text(part) for part in parts]
    spoken = [text for text in texts if text is not None]
    return "".join(spoken) if spoken else None


def _is_of_the_model(message: Mapping[str, object]) -> bool:
    role = message.get("role")
    if role is None:
        return True
    name = role.strip().lower() if isinstance(role, str) else ""
    if name not in MODEL and name not in OTHERS:
        raise InvalidAnswer(
            f"role is {shown(role)}: expected {', '.join(MODEL)} for the model, or one of "
            f"{', '.join(OTHERS)}; rename it where the messages are made"
        )
    return name in MODEL


def _text(part: Mapping[str, object]) -> str | None:
    """The text of a part, None for an image or for reasoning."""
    text = part.get("text")
    if text is None or part.get("type", "text") not in TEXT:
        return None
    if not isinstance(text, str):
        raise InvalidAnswer(f"a part's text is {shown(text)}: expected text")
    return text
