"""What goes wrong with judges."""

from moderation.errors import Unavailable


class ScoringUnavailable(Unavailable):
    """A model is missing, damaged or cannot be reached; the message says what to do.

    Its comments go to the moderators, never to the public.
    """
