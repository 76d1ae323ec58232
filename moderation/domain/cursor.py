"""Keyset cursors: where a page ended, in a form the outside can neither read into nor forge."""

from __future__ import annotations

import base64
import binascii
import hmac
import json

from moderation.errors import InvalidCursor
from moderation.keyring import Keyring, b64url

MAX_CURSOR_CHARS = 1024


def encode_cursor(keyring: Keyring, listing: str, position: list[str | int]) -> str:
    """Args: ``listing`` names the list and its order; ``position`` is the last row's sort key."""
    payload = json.dumps([listing, position], separators=(",", ":")).encode()
    return b64url(keyring.cursor_mac(payload) + payload)


def decode_cursor(keyring: Keyring, listing: str, cursor: str) -> list[str | int]:
    """The position in ``cursor``.

    Raises:
        InvalidCursor: not made here, changed on the way, or made for another list or order.
    """
    try:
        if len(cursor) > MAX_CURSOR_CHARS:
            raise ValueError
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        if b64url(raw) != cursor:
            raise ValueError  # decoding passes over what is no base64; we gave out no such cursor
    except (ValueError, binascii.Error):
        raise InvalidCursor from None
    mac, payload = raw[:16], raw[16:]
    if not hmac.compare_digest(mac, keyring.cursor_mac(payload)):
        raise InvalidCursor
    made_for, position = json.loads(payload)
    if made_for != listing:
        raise InvalidCursor("The cursor belongs to another list, order or filter")
    return position
