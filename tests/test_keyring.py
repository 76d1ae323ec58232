"""Keys: each use has its own, and what one key made no other accepts."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from moderation.keyring import Keyring, KeyringError, load_or_make_secret

ONE, OTHER = (
    Keyring("one secret key of 32 characters!"),
    Keyring("another secret key, as long as it"),
)


def test_a_receipt_proves_one_comment_under_one_key() -> None:
    receipt = ONE.receipt("a")
    assert ONE.is_receipt("a", receipt)
    assert not ONE.is_receipt("b", receipt)
    assert not OTHER.is_receipt("a", receipt)
    assert ONE.receipt("a") == receipt
    assert len(receipt) == 43


@pytest.mark.parametrize("forged", ["", "x", "é" * 43, "\ud800", "A" * 43, "a\x00b"])
def test_any_text_may_be_tried_as_a_receipt(forged: str) -> None:
    assert not ONE.is_receipt("a", forged)


def test_what_is_sealed_is_read_again_under_the_same_key_only() -> None:
    sealed = ONE.seal("a secret, with ümlaut")
    assert "secret" not in sealed
    assert ONE.unseal(sealed) == "a secret, with ümlaut"
    with pytest.raises(KeyringError, match="sealed under another secret_key"):
        OTHER.unseal(sealed)
    with pytest.raises(KeyringError):
        ONE.unseal(sealed[:-8] + "AAAAAAA=")


def test_the_uses_of_a_key_say_nothing_about_each_other() -> None:
    made = {ONE.receipt("a"), ONE.pseudonym("a"), ONE.cursor_mac(b"a").hex()}
    assert len(made) == 3
    assert ONE.pseudonym("a", "b") != ONE.pseudonym("ab")
    assert ONE.pseudonym("a") != OTHER.pseudonym("a")


def test_a_short_key_is_refused_in_a_sentence() -> None:
    with pytest.raises(KeyringError, match="at least 32 characters, this one has 5"):
        Keyring("short")


def test_the_first_start_makes_a_key_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    made = load_or_make_secret(path)
    Keyring(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_make_secret(path) == made


def test_starting_twice_at_once_makes_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        made = pool.map(load_or_make_secret, [tmp_path / "secret_key"] * 8)
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
