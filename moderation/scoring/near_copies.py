"""Make near copies of a comment, as people do who post one message many times; for measuring only.

Each kind takes a text and a source of chance, and gives another text with the same message.
"""

import random
import re
from collections.abc import Callable

from moderation.scoring.disguise import DISGUISES

Kind = Callable[[str, random.Random], str]

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORDS = (
    "really honestly today please now friend people just always never think very great bad money "
    "news time world because maybe"
).split()
_PADDING = (
    "Hello everyone!",
    "Just saying, you know.",
    "Have a nice day, all of you out there",
    "LOL",
    "first!!!",
    "I read this in the morning and thought about it",
    "Greetings from the north",
    "Thank you for reading this far",
    "ok so here it goes:",
    "edit: fixed a typo",
    "What do you think about it?",
    "Sent from my phone",
)
_EMOJI = "😀😂🔥👍💯🎉❤🤡"
_LINKS = (
    "http://a.example/1",
    "https://shop.example.com/offer?id=7",
    "www.best.example/go",
    "b.example",
    "https://t.example/abc",
    "news.example/story/9#top",
    "http://c.example/x/y/z",
)
_WORD = re.compile(r"[A-Za-z]{3,}")


def _edit(least: float, most: float) -> Kind:
    """Letters struck out, put in, exchanged or swapped: ``least`` to ``most`` of all characters."""

    def edit(text: str, rng: random.Random) -> str:
        chars = list(text)
        for _ in range(max(1, round(len(text) * rng.uniform(least, most)))):
            at, what = rng.randrange(len(chars)), rng.randrange(4)
            if what == 0 and len(chars) > 1:
                del chars[at]
            elif what == 1:
                chars.insert(at, rng.choice(_LETTERS))
            elif what == 2:
                chars[at] = rng.choice(_LETTERS)
            elif at + 1 < len(chars):
                chars[at], chars[at + 1] = chars[at + 1], chars[at]
        return "".join(chars)

    return edit


def _one_word(text: str, rng: random.Random) -> str:
    words = text.split()
    at, what = rng.randrange(len(words)), rng.randrange(3)
    if what == 0:
        words.insert(at, rng.choice(_WORDS))
    elif what == 1 and len(words) > 3:
        del words[at]
    else:
        words[at] = rng.choice(_WORDS)
    return " ".join(words)


def _pad(text: str, rng: random.Random) -> str:
    before, after = rng.choice(_PADDING), rng.choice(_PADDING)
    return rng.choice((f"{before} {text}", f"{text} {after}", f"{before} {text} {after}"))


def _disguise(text: str, rng: random.Random) -> str:
    style, share = rng.choice(DISGUISES), rng.choice((0.3, 0.9))
    return _WORD.sub(
        lambda match: style(match.group(), rng) if rng.random() < share else match.group(), text
    )


def _sprinkle(text: str, rng: random.Random, what: tuple[str, ...], number: int) -> str:
    words = text.split()
    for one in rng.sample(what, number):
        words.insert(rng.randrange(len(words) + 1), one)
    return " ".join(words)


def with_links(text: str, rng: random.Random) -> str:
    """One to three links put in anywhere. Done twice: other links, or the same in another order."""
    return _sprinkle(text, rng, _LINKS, rng.randint(1, 3))


def _emoji(text: str, rng: random.Random) -> str:
    return _sprinkle(text, rng, tuple(_EMOJI), rng.randint(1, 6))


def _case(text: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        return text.upper()
    return "".join(char.upper() if rng.random() < 0.5 else char.lower() for char in text)


def _repeat(text: str, rng: random.Random) -> str:
    return "".join(
        char * rng.randint(2, 5) if char.isalpha() and rng.random() < 0.12 else char
        for char in text
    )


def _mixed(text: str, rng: random.Random) -> str:
    kinds = (_edit(0.01, 0.05), _one_word, _pad, _disguise, _emoji, _case, _repeat, with_links)
    for kind in rng.sample(kinds, rng.randint(2, 3)):
        text = kind(text, rng)
    return text


KINDS: dict[str, Kind] = {
    "edits, 1-5 % of characters": _edit(0.01, 0.05),
    "edits, 5-10 %": _edit(0.05, 0.10),
    "edits, 10-15 %": _edit(0.10, 0.15),
    "one word more, less or other": _one_word,
    "padding before or after": _pad,
    "disguise": _disguise,
    "links, other or reordered": with_links,
    "emoji": _emoji,
    "case": _case,
    "repeated letters": _repeat,
    "two or three of these": _mixed,
}

REMARKS = (
    "well said|I agree|I agree with you|I disagree with you|I don't agree with you|thank you|"
    "thank you so much|thanks for sharing|thanks for this|great article|good article|great point|"
    "good point|nice one|so true|very true|this is true|this is not true|what a joke|what a shame|"
    "what a read|total nonsense|complete nonsense|utter rubbish|I love this|I hate this|I love it|"
    "I like it|agreed|exactly|exactly this|you are right|you are wrong|you are so right|"
    "you are so wrong|he is right|she is right|they are right|he is wrong|about time|"
    "about time too|not my problem|not my president|who cares|nobody cares|"
    "I couldn't agree more|I could not agree less|vote them out|vote them in|shame on you|"
    "shame on them|good luck|good luck with that|good riddance|rest in peace|lock him up|"
    "lock her up|keep it up|give it up|best article ever|worst article ever|this made my day|"
    "this ruined my day|I will vote for him|I will vote for her|I will never vote for him|"
    "I won't vote for her|more bike lanes please|no more bike lanes please|"
    "fewer bike lanes please|the mayor is right|the mayor is wrong|the mayor should resign|"
    "the mayor should stay|raise the taxes now|lower the taxes now|thank you for the article|"
    "thank you for the update|thank you for your reply|thanks for the info|thanks for the help|"
    "thanks for the reply|I read this twice|I read this every day|first|second|first comment|"
    "nice weather today|bad weather today|see you there|see you tomorrow|congratulations|"
    "congratulations to the team|congratulations to the winner|great game last night|"
    "terrible game last night|what a great game|what a terrible game|what time does it start|"
    "what time does it end"
).split("|")
"""Short remarks on few topics, all of them different: the pairs that are merged most easily."""
