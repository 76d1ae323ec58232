"""What a rule can read of a text that is to sell something: contact details, calls, shape.

Each cue is a number with a name, so that a person can see what a score is made of. Patterns for
addresses and numbers read the text as it was written; those for words read it after
:mod:`moderation.scoring.normalise` has undone disguises.
"""

import math
import re
import unicodedata
from dataclasses import dataclass

# --- Links and contact details, also disguised --------------------------------------------------

_TLD = (
    "com|net|org|info|biz|ru|cn|tk|ly|me|io|co|xyz|top|shop|online|site|club|uk|de|tv|pl|pro|app"
    "|live|win|vip|click|link|store|website|fun|icu|cc|us|eu|in|it|fr|es|br|gl|be|to|gg"
)
_DOT = r"(?:\.| ?[\[({<]\.[\])}>] ?| ?[\[({<]dot[\])}>] ?| dot | \. ?)"
_LINK = re.compile(
    r"(?:https?|hxxps?|h t t p s?) ?: ?/ ?/\S+|\bw ?w ?w ?(?:\.|\[dot\]|\(dot\)| dot ) ?\S+",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    rf"(?<![\w@.])[a-z0-9][a-z0-9-]{{1,}}(?:{_DOT}[a-z0-9-]{{2,}})*{_DOT}(?:{_TLD})\b"
    r"(?!['’]|\.\w)(?:/\S*)?",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?<!\S)/?watch\?v ?= ?\S+|(?<![\w/])(?:youtube|facebook|fb|ig|yt)/\S+", re.I)
_EMAIL = re.compile(
    rf"[\w.+-]+ ?(?:@|[\[({{<] ?at ?[\])}}>]| at ) ?[\w-]+ ?{_DOT} ?[a-z]{{2,}}\b"
    rf"|[\w.+-]+ ?(?:@|[\[({{<] ?at ?[\])}}>]) ?(?:gmail|yahoo|hotmail|outlook|proton)\w*",
    re.IGNORECASE,
)
_AT_A_DOMAIN = re.compile(
    rf"(?:@|[\[({{<] ?at ?[\])}}>]| at ) ?(?:[\w-]+ ?{_DOT}|gmail|yahoo|hotmail|outlook|proton)",
    re.IGNORECASE,
)
_DOT_TLD = re.compile(rf"{_DOT}(?:{_TLD})\b", re.IGNORECASE)
_SHORTENER = re.compile(
    r"\b(?:bit\.ly|tinyurl\.com|goo\.gl|t\.co|ow\.ly|is\.gd|buff\.ly|adf\.ly|linkbucks\.com"
    r"|shorte\.st|cutt\.ly|rb\.gy|rebrand\.ly|t\.ly|shrtco\.de|v\.gd|lnk\.to|linktr\.ee|bc\.vc"
    r"|hyperurl\.co|smarturl\.it|sh+ort\.com|ouo\.io|tiny\.cc|soo\.gd)\b",
    re.IGNORECASE,
)
_REFERRAL = re.compile(
    r"[?&/#](?:ref|refer|referral|aff|affiliate|affiliateid|invite|promo|partner|partners|r|rb"
    r"|friend|utm_source|tag|signup|register|join)(?:[=/?#]|\b)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"^(?:https?://)?(?:[\w-]+\.)*(?:wikipedia\.org|wikimedia\.org|bbc\.(?:com|co\.uk)|cbc\.ca"
    r"|reuters\.com|nytimes\.com|theguardian\.com|washingtonpost\.com|apnews\.com|npr\.org"
    r"|economist\.com|ft\.com|cnn\.com|aljazeera\.com|politico\.(?:com|eu)|nature\.com"
    r"|sciencemag\.org|science\.org|thelancet\.com|arxiv\.org|doi\.org|archive\.org|jstor\.org"
    r"|who\.int|un\.org|europa\.eu|[\w-]+\.gov|gov\.uk|gc\.ca|[\w-]+\.edu|ac\.uk)(?:[/:?#]|$)",
    re.IGNORECASE,
)
_APPEAL = re.compile(
    r"gofundme|indiegogo|kickstarter|fundrais|crowdfund|change\.org|avaaz|petition|donate|\bvote"
    r"|survey|contest|competition|sweepstake",
    re.IGNORECASE,
)
_VIDEO = re.compile(r"(?:youtu\.be/|youtube\.com/watch)", re.IGNORECASE)
_DIGIT_WORD = r"(?:\d|zero|oh|one|two|three|four|five|six|seven|eight|nine)"
_PHONE = re.compile(
    rf"(?<![\w.,])\+?\(?\d(?:[ ().-]{{0,2}}\d){{7,14}}(?![\w,])"
    rf"|(?<!\w)(?:{_DIGIT_WORD}[ .,-]{{1,2}}){{6,}}{_DIGIT_WORD}(?!\w)",
    re.IGNORECASE,
)
_SPELT_DIGIT = re.compile(
    r"\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b", re.IGNORECASE
)
_HANDLE = re.compile(r"(?<![\w.])[@+][a-z_]\w{2,}", re.IGNORECASE)
_MONEY = re.compile(
    r"[$€£¥₿]\s?\d|\d\s?(?:[$€£¥₿]|k?\s?(?:usd|eur|gbp|btc|eth|usdt|dollars?|pounds?|euros?|bucks))"
    r"(?!\w)",
    re.IGNORECASE,
)

# --- Words, in a text without disguises ---------------------------------------------------------

_PLEASE = r"(?:please|pleas|plz+|pls+|plzz+|plizz?)"
_OWN_THING = (
    r"(?:channel|chanel|chanell|chhanel|vid|vidz|vids|video|videos|vidios?|songs?|music|covers?"
    r"|tracks?|mixtapes?|album|beats?|raps?|remix(?:es)?|playlist|page|pages|blog|vlogs?|web ?site"
    r"|site"
    r"|website|profile|insta|instagram|ig|twitter|twitch|tiktok|facebook|soundcloud|streams?"
    r"|stream|podcasts?|store|shop|etsy|onlyfans|book|books|novel|app|game|group|server|discord"
    r"|newsletter|band|clips?|parody|parodies|animations?|tutorials?|reviews?|content|sound"
    r"|project|campaign|petition|poster|bio|link|company|business|services?)"
)
_WORDS: dict[str, str] = {
    "messenger_names": (
        r"\b(?:whats? ?app|watsapp|telegram|t\.me|wa\.me|skype|snap(?:chat)?|kik|viber|wechat"
        r"|signal (?:me|app)|discord|dm me|inbox me|pm me|text me|call me (?:on|at|now)|add me"
        r"|message me|hit me up|contact (?:me|us|him|her|them|via|on|through)|reach (?:me|him|her)"
        r" (?:on|at|via|through))\b"
    ),
    "subscribing": r"\b(?:su?b?s?c?[sc]rib\w*|suscrib\w*|suscib\w*|sucscrib\w*|subscrib\w*)\b",
    "begging_for_subscribers": (
        # (After normalising, a 4 between letters is an a.)
        r"\b(?:sub|subs|sub ?(?:4|for|a) ?sub|s4s|l4l|f4f|follow (?:4|for) follow"
        r"|like (?:4|for) like|(?:sub|subscrib\w*|follow|like|add)s? (?:you |u )?back)\b"
        r"|\b(?:su?b?s?c?[sc]ribe|suscribe|follow|add|sub) (?:to |2 )?(?:me|us|my|our|the|this|him"
        r"|her)\b|\b(?:get|getting|got|need|want|reach|gain|hit) (?:me |us )?"
        r"(?:to |some |more |a few |my |a |the |\d[\d.,]*k? ?|million |thousand |views and )*"
        r"(?:subs|subscribers|followers|likes|views)\b"
        r"|\b(?:can|could) i (?:get|have)\b.{0,15}\b(?:views|subs|likes|followers)\b"
    ),
    "own_things": (
        rf"\b(?:my|mah|our|are|mi|me) (?:own |new(?:est)? |first |latest |last |other |little "
        rf"|official |personal |brand |you ?tube |yt |music |gaming |funny |amazing |hot )"
        rf"{{0,3}}{_OWN_THING}\b"
    ),
    "calls_to_look": (
        rf"\b(?:check(?:ing)? (?:out|it|me|us|men|my|our|this|em|them|mine)"
        rf"|(?:come|go|{_PLEASE}|and|to|can you|could you|guys|everyone|just) (?:and )?"
        rf"(?:check|watch|visit|look|view|listen|see|click|search|follow|join|vote|read|open)"
        rf"|take a (?:look|listen|second|minute|min|sec|moment)|have a (?:look|listen)"
        rf"|look (?:me |us |him |her |it )?up|give (?:it|us|me|my|our|him|her|them) a"
        rf" (?:look|listen|try|chance|like|follow|visit|shot)"
        rf"|visit (?:my|our|me|us|the|this|www|http|his|her)|google (?:it|for|my|him|her)"
        rf"|tell me what (?:you|u) think|let (?:me|us) know what (?:you|u))\b"
    ),
    "commands_at_start": (
        rf"^\W*(?:hey |hi |hello |yo |ok |guys |everyone |everybody |people |{_PLEASE} |so |and"
        rf" |just )*(?:check|subscribe|suscribe|sub|visit|click|follow|watch|look|search|go to|go"
        rf"|come|join|vote|download|buy|order|get|try|add|sign up|register|share|like this"
        rf"|listen to|discover|see|earn|make|win|donate|support|help|text|call|contact|dm"
        rf"|read my|read our|apply|book|invest|start|claim|hire)\b"
    ),
    "asking_for_likes": (
        r"\b(?:lik(?:e|es|ed)|upvote|thumbs? up|thumb up|heart|share|retweet|rt|vote up) "
        r"(?:and (?:share|subscribe|comment) )?(?:this|my|the|our|me|dis)"
        r" (?:comment|post|page|pic|picture|photo|status)\b"
        r"|\bgive (?:it|this|me|us) (?:a |some )?(?:likes?|thumbs?)\b"
        rf"|\b{_PLEASE} (?:like|share|upvote|thumbs)\b|\b(?:like|share) {_PLEASE}\b"
        r"|\blike and share\b|\blike ?& ?share\b|\bhow many (?:likes|thumbs)\b"
        r"|\bhow many people (?:will )?like\b"
    ),
    "passing_on": (
        r"\b(?:share|send|post|paste|copy|repost|forward|re-?post) (?:this|it|and paste)\b.{0,20}"
        r"\b(?:\d+|ten|people|friends|everyone|pages|comments|videos|wall|status)\b"
        r"|\b(?:spread the word|pass it on|repost this|copy and paste)\b"
    ),
    "likes_if": r"\b(?:like|thumbs? up|thumb up|comment|share|subscribe)\b.{0,6}\b(?:if|for)\b",
    "pleading": rf"\b(?:{_PLEASE}|help me|help us|help my|need your help|beg(?:ging)? you|"
    r"appreciate|grateful|means? (?:so much|the world|a lot|everything)|support me|support us"
    r"|donat\w+|give me a chance|give us a chance|one chance)\b",
    "crowd": r"\b(?:hey|hi|hello|yo|sup|dear|attention|whats up) (?:guys|everyone|everybody|all"
    r"|people|there|yall|y'all|folks|friends|fans|youtubers?|viewers|again|ladies)\b"
    r"|\b(?:guys|everyone|everybody|anyone|anybody|people|yall) (?:please|plz|pls|check|come|go"
    r"|subscribe|sub|vote|here use|who|can you|if you|looking|interested|need)\b",
    "introducing_oneself": (
        r"\b(?:i ?'?a?m|im|we ?'?a?re|we|this is) (?:an? |the |new |a new |your )*"
        r"(?:\d+ (?:yr|year)s?"
        r" old |young |small |amateur |aspiring |upcoming |independent |female |male |professional"
        r" |certified |licensed )*"
        r"(?:rapper|singer|songwriter|artist|musician|producer|band|youtuber|gamer|dj|drummer|guitarist"
        r"|vlogger|blogger|streamer|author|writer|photographer|company|team|group|agency|investor"
        r"|trader|broker|doctor|spell caster|hacker|agent|lender|coach|mentor)\b"
        r"|\bmy name is\b|\b(?:i|we) (?:make|do|did|made|upload|post|sell|produce|created?|wrote"
        r"|write|sing|play"
        r"|rap|stream|offer|run)(?: \w+){0,3} (?:videos?|vids?|covers?|music|songs?|beats|channel"
        r"|content|tutorials?|reviews?|animations?|shirts?|apps?|raps?|games?)\b|\bi rap\b"
        r"|\bwe (?:make|do|made|sell|offer|provide|produce|specialize|ship|deliver)\b"
    ),
    "new_here": (
        r"\b(?:new|newest|latest|first|upcoming) (?:you ?tube |yt |music |gaming |rap |hit )?"
        r"(?:channel|chanel|video|vid|song|single|track|album|mixtape|cover|blog|website|site|page"
        r"|youtuber|release|app|product|collection)\b|\bjust (?:started|made|uploaded|released"
        r"|launched|posted|dropped)\b|\bout now\b|\bnew (?:to|on) (?:you ?tube|here|tiktok)\b"
    ),
    "earning": (
        r"\b(?:earn\w*|make (?:\w+ ){0,3}(?:money|cash|dollars|bucks|income|profits?)|making"
        r" (?:extra |easy |real |good )?(?:money|cash)|extra (?:money|cash|income)|easy money"
        r"|free money|real money|get (?:paid|money)|paid (?:for|to|daily|weekly|out)|pay ?pal"
        r"|gift ?cards?|gift codes?|giftcards?|bit ?coins?|btc|crypto\w*|ethereum|usdt|forex"
        r"|binary options?|trading (?:platform|signals?|account)|invest(?:ed|ing|ment|ments|or)?"
        r" (?:with|in|platform|plan|of|company|manager)|profits?|payouts?|withdrawals?|passive"
        r" income|work(?:ing)? (?:from|at) home|from home|side hustle|online jobs?|per (?:hour|week"
        r"|day)|a (?:week|day|month) (?:from|online|working)|hourly|cashback|jackpot|casino|betting"
        r"|lottery|loans?|credit score|debts?|mortgage rates?|refinanc\w*|rewards?|credits"
        r"|giveaway)\b"
    ),
    "offers": (
        r"\b(?:free|discount\w*|\d+ ?% off|cheap\w*|cheapest|sale|on sale|promo(?:tion)? ?codes?"
        r"|coupons?|best prices?|lowest prices?|low prices?|order (?:now|yours|today|here)"
        r"|buy (?:now"
        r"|here|online|cheap|these|this|yours|it here)|shop now|shipping|delivery|wholesale|replica"
        r"|limited (?:time|offer|stock)|special offer|offers?|deals?|guaranteed?|risk free|trial"
        r"|win|winner|won|prize|claim|chance to win|exclusive|bonus|no prescription|viagra|cialis"
        r"|pills?|weight ?loss|lose weight|fat|keto|detox|essay|essays|assignment|backlinks?|seo"
        r"|followers|traffic|customers?|products?|company|apparel|customer (?:care|service|support)"
        r"|toll ?free|helpline|tech(?:nical)? support|hack(?:er|ed|ing|s)?|spells?|download"
        r"|click (?:here|on|the|below|link)|link (?:in|below|here)|sign ?up|signup|register"
        r"|registration|join (?:now|us|our|my|me|here|free)|install|codes?|app|apps|available)\b"
    ),
    "adult": (
        r"\b(?:sexy|sex ?toys?|hot (?:girls?|women|babes?|singles|chicks?)|singles|dating"
        r"|hook ?ups?"
        r"|nudes?|naked|cam ?girls?|webcam|onlyfans|escorts?|lonely|horny|girlfriend|sugar (?:mummy"
        r"|daddy|momma)|meet (?:girls|women|singles|me)|adult|porn\w*|penis|enlarge\w*|formula)\b"
    ),
    "votes_and_petitions": (
        r"\b(?:vote (?:for|now|here|daily|please)|voting|petition|sign (?:the|this|my|our)"
        r"|gofundme|indiegogo|kickstarter|fundrais\w*|crowdfund\w*|go ?fund|contest|competition"
        r"|sweepstakes?|survey)\b"
    ),
    "profile_sites": (
        r"\b(?:facebook|fb|twitter|instagram|insta|ig|soundcloud|twitch|tsu|vimeo|ebay|amazon"
        r"|itunes|spotify|reverbnation|datpiff|bandcamp|etsy|teespring|patreon|tiktok|google ?play"
        r"|play\.google|app store|swagbucks|fiverr|wattpad|bubblews|paidverts|tumblr|myspace"
        r"|deviantart|redbubble|shopify|aliexpress|linkedin|pinterest)\b"
    ),
    "talk_of_views": r"\b(?:views?|viewed|viewers?|wiews|billions?|millions?|dislikes?)\b",
    "searching": r"\b(?:search|google|type|look up)\b.{0,12}(?:\"|'|“|\b(?:for|on|in|it)\b)",
    "praise": (
        r"\b(?:love|loved|awesome|amazing|beautiful|favou?rite|best|great|nice|cool|funny|lol|haha\w*"
        r"|omg|wow|hate|sucks?|ugly|stupid|boring|crap|shit|annoying)\b"
    ),
    "second_person": r"\b(?:you|u|your|ur|you're)\b",
    "first_person": r"\b(?:i|im|i'm|me|my|we|our|us)\b",
    "third_person": r"\b(?:he|she|they|him|her|them|his|their|it|that|this|those|these)\b",
    "reasoning": (
        r"\b(?:because|but|however|although|think|believe|agree|disagree|why|how|what|should|would"
        r"|government|people|law|party|vote[ds]?|tax(?:es)?|police|article|fact|wrong|right)\b"
    ),
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _WORDS.items()}
_REPEATABLE = re.compile(r"\w{2,}")

MAX_COUNT = 4
"""More of a kind than this say no more: a reply to twenty people has twenty handles."""

MAX_SHARE = 0.3
FEW_LETTERS = 50
"""With a link beside it: a compliment, and not a reason why anybody should follow the link."""

CUES = (
    "links",
    "reference_links",
    "video_links",
    "shortened_links",
    "referral_links",
    "appealing_links",
    "bare_domains",
    "bare_paths",
    "email_addresses",
    "phone_numbers",
    "handles",
    "money",
    *_WORDS,
    "own_thing_called_for",
    "subscribing_called_for",
    "shouting",
    "exclamations",
    "repeated_words",
    "length",
    "marks_and_pictures",
    "digits",
    "nothing_but_links",
    "link_with_few_words",
)
"""Names of the values of :func:`cues`."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """How a text can lead readers away: its links, and details to reach somebody at.

    ``details`` counts e-mail addresses, telephone numbers and invitations to a messenger.
    """

    links: int
    details: int


def contacts(text: str) -> Contacts:
    """Links and contact details in ``text`` as it was written, the disguised ones too."""
    seen = _addresses(unicodedata.normalize("NFKC", text))
    messengers = len(_PATTERNS["messenger_names"].findall(seen.rest.casefold()))
    return Contacts(
        len(seen.links) + len(seen.domains) + seen.paths, seen.emails + seen.phones + messengers
    )


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Addresses and numbers in a text, and ``rest``: the text without them, but with numbers."""

    links: list[str]
    domains: list[str]
    paths: int
    emails: int
    phones: int
    rest: str


def _addresses(text: str) -> _Addresses:
    # The patterns are slow and most texts have none of it: each is asked only where the part of it
    # that is quickly looked for is there.
    emails = paths = phones = 0
    links: list[str] = []
    domains: list[str] = []
    if _AT_A_DOMAIN.search(text):
        text, emails = _EMAIL.subn(" ", text)
    if "/" in text or "w" in text or "W" in text:
        links = _LINK.findall(text)
        text = _LINK.sub(" ", text) if links else text
    if _DOT_TLD.search(text):
        domains = [found.group() for found in _DOMAIN.finditer(text)]
        text = _DOMAIN.sub(" ", text) if domains else text
    if "/" in text or "?" in text:
        text, paths = _PATH.subn(" ", text)
    digits = sum(map(str.isdigit, text))
    if digits >= 8 or digits + len(_SPELT_DIGIT.findall(text)) >= 7:
        phones = len(_PHONE.findall(text))
    return _Addresses(links, domains, paths, emails, phones, text)


def cues(text: str, plain: str) -> list[float]:
    """One number for each of ``CUES``: counts as log(1 + n), shares 0..1.

    ``plain`` is ``text`` without disguises.
    """
    text = unicodedata.normalize("NFKC", text)
    seen = _addresses(text)
    links, domains, rest = seen.links, seen.domains, seen.rest
    addresses = links + domains
    reference = sum(1 for address in addresses if _REFERENCE.match(address))
    videos = sum(1 for address in addresses if _VIDEO.search(address))
    words_of = {name: len(pattern.findall(plain)) for name, pattern in _PATTERNS.items()}
    letters = sum(map(str.isalpha, rest))
    capitals = sum(map(str.isupper, rest))
    words = _REPEATABLE.findall(plain)
    visible = sum(1 for char in text if not char.isspace())
    marks = sum(1 for char in rest if not char.isalnum() and not char.isspace())
    counts = (
        len(links) - sum(1 for link in links if _REFERENCE.match(link) or _VIDEO.search(link)),
        reference,
        videos,
        sum(1 for address in addresses if _SHORTENER.search(address)),
        sum(1 for address in addresses if _REFERRAL.search(address)),
        sum(1 for address in addresses if _APPEAL.search(address)),
        sum(1 for d in domains if not _REFERENCE.match(d) and not _VIDEO.search(d)),
        seen.paths,
        seen.emails,
        seen.phones,
        len(_HANDLE.findall(rest)),
        len(_MONEY.findall(text)),
        *words_of.values(),
    )
    calls = words_of["calls_to_look"] + words_of["commands_at_start"] + words_of["pleading"]
    return [
        *(math.log1p(min(count, MAX_COUNT)) for count in counts),
        float(words_of["own_things"] + words_of["introducing_oneself"] > 0 and calls > 0),
        float(words_of["subscribing"] > 0 and words_of["begging_for_subscribers"] + calls > 0),
        capitals / letters if letters >= 8 else 0.0,
        text.count("!") / max(1, len(text)),
        1 - len(set(words)) / len(words) if words else 0.0,
        math.log1p(len(words)),
        min(MAX_SHARE, marks / max(1, visible)),
        min(MAX_SHARE, sum(map(str.isdigit, rest)) / max(1, visible)),
        float(bool(addresses) and letters < 8),
        float(len(addresses) > reference + videos and 8 <= letters < FEW_LETTERS),
    ]
