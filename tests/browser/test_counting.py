"""The form's counter and the server agree on what a character is."""

from __future__ import annotations

import random

import pytest
from browsing import Visit

from moderation.domain.text import InvalidText, clean_body, count_characters

TEXTS = {
    "letters": "Hello, world",
    "white space around": " \n\t\u00a0\u3000\ufeff a b \u2028\r\n ",
    "line ends": "a\r\nb\rc\nd\u2028e\u2029f",
    "composed and decomposed": "é e\u0301 \u1e9b\u0323 Å A\u030a ﬁ",
    "Hangul syllables": "한국어",
    "Hangul jamo": "\u1112\u1161\u11ab\u1100\u116e\u11a8",
    "old Hangul": "\ua960\u1161\ud7cb \u1112\u119e\u11ab",
    "flags": "🇩🇪🇫🇷🇯🇵",
    "flags, one half too many": "🇩🇪🇫",
    "flags of regions": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "skin tones": "👍🏽👋🏿🤝🏻",
    "families": "👨‍👩‍👧‍👦 👩🏽‍🤝‍👨🏿 🧑🏻‍❤️‍💋‍🧑🏿",
    "professions": "👩🏾‍🚀🧑‍🌾🏳️‍🌈🏴‍☠️",
    "keycaps": "1️⃣#️⃣*⃣",
    "text and emoji style": "☺︎☺️❤❤️",
    "joiners without anything to join": "a\u200db \u200d 👩\u200d",
    "zalgo, as far as allowed": "Z\u0301\u0302\u0303\u0304\u0305\u0306a\u0316\u0317\u0318l",
    "Devanagari": "नमस्ते क्षत्रिय स्त्री",
    "Bengali": "বাংলা ক্ষমা অ্যাপ",
    "Malayalam": "മലയാളം ക്ഷ",
    "Tamil": "தமிழ் நி க்ஷ",
    "Thai": "ภาษาไทย กำ",
    "Lao": "ພາສາລາວ ຊຳ",
    "Burmese": "မြန်မာဘာသာ က္က",
    "Khmer": "ភាសាខ្មែរ",
    "Tibetan": "བོད་སྐད་",
    "Arabic": "اَلْعَرَبِيَّةُ لا",
    "Hebrew": "שָׁלוֹם בְּרֵאשִׁית",
    "prefixed numbers": "\u0600123 \U000110bd\U00011083",
    "invisible inside": "a\u200bb\u2060c\u00add",
    "direction marks": "\u202bשלום\u202c \u2067abc\u2069",
    "ideographs and variants": "漢字 葛\U000e0100 〱",
    "beyond the first plane": "𝒳𐍈𓀀",
}

# What grapheme clusters are made of, in one heap: letters, marks, joiners, halves of flags.
PIECES = [
    *"a é \n",
    *("\u0301", "\u0300", "\u20dd", "\u0903", "\u093f", "\u094d", "\u0915", "\u0937", "\u09cd"),
    *("\u0995", "\u0d4d", "\u0d15", "\u1100", "\u1161", "\u11a8", "\uac00", "\uac01", "\u0600"),
    *("\u200d", "\u200c", "\ufe0f", "\ufe0e", "\u20e3", "🇩", "🇪", "👩", "👨", "🏽", "❤", "©"),
    *("🏴", "\U000e0067", "\U000e007f", "\u0e33", "\u0eb3", "\u102b", "\u1039", "\u1000", "\u0f71"),
    *("\u0e01", "1", "#", "\u00ad", "\u2060", "\U0001f3fb", "\u0d4e", "\U000111c2"),
]


def count_both(visit: Visit, texts: list[str]) -> dict[str, tuple[int, int]]:
    """Text -> what server and browser count in it, for texts the server takes."""
    taken = {}
    for text in texts:
        try:
            taken[text] = count_characters(clean_body(text))
        except InvalidText:
            continue
    visit.open("/demo")
    counted = visit.page.evaluate(
        """async (texts) => {
          const { countCharacters, tidy } = await import("/embed/v1.js");
          return texts.map((text) => [tidy(text), countCharacters(tidy(text))]);
        }""",
        list(taken),
    )
    for text, (tidied, _) in zip(taken, counted, strict=True):
        assert tidied == clean_body(text), f"{text!a} is stored otherwise than the form shows it"
    return {
        text: (ours, theirs)
        for (text, ours), (_, theirs) in zip(taken.items(), counted, strict=True)
    }


def test_browser_and_server_count_alike(visit: Visit) -> None:
    both = count_both(visit, list(TEXTS.values()))
    assert len(both) == len(set(TEXTS.values())), "the server does not take one of them"
    assert {text: pair for text, pair in both.items() if pair[0] != pair[1]} == {}


@pytest.mark.parametrize("seed", range(3))
def test_they_agree_on_heaps_of_odd_characters(visit: Visit, seed: int) -> None:
    dice = random.Random(seed)
    texts = ["".join(dice.choices(PIECES, k=dice.randint(1, 12))) for _ in range(2000)]
    both = count_both(visit, texts)
    assert len(both) > 1000
    assert {ascii(text): pair for text, pair in both.items() if pair[0] != pair[1]} == {}
