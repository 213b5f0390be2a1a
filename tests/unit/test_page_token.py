"""The token of the next page: accepted unchanged and for the same listing, otherwise refused."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resolvers.page_token import InvalidNextToken, unwrap, wrap

CONTINUATIONS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
# A prefix may contain anything a JSON string can, halves of surrogate pairs included.
LISTINGS = st.lists(st.text(st.characters()), max_size=3)
CHARACTERS = st.one_of(st.sampled_from("ABCabc019-_+/=%. \n"), st.characters())


@given(CONTINUATIONS, LISTINGS)
def test_token_returns_what_it_contains(continuation: str, listing: list[str]) -> None:
    assert unwrap(wrap(continuation, *listing), *listing) == continuation


@given(CONTINUATIONS, LISTINGS)
def test_token_needs_no_escaping_in_json_or_a_url(continuation: str, listing: list[str]) -> None:
    token = wrap(continuation, *listing)
    assert token.isascii()
    assert token.replace("-", "").replace("_", "").isalnum()


@given(CONTINUATIONS, LISTINGS, LISTINGS)
def test_token_of_another_listing_is_refused(continuation: str, listing: list[str], other: list[str]) -> None:
    assume(listing != other)
    with pytest.raises(InvalidNextToken):
        unwrap(wrap(continuation, *listing), *other)


@pytest.mark.parametrize(
    ("listing", "other"), [(("a/", ""), ("a", "/")), (("a/",), ("a/", "")), (("", "a/"), ("a/", "")), ((), ("",))]
)
def test_listings_that_read_the_same_when_joined_are_different(listing: list[str], other: list[str]) -> None:
    with pytest.raises(InvalidNextToken):
        unwrap(wrap("x", *listing), *other)


@given(st.data(), CONTINUATIONS, LISTINGS, CHARACTERS)
def test_token_with_one_character_changed_is_refused(
    data: st.DataObject, continuation: str, listing: list[str], character: str
) -> None:
    token = wrap(continuation, *listing)
    place = data.draw(st.integers(0, len(token) - 1))
    assume(token[place] != character)
    with pytest.raises(InvalidNextToken):
        unwrap(token[:place] + character + token[place + 1 :], *listing)


@given(st.data(), CONTINUATIONS, LISTINGS, CHARACTERS)
def test_token_with_one_character_more_is_refused(
    data: st.DataObject, continuation: str, listing: list[str], character: str
) -> None:
    token = wrap(continuation, *listing)
    place = data.draw(st.integers(0, len(token)))
    with pytest.raises(InvalidNextToken):
        unwrap(token[:place] + character + token[place:], *listing)


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


@pytest.mark.parametrize("half", ["\ud83d", "a\ude00", "\udfff/"])
def test_listing_with_half_a_surrogate_pair_has_a_token_of_its_own(half: str) -> None:
    assert unwrap(wrap("x", half), half) == "x"
    for other in ("", "\ufffd", half[:-1]):
        with pytest.raises(InvalidNextToken):
            unwrap(wrap("x", half), other)
    with pytest.raises(InvalidNextToken):
        unwrap(half)


def test_checksum_is_too_long_to_match_by_chance() -> None:
    token = wrap("", "photos/")
    assert len(urlsafe_b64decode(token + "=" * (-len(token) % 4))) >= 8


@given(st.text(st.characters()))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidNextToken, match="send it back unchanged, with the same prefix and delimiter"):
        unwrap(text)


def test_forged_token_that_contains_no_text_is_refused() -> None:
    from resolvers.page_token import _checksum  # noqa: PLC0415 - as its forger would, who reads this code

    forged = urlsafe_b64encode(_checksum(b"\xff", ()) + b"\xff").decode().rstrip("=")
    with pytest.raises(InvalidNextToken):
        unwrap(forged)


def test_token_of_no_page_is_refused_and_does_not_begin_again() -> None:
    with pytest.raises(InvalidNextToken):
        unwrap(wrap("", "photos/", "/"), "photos/", "/")
