"""Taking a comment in at a door: whose it is, what a sender may do how often, and storing it."""

from __future__ import annotations

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.site import Site
from moderation.errors import GuestsNotAllowed
from moderation.services import intake
from moderation.wiring import wired


def guest_signature(site: Site, name: str, address: str) -> Signature:
    """A guest, told apart from others of the same name by their network address.

    Raises:
        GuestsNotAllowed: the site takes comments from signed-in readers only.
    """
    if not site.guests_allowed:
        raise GuestsNotAllowed
    identity = wired().keyring.pseudonym(site.id, name.casefold(), address)
    return Signature(AuthorKind.GUEST, identity=identity, name=name)


def address_key(site: Site, address: str) -> str:
    """What stands for a network address where recent posts from there are looked up."""
    return wired().keyring.pseudonym("recent post", site.id, address)


def take(site: Site, submission: intake.Submission, address: str) -> intake.Accepted:
    """Store a comment durably, or find the one that the same request has made before.

    Raises:
        RateLimited: too many from this author or address; repetitions are not counted.
        ModerationError: whatever ``intake.submit`` raises.
    """
    wiring = wired()
    if submission.idempotency_key is not None:
        # A repetition is no new comment and must not be held against its author.
        with wiring.database.read() as session:
            replay = intake.find_replay(session, site, submission)
        if replay is not None:
            return replay
    # The author first: who is refused as one does not use up what the address has left.
    wiring.rate_limiter.hit("author", site.id, submission.signature.identity)
    wiring.rate_limiter.hit("address", site.id, address)
    return wiring.database.write_together(
        lambda session: intake.submit(session, site, submission, now=wiring.clock())
    )
