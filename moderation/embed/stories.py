"""The stories of the invented newspaper at `/demo`."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.domain.site import DEMO_ARTICLE_ID


@dataclass(frozen=True, slots=True)
class Story:
    """``text`` is made of paragraphs; one that begins with ``# `` is a heading."""

    id: str
    kicker: str
    title: str
    standfirst: str
    byline: str
    text: tuple[str, ...]

    @property
    def path(self) -> str:
        return "/demo" if self is FERRY else f"/demo/{self.id}"


FERRY = Story(
    id=DEMO_ARTICLE_ID,
    kicker="Harbour",
    title="The last ferry stays, for one more winter",
    standfirst="The 22:40 crossing to Nether Quay was to be dropped in November. After nine "
    "hundred signatures and one long evening in the town hall, it sails on.",
    byline="By Ottilie Marsh",
    text=(
        "Whoever works the late shift at the cannery knows the sound: two short blasts, and then "
        "the ramp of the Margit comes down on the slip at Nether Quay. It is twenty to eleven, and "
        "there is no other way home but the forty kilometres around the marsh.",
        "In September the harbour board proposed to end the crossing “for the dark months”. Some "
        "evenings, the board said, the boat carried three people and a bicycle. Diesel had become "
        "dearer by a third, and the second deckhand was hard to replace.",
        "Those three people, it turned out, had neighbours. By the middle of October a list that "
        "began on the counter of the bakery held nine hundred and twelve names, in a town of four "
        "thousand. On Tuesday the hall was full to the stairs.",
        "# “Not a line in a table”",
        "“I understand the sums,” said Jorun Aske, who nurses on the far side. “But a boat home is "
        "not a line in a table.” The treasurer, who had drawn up the table, asked for the floor "
        "and offered another one: with a smaller boat from Monday to Thursday and a fare of two "
        "crowns more, the winter could be paid for.",
        "The board agreed by five votes to two. The new timetable holds until the end of March. "
        "What happens after that will depend, the chairwoman said, on how many of the nine hundred "
        "come aboard.",
    ),
)

STORIES = (
    FERRY,
    Story(
        id="heron-count",
        kicker="Marsh",
        title="Forty-one herons, counted before breakfast",
        standfirst="Every November the school counts the birds on the east bank. This year the "
        "numbers are up, and so was the fog.",
        byline="By Anselm Reed",
        text=(
            "At half past six the first class stood on the dyke with one telescope among eleven "
            "children. Whoever had it called out what they saw; whoever did not have it wrote.",
            "Forty-one herons is nine more than last year. Whether that is good news depends on "
            "whom one asks: the anglers’ club was not present, and sent its regards.",
        ),
    ),
    Story(
        id="clock-tower",
        kicker="Town",
        title="The tower clock is five minutes fast, and may stay so",
        standfirst="Since the summer it has run ahead. The council heard experts, and then the "
        "people who catch the bus.",
        byline="By Ottilie Marsh",
        text=(
            "The spring could be replaced for eight hundred crowns. But since July, the driver of "
            "the early bus reports, nobody has had to run.",
            "The council adjourned. By the clock in the hall it was nine; by the tower, five past.",
        ),
    ),
    Story(
        id="bakery-bridge",
        kicker="Harbour",
        title="A bridge of gingerbread, to scale",
        standfirst="The apprentices of the quay bakery have built the crossing that the region "
        "never did. It bears eleven kilograms.",
        byline="By Runa Halvard",
        text=(
            "It took four nights and all of the cinnamon. Drawings of the real bridge, which was "
            "planned in 1968, hang in the museum; the apprentices kept to them to the millimetre.",
            "It can be seen until Sunday. After that, says the master, it will be eaten.",
        ),
    ),
)

BY_ID = {story.id: story for story in STORIES}
