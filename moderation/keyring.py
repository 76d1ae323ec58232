"""Everything derived from the installation's one secret key.

Each use has a key of its own, derived by HKDF-SHA256 (RFC 5869) with the use as ``info``, so that
what is learnt about one says nothing about another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_CHARS = 32


class KeyringError(ValueError):
    """The secret key is unusable, or something was not sealed with it."""


def b64url(data: bytes) -> str:
    """Base64 for URLs, unpadded (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


class Keyring:
    """Signs, checks and seals with keys derived from ``secret_key``.

    ``cookie_key`` (32 bytes) is for whoever signs cookies.

    Raises:
        KeyringError: ``secret_key`` is shorter than 32 characters.
    """

    def __init__(self, secret_key: str) -> None:
        if len(secret_key) < MIN_SECRET_CHARS:
            raise KeyringError(
                f"secret_key must have at least {MIN_SECRET_CHARS} characters, "
                f"this one has {len(secret_key)}"
            )
        self._root = secret_key.encode("utf-8")
        self._receipts = self._derive("receipt")
        self._cursors = self._derive("cursor")
        self._addresses = self._derive("address")
        self._box = Fernet(base64.urlsafe_b64encode(self._derive("seal")))
        self.cookie_key = self._derive("cookie")

    def _derive(self, use: str) -> bytes:
        info = f"moderation/{use}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._root)

    def receipt(self, comment_id: str) -> str:
        """The author's proof that a comment is theirs: 43 characters, the same every time."""
        return b64url(hmac.digest(self._receipts, comment_id.encode(), "sha256"))

    def is_receipt(self, comment_id: str, receipt: str) -> bool:
        # compare_digest refuses str with non-ASCII characters; bytes of any content it takes.
        given = receipt.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(self.receipt(comment_id).encode(), given)

    def cursor_mac(self, payload: bytes) -> bytes:
        """16 bytes that only this installation can make for ``payload``."""
        return hmac.digest(self._cursors, payload, "sha256")[:16]

    def pseudonym(self, *parts: str) -> str:
        """A stable stand-in (32 hex characters) for something personal, such as an address."""
        joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
        return hmac.new(self._addresses, joined, hashlib.sha256).hexdigest()[:32]

    def seal(self, text: str) -> str:
        """Encrypt a secret that must be read again (Fernet: AES-128-CBC with HMAC-SHA256)."""
        return self._box.encrypt(text.encode()).decode("ascii")

    def unseal(self, sealed: str) -> str:
        """Raises KeyringError when ``sealed`` was made under another secret key."""
        try:
            return self._box.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise KeyringError(
                "a stored secret cannot be read: it was sealed under another secret_key"
            ) from error


def load_or_make_secret(path: Path) -> str:
    """The key kept in ``path``; made there, readable by its owner only, if there is none.

    Safe when several processes start at once: the first to link its file wins.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(b64url(os.urandom(48)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
