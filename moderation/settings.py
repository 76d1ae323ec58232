"""Settings: ``config/defaults.toml``, the file ``MODERATION_CONFIG`` names, choices, variables.

Later ones win. Choices are what commands such as ``moderation models use`` keep in ``var_dir``,
in ``chosen.toml``. Every field is one key of the TOML and one variable, ``MODERATION_`` + the
name in capitals. Nothing else in the program reads the environment.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: ``config/``, ``migrations/`` and, by default, ``var/`` lie here."""

PREFIX = "MODERATION_"

CHOICES_FILE = "chosen.toml"
"""In ``var_dir``: settings that a command has chosen for this installation."""


class SettingsError(ValueError):
    """Settings that cannot be used; the message names each key, its source and what is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings; what each means stands in ``config/defaults.toml``."""

    database_url: str
    broker_url: str
    var_dir: str
    secret_key: str
    policies_dir: str

    http_host: str
    http_port: int
    http_workers: int
    http_threads: int
    http_pin: str
    trusted_proxies: int
    max_request_bytes: int

    rate_limits: str
    rate_limit_author: str
    rate_limit_address: str
    rate_limit_sign_in: str
    rate_limit_report: str
    rate_limit_account: str
    rate_limit_second_factor: str
    rate_limit_storage_url: str

    toxicity_engine: str
    multilingual_engine: str
    scoring_threads: int
    scoring_batch_size: int
    scoring_lease_s: int
    scoring_timeout_s: int
    scoring_max_attempts: int
    scoring_retry_s: int
    spam_signals_file: str

    sweep_interval_s: int
    counts_check_interval_s: int
    claim_s: int
    report_threshold: int
    edit_window_s: int
    token_lifetime_h: int
    desk_session_idle_h: int
    desk_session_lifetime_h: int
    invitation_lifetime_h: int

    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_name: str
    oidc_new_staff_domains: str

    log_level: str
    log_format: str
    metrics_port: int

    @property
    def var_path(self) -> Path:
        """Where this installation keeps its files; relative paths start at the checkout."""
        return (ROOT / self.var_dir).resolve()

    @property
    def models_path(self) -> Path:
        """Where models lie that were added to the bundled ones."""
        return self.var_path / "models"

    @property
    def policies_path(self) -> Path:
        return (ROOT / self.policies_dir).resolve()

    @property
    def spam_signals_path(self) -> Path:
        return (ROOT / self.spam_signals_file).resolve()

    @property
    def effective_database_url(self) -> str:
        return self.database_url or f"sqlite:///{self.var_path / 'moderation.db'}"

    @property
    def is_sqlite(self) -> bool:
        return self.effective_database_url.startswith("sqlite")

    @property
    def embedded_broker(self) -> bool:
        return not self.broker_url

    @property
    def embedded_broker_path(self) -> Path:
        return self.var_path / "broker"

    @property
    def effective_rate_limit_storage_url(self) -> str:
        """Shared between processes where a Redis is at hand, else each process counts alone."""
        if self.rate_limit_storage_url:
            return self.rate_limit_storage_url
        return (
            self.broker_url
            if self.broker_url.startswith(("redis://", "rediss://"))
            else "memory://"
        )


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "rate_limits": ("on", "off"),
    "http_pin": ("on", "off"),
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("auto", "console", "json"),
}
_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "database_url": ("sqlite", "postgresql"),
    "broker_url": ("redis", "rediss", "amqp", "amqps"),
    "rate_limit_storage_url": ("memory", "redis", "rediss"),
    "oidc_issuer": ("https", "http"),
}
"""What URLs may begin with, before any ``+driver``."""

_MINIMUM: Mapping[str, int] = {
    "trusted_proxies": 0,
    "metrics_port": 0,
    "scoring_threads": 0,
    "edit_window_s": 0,
    "scoring_retry_s": 0,
}
"""Smallest value of a number where it is not 1."""

_MAXIMUM: Mapping[str, int] = {"http_port": 65535, "metrics_port": 65535}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this installation.

    Args:
        environ: variables to read instead of the process's own.

    Raises:
        SettingsError: an unknown key, a value of the wrong kind or outside its bounds. All of
            them are in the message, not only the first.
    """
    environ = os.environ if environ is None else environ
    kinds = {f.name: int if f.type == "int" else str for f in fields(Settings)}
    values: dict[str, tuple[Any, str]] = {}
    wrong: list[str] = []

    sources = [ROOT / "config" / "defaults.toml"]
    if extra := environ.get(PREFIX + "CONFIG"):
        sources.append(Path(extra))

    def take(path: Path) -> None:
        for key, value in _read_table(path).items():
            if key in kinds:
                values[key] = (value, str(path))
            else:
                wrong.append(f"{path}: {key}: unknown setting{_hint(key, kinds)}")

    for path in sources:
        take(path)
    # The file of choices lies where the other sources say.
    var_dir = environ.get(PREFIX + "VAR_DIR", values.get("var_dir", ("", ""))[0])
    choices = ROOT / str(var_dir) / CHOICES_FILE
    if choices.is_file():
        at = values.get("var_dir")
        take(choices)
        if values.get("var_dir") != at:
            wrong.append(f"{choices}: var_dir: cannot be chosen here")
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        key = variable.removeprefix(PREFIX).lower()
        if key in kinds:
            values[key] = (text, variable)
        elif not key.startswith("test_"):
            wrong.append(f"{variable}: unknown setting{_hint(key, kinds)}")

    clean: dict[str, Any] = {}
    for key, kind in kinds.items():
        if key not in values:
            wrong.append(f"{key}: missing from config/defaults.toml")
            continue
        value, source = values[key]
        try:
            clean[key] = _checked(key, kind, value)
        except ValueError as error:
            wrong.append(f"{source}: {key}: {error}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Settings(**clean)


def choose(settings: Settings, key: str, value: str) -> Path:
    """Keep one setting's value for this installation; returns the file it is kept in.

    What runs already has read its settings; a variable still wins over a choice.

    Raises:
        SettingsError: the file of choices cannot be read or written.
    """
    path = settings.var_path / CHOICES_FILE
    table = {**(_read_table(path) if path.is_file() else {}), key: value}
    lines = ["# Kept by commands such as `moderation models use`; delete a line to undo a choice."]
    # A JSON string is a TOML string too.
    lines += [f"{name} = {json.dumps(chosen)}" for name, chosen in table.items()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _read_table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error


def _checked(key: str, kind: type, value: Any) -> Any:
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"expected a whole number, found {value!r}")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"expected a whole number, found {value!r}") from None
        low, high = _MINIMUM.get(key, 1), _MAXIMUM.get(key)
        if number < low or (high is not None and number > high):
            bounds = f"at least {low}" + (f" and at most {high}" if high is not None else "")
            raise ValueError(f"expected {bounds}, found {number}")
        return number
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {value!r}")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise ValueError(f"expected one of {', '.join(_CHOICES[key])}, found {value!r}")
    if value and (schemes := _SCHEMES.get(key)):
        scheme, separator, _ = value.partition("://")
        if not separator or scheme.partition("+")[0] not in schemes:
            # The value itself is not repeated: there may be a password in it.
            raise ValueError(f"expected a URL with {', '.join(f'{s}://' for s in schemes)}")
    return value


def _hint(key: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def shown(settings: Settings) -> dict[str, Any]:
    """The settings as a table to print, secrets and passwords in URLs hidden."""
    table = asdict(settings)
    for secret in ("secret_key", "oidc_client_secret"):
        if table[secret]:
            table[secret] = "(set)"
    for key, value in table.items():
        if key.endswith("_url") and "@" in str(value):
            scheme, _, rest = value.partition("://")
            table[key] = f"{scheme}://…@{rest.rpartition('@')[2]}"
    return table
