"""The token of the next page: given back unchanged to the same question it leads on, and else it is refused."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolvers.page_token import InvalidNextToken, unwrap, wrap

CONTINUATIONS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
# A question may hold anything a JSON string can, halves of surrogate pairs included.
QUESTIONS = st.lists(st.text(st.characters()), max_size=3)
CHARACTERS = st.one_of(st.sampled_from("ABCabc019-_+/=%. \n"), st.characters())


@given(CONTINUATIONS, QUESTIONS)
def test_token_leads_back_to_what_it_holds(continuation: str, question: list[str]) -> None:
    assert unwrap(wrap(continuation, *question), *question) == continuation


@given(CONTINUATIONS, QUESTIONS)
def test_token_needs_no_escaping_in_json_or_a_url(continuation: str, question: list[str]) -> None:
    token = wrap(continuation, *question)
    assert token.isascii()
    assert token.replace("-", "").replace("_", "").isalnum()


@given(CONTINUATIONS, QUESTIONS, QUESTIONS)
def test_token_of_another_question_is_refused(continuation: str, question: list[str], other: list[str]) -> None:
    assume(question != other)
    with pytest.raises(InvalidNextToken):
        unwrap(wrap(continuation, *question), *other)


@pytest.mark.parametrize(
    ("question", "other"), [(("a/", ""), ("a", "/")), (("a/",), ("a/", "")), (("", "a/"), ("a/", "")), ((), ("",))]
)
def test_questions_that_read_the_same_together_are_different(question: list[str], other: list[str]) -> None:
    with pytest.raises(InvalidNextToken):
        unwrap(wrap("x", *question), *other)


@given(st.data(), CONTINUATIONS, QUESTIONS, CHARACTERS)
def test_token_with_one_character_changed_is_refused(
    data: st.DataObject, continuation: str, question: list[str], character: str
) -> None:
    token = wrap(continuation, *question)
    place = data.draw(st.integers(0, len(token) - 1))
    assume(token[place] != character)
    with pytest.raises(InvalidNextToken):
        unwrap(token[:place] + character + token[place + 1 :], *question)


@given(st.data(), CONTINUATIONS, QUESTIONS, CHARACTERS)
def test_token_with_one_character_more_is_refused(
    data: st.DataObject, continuation: str, question: list[str], character: str
) -> None:
    token = wrap(continuation, *question)
    place = data.draw(st.integers(0, len(token)))
    with pytest.raises(InvalidNextToken):
        unwrap(token[:place] + character + token[place:], *question)


@pytest.mark.parametrize("continuation", ["x", "xy", "xyz", "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=", "é/日本"])
def test_every_change_of_a_character_and_every_cut_is_refused(continuation: str) -> None:
    token = wrap(continuation, "photos/", "/")
    for place in range(len(token)):
        altered = [token[:place], token[place + 1 :], token[:place] + token[place + 1 :]]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\x00é"
        altered += [token[:place] + other + token[place + 1 :] for other in alphabet if other != token[place]]
        for wrong in altered:
            with pytest.raises(InvalidNextToken):
                unwrap(wrong, "photos/", "/")


@given(st.text(st.characters()))
def test_anything_else_is_refused_as_no_token(text: str) -> None:
    with pytest.raises(InvalidNextToken, match="send it back unchanged, with the same prefix and delimiter"):
        unwrap(text)


def test_forged_token_that_holds_no_text_is_refused_as_no_token() -> None:
    from resolvers.page_token import _checksum  # noqa: PLC0415 - as its forger would, who reads this code

    forged = urlsafe_b64encode(_checksum(b"\xff", ()) + b"\xff").decode().rstrip("=")
    with pytest.raises(InvalidNextToken):
        unwrap(forged)
