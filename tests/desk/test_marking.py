"""Words marked in a comment: all of its text is shown once and escaped, whatever the spans say."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from moderation.desk.marking import marked


def test_what_drove_the_score_is_marked_and_the_rest_is_not() -> None:
    assert marked("so <b>rude</b> & worse", [[6, 10]]) == (
        "so &lt;b&gt;<mark>rude</mark>&lt;/b&gt; &amp; worse"
    )


def test_offsets_are_code_points() -> None:
    assert marked("👍🏽👍🏽 rude", [[5, 9]]) == "👍🏽👍🏽 <mark>rude</mark>"


@given(
    st.text(alphabet="ab<&👍\n", max_size=12),
    st.lists(st.tuples(st.integers(-3, 15), st.integers(-3, 15)), max_size=5),
)
def test_no_span_loses_or_doubles_a_character(body: str, spans: list[tuple[int, int]]) -> None:
    shown = str(marked(body, spans))
    assert unescape(re.sub("</?mark>", "", shown)) == body
    assert re.sub("</?mark>", "", shown).count("<") == 0
