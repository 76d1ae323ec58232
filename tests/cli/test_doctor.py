"""The doctor: a healthy installation is told to be, and each thing that can go wrong is found."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import servers
from click.testing import CliRunner, Result
from factories import Service, comment_json
from fakes import FAILS, FakeJudge
from processes import free_port
from sqlalchemy import event, text, update

from moderation.cli import cli
from moderation.cli.doctor import Finding, State, as_lines, database, examine, rules, surroundings
from moderation.cli.first_run import prepare
from moderation.domain.comment import Comment
from moderation.domain.policy_revision import PolicyRevision
from moderation.domain.site import Article, Site
from moderation.domain.staff import Principal, Role, Scope
from moderation.labels import LABELS
from moderation.scoring import registry
from moderation.scoring.bundle import write_manifest
from moderation.scoring.judge import Assessment
from moderation.services import policies
from moderation.web import create_app
from moderation.wiring import Wiring


@pytest.fixture
def sqlite_service(tmp_path: Path) -> Iterator[Service]:
    """On SQLite with the embedded broker, and nothing to find fault with."""
    made = Service(tmp_path / "var", rate_limits="on")
    yield settled(made)
    made.close()


@pytest.fixture
def postgres_service(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Service]:
    """On PostgreSQL and Redis, and nothing to find fault with."""
    made = Service(
        tmp_path / "var", database_url=postgres_url, broker_url=redis_url, rate_limits="on"
    )
    yield settled(made)
    made.close()


@pytest.fixture(params=["sqlite_service", "postgres_service"])
def service(request: pytest.FixtureRequest) -> Service:
    return request.getfixturevalue(request.param)


def settled(service: Service) -> Service:
    service.wiring.settings.var_path.mkdir(exist_ok=True)
    service.make_staff(role=Role.ADMIN)
    service.make_site(site_key="news")
    return service


def changed(service: Service, judge: Any = None, **settings: Any) -> Wiring:
    """The wiring of ``service`` with other settings, or another judge."""
    return Wiring(
        dataclasses.replace(service.wiring.settings, **settings),
        announcer=service.announcer,
        judge=judge or service.judge,
        clock=service.clock,
    )


def find(wiring: Wiring, what: str, state: State) -> Finding:
    """The one finding about ``what`` that is in this state, if that is all there is to find."""
    found = [finding for finding in examine(wiring) if finding.what == what]
    (one,) = [finding for finding in found if finding.state is state] or found
    assert one.state is state, one
    return one


def post(service: Service, body: str = "A fine article.") -> str:
    headers = {"X-Site-Key": "news", "Origin": "https://news.example"}
    with create_app(service.wiring).test_client() as client:
        answer = client.post("/api/v1/comments", json=comment_json(body), headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json["id"]


def run_doctor(monkeypatch: pytest.MonkeyPatch, **settings: object) -> Result:
    for name, value in settings.items():
        monkeypatch.setenv(f"MODERATION_{name.upper()}", str(value))
    return CliRunner().invoke(cli, ["doctor"])


def words(result: Result) -> str:
    """What was printed, as if the terminal were wide enough for one line."""
    return " ".join(result.output.split())


# --- All of it ----------------------------------------------------------------------------------


def test_a_healthy_installation_is_told_to_be(service: Service) -> None:
    post(service)
    service.judge_all()
    faults = [finding for finding in examine(service.wiring) if finding.state is not State.OK]
    assert faults == []


def test_what_make_run_sets_up_is_well_with_the_real_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MODERATION_VAR_DIR", str(tmp_path / "var"))
    prepare()
    result = run_doctor(monkeypatch)
    assert result.output.endswith("\nAll well.\n")
    assert "compact/" in result.output
    assert result.exit_code == 0


def test_before_the_first_start_it_says_so_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = run_doctor(monkeypatch, var_dir=tmp_path / "var")
    assert result.exit_code == 1
    assert "moderation.db is not there yet" in words(result)
    assert "$ moderation db upgrade" in result.output
    assert not (tmp_path / "var").exists()


def test_settings_that_cannot_be_used_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_doctor(monkeypatch, http_prot=1, http_threads="many")
    assert result.exit_code == 1
    assert result.output.startswith("WRONG Settings")
    assert "did you mean http_port?" in result.output
    assert "http_threads: expected a whole number" in words(result)


def test_what_is_only_worth_knowing_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MODERATION_VAR_DIR", str(tmp_path / "var"))
    prepare()
    result = run_doctor(monkeypatch, rate_limits="off")
    assert "hint  Rate limits" in result.output
    assert result.output.endswith("\nNothing is wrong, 1 worth knowing.\n")
    assert result.exit_code == 0


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(sqlite_service: Service) -> None:
    with sqlite_service.database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE staff RENAME TO people"))
    found = find(sqlite_service.wiring, "Staff", State.WRONG)
    assert "no such table: staff" in found.detail
    find(sqlite_service.wiring, "Counts", State.OK)


def test_lines_fit_the_terminal_but_for_commands() -> None:
    command = "$ " + "moderation site set a-key --origin https://news.example " * 3
    findings = [
        Finding("Short", State.OK, "well"),
        Finding("A longer name", State.WRONG, "many words " * 30, f"do this\n{command}"),
    ]
    lines = [line for line, _ in as_lines(findings, 80)]
    margin = " " * len("ok    A longer name  ")
    assert lines[0] == "ok    Short          well"
    assert lines[1].startswith("WRONG A longer name  many words")
    assert all(line.startswith(margin) for line in lines[2:])
    assert lines[-2:] == [f"{margin}-> do this", f"{margin}   {command}"]
    assert all(len(line) <= 80 for line in lines[:-1])


# --- Surroundings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 9), State.WRONG), ((3, 11, 2), State.OK), ((3, 14, 0), State.HINT)],
)
def test_python(
    sqlite_service: Service,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    state: State,
) -> None:
    monkeypatch.setattr(surroundings, "sys", SimpleNamespace(version_info=version))
    assert ".".join(map(str, version)) in find(sqlite_service.wiring, "Python", state).detail


def test_changed_settings_are_named_without_their_values(sqlite_service: Service) -> None:
    detail = find(sqlite_service.wiring, "Settings", State.OK).detail
    assert detail == "changed: var_dir, secret_key"


def test_a_folder_nobody_may_write_in(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere, so the mode of a folder proves nothing here.
    monkeypatch.setattr(surroundings.os, "access", lambda path, mode: False)
    assert "may write in" in find(sqlite_service.wiring, "Folders", State.WRONG).detail


def test_a_file_where_the_folder_should_be(sqlite_service: Service, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    url = sqlite_service.wiring.settings.effective_database_url
    wiring = changed(sqlite_service, var_dir=str(tmp_path / "file"), database_url=url)
    assert f"{tmp_path / 'file'} (var_dir)" in find(wiring, "Folders", State.WRONG).detail


@pytest.mark.parametrize(("free_mb", "state"), [(50, State.WRONG), (500, State.HINT)])
def test_a_disk_that_is_filling_up(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, free_mb: int, state: State
) -> None:
    usage = SimpleNamespace(free=free_mb * 1_000_000)
    monkeypatch.setattr(surroundings.shutil, "disk_usage", lambda path: usage)
    find(sqlite_service.wiring, "Folders", state)


@pytest.mark.parametrize(
    ("host", "proxies", "state"),
    [
        ("0.0.0.0", 0, State.HINT),
        ("::", 0, State.HINT),
        ("0.0.0.0", 1, State.OK),
        ("localhost", 0, State.OK),
        ("::1", 0, State.OK),
    ],
)
def test_listening_to_others_without_a_trusted_proxy(
    sqlite_service: Service, host: str, proxies: int, state: State
) -> None:
    find(changed(sqlite_service, http_host=host, trusted_proxies=proxies), "Web", state)


def test_rate_limits_that_are_off_or_counted_apart(sqlite_service: Service) -> None:
    find(changed(sqlite_service, rate_limits="off"), "Rate limits", State.HINT)
    found = find(changed(sqlite_service, http_workers=3), "Rate limits", State.HINT)
    assert "3 web processes" in found.detail


def test_rate_limits_that_cannot_be_read_or_counted(sqlite_service: Service) -> None:
    found = find(changed(sqlite_service, rate_limit_author="lots"), "Rate limits", State.WRONG)
    assert "rate_limit_author" in found.detail
    unknown = changed(sqlite_service, rate_limit_storage_url="carrier-pigeon://roof")
    assert "carrier-pigeon" in find(unknown, "Rate limits", State.WRONG).detail
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    silent = changed(sqlite_service, rate_limit_storage_url=nobody)
    assert "nothing is limited" in find(silent, "Rate limits", State.WRONG).detail


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_does_not_answer(sqlite_service: Service, scheme: str) -> None:
    url = f"{scheme}://someone:a-password@127.0.0.1:{free_port()}/"
    found = find(changed(sqlite_service, broker_url=url), "Broker", State.WRONG)
    assert "does not answer" in found.detail
    assert "a-password" not in found.detail


def test_an_embedded_broker_whose_folder_is_not_writable(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sqlite_service.wiring.settings.embedded_broker_path / "messages"
    folder.mkdir(parents=True)
    find(sqlite_service.wiring, "Broker", State.OK)
    monkeypatch.setattr(surroundings.os, "access", lambda path, mode: Path(path) != folder)
    assert str(folder) in find(sqlite_service.wiring, "Broker", State.WRONG).detail


def test_an_embedded_broker_beside_a_database_server(postgres_service: Service) -> None:
    found = find(changed(postgres_service, broker_url=""), "Broker", State.HINT)
    assert "MODERATION_BROKER_URL=redis://" in found.mend


def test_a_redis_that_may_throw_queues_away(postgres_service: Service, redis_url: str) -> None:
    find(postgres_service.wiring, "Broker", State.OK)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = find(postgres_service.wiring, "Broker", State.WRONG)
        finally:
            client.config_set("maxmemory-policy", before)
    assert "allkeys-lru" in found.detail


# --- Database -----------------------------------------------------------------------------------


def test_a_database_server_that_does_not_answer(sqlite_service: Service) -> None:
    url = f"postgresql://someone:a-password@127.0.0.1:{free_port()}/news"
    wiring = changed(sqlite_service, database_url=url)
    found = find(wiring, "Database", State.WRONG)
    assert "refused" in found.detail
    assert "a-password" not in found.detail
    find(wiring, "Contents", State.HINT)


@pytest.mark.parametrize("url", ["postgresql://host:port/name", "mysql://host/name", "news"])
def test_a_database_url_that_is_none(sqlite_service: Service, url: str) -> None:
    found = find(changed(sqlite_service, database_url=url), "Database", State.WRONG)
    assert "database_url is not usable" in found.detail


def test_a_database_in_memory(sqlite_service: Service) -> None:
    found = find(changed(sqlite_service, database_url="sqlite://"), "Database", State.WRONG)
    assert "in memory" in found.detail


def test_a_file_that_is_no_database(sqlite_service: Service, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("Not a database at all, but a text. " * 100)
    wiring = changed(sqlite_service, database_url=f"sqlite:///{tmp_path / 'text.db'}")
    assert "not a database" in find(wiring, "Database", State.WRONG).detail


def test_a_schema_that_is_missing_or_of_another_version(service: Service) -> None:
    def set_revision(statement: str) -> None:
        with service.database.engine.begin() as connection:
            connection.execute(text(statement))

    set_revision("UPDATE alembic_version SET version_num = 'from_later'")
    assert "does not know" in find(service.wiring, "Schema", State.WRONG).detail
    set_revision("DELETE FROM alembic_version")
    found = find(service.wiring, "Schema", State.WRONG)
    assert found.mend == "$ moderation db upgrade"
    find(service.wiring, "Contents", State.HINT)


def test_a_schema_that_is_behind(sqlite_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    at = find(sqlite_service.wiring, "Schema", State.OK).detail.rpartition(" ")[2]
    monkeypatch.setattr(database.schema, "head", lambda url: "9999")
    found = find(sqlite_service.wiring, "Schema", State.WRONG)
    assert found.detail == f"at {at}, this version needs 9999"
    assert found.mend == "$ moderation db upgrade"


def test_sqlite_without_its_log(sqlite_service: Service) -> None:
    wiring = changed(sqlite_service)
    event.listen(
        wiring.database.engine, "connect", lambda c, _: c.execute("PRAGMA journal_mode = DELETE")
    )
    sqlite_service.close()
    assert "journal mode delete" in find(wiring, "SQLite", State.WRONG).detail
    wiring.database.dispose()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("nfs4", State.WRONG),
        ("cifs", State.WRONG),
        ("fuse.sshfs", State.WRONG),
        ("ext4", State.OK),
        ("fuse.ntfs", State.OK),
    ],
)
def test_sqlite_on_a_network_file_system(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, kind: str, state: State
) -> None:
    var = sqlite_service.wiring.settings.var_path
    mounts = var / "mounts"
    mounts.write_text(
        "rootfs / ext4 rw 0 0\n"
        f"other {var}-not nfs rw 0 0\n"
        f"share {str(var).replace(' ', chr(92) + '040')} {kind} rw 0 0\n"
    )
    monkeypatch.setattr(database, "MOUNTS", mounts)
    assert kind in find(sqlite_service.wiring, "SQLite", state).detail


def test_a_mount_point_with_a_blank_in_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mounts").write_text("rootfs / ext4 rw 0 0\nshare /mnt/my\\040disk nfs rw 0 0\n")
    monkeypatch.setattr(database, "MOUNTS", tmp_path / "mounts")
    assert database.file_system(Path("/mnt/my disk/moderation.db")) == "nfs"
    assert database.file_system(Path("/mnt/mine/moderation.db")) == "ext4"


@pytest.mark.parametrize(("workers", "state"), [(50, State.WRONG), (15, State.HINT)])
def test_more_connections_than_the_server_gives(
    postgres_service: Service, workers: int, state: State
) -> None:
    wiring = changed(postgres_service, http_workers=workers)
    assert f"keep {workers * 10}" in find(wiring, "Connections", state).detail


def test_a_limit_on_the_connections_of_this_database(
    postgres_service: Service, postgres_url: str
) -> None:
    name = servers.database_name(postgres_url)
    with postgres_service.database.engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE {name} CONNECTION LIMIT 7"))
    assert "gives 7;" in find(postgres_service.wiring, "Connections", State.WRONG).detail


@pytest.mark.parametrize(
    ("seconds", "state", "told"),
    [(15, State.HINT, "s ahead of"), (-60, State.WRONG, "s behind")],
)
def test_a_clock_unlike_the_databases(
    postgres_service: Service, seconds: int, state: State, told: str
) -> None:
    with postgres_service.database.read() as session:
        now = session.scalar(text("SELECT clock_timestamp()"))
    postgres_service.clock.now = now + timedelta(seconds=seconds)
    assert told in find(postgres_service.wiring, "Clock", state).detail


# --- The key ------------------------------------------------------------------------------------


def test_a_key_that_is_too_short(sqlite_service: Service) -> None:
    found = find(changed(sqlite_service, secret_key="short"), "Secret key", State.WRONG)
    assert "at least 32 characters, this one has 5" in found.detail


def test_a_key_file_that_others_may_read(sqlite_service: Service) -> None:
    wiring = changed(sqlite_service, secret_key="")
    path = wiring.settings.var_path / "secret_key"
    path.write_text("a key for tests, and for nothing else")
    path.chmod(0o644)
    assert find(wiring, "Secret key", State.WRONG).mend == f"$ chmod 600 {path}"
    path.chmod(0o600)
    find(wiring, "Secret key", State.OK)
    find(wiring, "SSO secrets", State.OK)


def test_a_key_file_that_holds_no_key(sqlite_service: Service) -> None:
    wiring = changed(sqlite_service, secret_key="")
    path = wiring.settings.var_path / "secret_key"
    path.write_text("")
    assert str(path) in find(wiring, "Secret key", State.WRONG).mend
    path.write_bytes(b"\xff" * 40)
    find(changed(sqlite_service, secret_key=""), "Secret key", State.WRONG)


def test_a_key_in_a_file_beside_a_database_server(postgres_service: Service) -> None:
    wiring = changed(postgres_service, secret_key="")
    wiring.keyring  # noqa: B018  (makes the file)
    assert "all need the same" in find(wiring, "Secret key", State.HINT).detail


def test_secrets_sealed_under_another_key(service: Service) -> None:
    wiring = changed(service, secret_key="quite another key of 32 characters")
    found = find(wiring, "SSO secrets", State.WRONG)
    assert "another secret key: news" in found.detail
    assert found.mend.endswith("$ moderation site rotate-secret news")


def test_a_key_that_is_lost_is_not_made_anew(sqlite_service: Service) -> None:
    wiring = changed(sqlite_service, secret_key="")
    assert "no secret key to read them" in find(wiring, "SSO secrets", State.WRONG).detail
    assert not (wiring.settings.var_path / "secret_key").exists()


# --- Policies and models ------------------------------------------------------------------------


def test_policies_that_cannot_be_used(sqlite_service: Service, tmp_path: Path) -> None:
    shutil.copytree(sqlite_service.wiring.settings.policies_path, tmp_path / "policies")
    wiring = changed(sqlite_service, policies_dir=str(tmp_path / "policies"))
    (tmp_path / "policies" / "strict.toml").write_text('name = "strict"\npreset = "stern"\n')
    found = find(wiring, "Policies", State.WRONG)
    assert "strict.toml: preset: found 'stern'" in found.detail
    (tmp_path / "policies" / "strict.toml").unlink()
    assert "no policy named strict" in find(wiring, "Policies", State.WRONG).detail


def test_weights_of_spam_signals_that_cannot_be_used(
    sqlite_service: Service, tmp_path: Path
) -> None:
    find(sqlite_service.wiring, "Spam signals", State.OK)
    wiring = changed(sqlite_service, spam_signals_file=str(tmp_path / "signals.toml"))
    text = sqlite_service.wiring.settings.spam_signals_path.read_text("utf-8")
    (tmp_path / "signals.toml").write_text(text.replace("\nlink = ", "\nlinks = "), "utf-8")
    found = find(wiring, "Spam signals", State.WRONG)
    assert "weights.links: unknown" in found.detail
    assert "weights.link: missing" in found.detail


def test_policies_changed_at_the_desk(service: Service) -> None:
    service.make_site(policy="open")
    assert "open (its file)" in find(service.wiring, "Policies in use", State.OK).detail
    files = service.wiring.policy_files
    ada = Principal("staff:a", "Ada", frozenset(Scope))
    with service.database.write() as session:
        policies.save(session, files, files["open"], base=0, by=ada, now=service.clock())
    service.wiring.policies_in_force.look_again()
    told = find(service.wiring, "Policies in use", State.OK).detail
    assert "open (revision 1 of the desk)" in told
    with service.database.write() as session:
        session.execute(update(PolicyRevision).values(content="presets = 1", id="another"))
    service.wiring.policies_in_force.look_again()
    found = find(service.wiring, "Policies in use", State.WRONG)
    assert "open, revision 1 of the desk: presets: unknown key" in found.detail
    assert "wait for a person" in found.detail


def test_a_policy_that_is_gone_but_in_use(service: Service) -> None:
    service.make_site(site_key="sport")
    post(service)
    with service.database.write() as session:
        session.execute(update(Site).where(Site.site_key == "sport").values(policy="lenient"))
        session.execute(update(Article).values(policy="harsh", external_id="it's"))
    found = find(service.wiring, "Policies in use", State.WRONG)
    assert "site sport: lenient" in found.detail
    assert "article it's of news: harsh" in found.detail
    assert found.mend.endswith("$ moderation site set sport --policy strict")


def test_model_files_that_are_missing_or_damaged(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "COMPACT_FOLDER", tmp_path / "compact")
    monkeypatch.setattr(rules, "SPAM_FOLDER", tmp_path / "spam")
    assert "is missing" in find(sqlite_service.wiring, "Model files", State.WRONG).detail
    for name in ("compact", "spam"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights").write_text("weights")
        write_manifest(tmp_path / name, ["weights"], {"version": "1"})
    find(sqlite_service.wiring, "Model files", State.OK)
    (tmp_path / "spam" / "weights").write_text("wights")
    found = find(sqlite_service.wiring, "Model files", State.WRONG)
    assert "spam/weights is not what its manifest says" in found.detail


def test_a_registered_model_is_looked_after_as_well(sqlite_service: Service) -> None:
    wiring = changed(sqlite_service, toxicity_engine="house")
    assert "moderation models add house" in find(wiring, "Model files", State.WRONG).mend
    with registry.registering("house", wiring.settings.models_path) as folder:
        (folder / "weights").write_text("weights")
        write_manifest(folder, ["weights"], {"version": "1"})
    assert "house" in find(wiring, "Model files", State.OK).detail
    (wiring.settings.models_path / "house" / "weights").write_text("wights")
    found = find(wiring, "Model files", State.WRONG)
    assert "house/weights is not what its manifest says" in found.detail


def test_detoxify_chosen_without_its_extra(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules.importlib.util, "find_spec", lambda name: None)
    wiring = changed(sqlite_service, toxicity_engine="detoxify:/no/such/checkpoint")
    assert "moderation[detoxify]" in find(wiring, "Model files", State.WRONG).mend


def test_a_detoxify_model_that_is_still_to_be_downloaded(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("detoxify")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    wiring = changed(sqlite_service, toxicity_engine="detoxify:original")
    assert "not downloaded yet" in find(wiring, "Model", State.HINT).detail
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize("engine", ["detoxify:/no/such/checkpoint", "psychic"])
def test_an_engine_there_is_not(sqlite_service: Service, engine: str) -> None:
    settings = dataclasses.replace(sqlite_service.wiring.settings, toxicity_engine=engine)
    found = find(Wiring(settings), "Model", State.WRONG)
    assert engine.removeprefix("detoxify:") in found.detail
    assert "MODERATION_TOXICITY_ENGINE=compact" in found.mend


class SameJudge(FakeJudge):
    """Scores every text alike."""

    def __init__(self, score: float) -> None:
        super().__init__()
        self._score = score

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        return [Assessment(dict.fromkeys(LABELS, self._score), "same/1") for _ in texts]


@pytest.mark.parametrize(
    ("score", "told"),
    [(float("nan"), "no numbers from 0 to 1"), (1.5, "no numbers"), (0.5, "cannot tell an insult")],
)
def test_a_model_that_scores_nonsense(sqlite_service: Service, score: float, told: str) -> None:
    wiring = changed(sqlite_service, judge=SameJudge(score))
    assert told in find(wiring, "Model", State.WRONG).detail


# --- Contents -----------------------------------------------------------------------------------


def test_sites_that_are_missing_or_closed_to_browsers(service: Service) -> None:
    service.make_site(site_key="demo", origins=[])
    find(service.wiring, "Sites", State.OK)
    service.make_site(site_key="sport", origins=[])
    found = find(service.wiring, "Sites", State.HINT)
    assert found.detail.endswith(": sport")
    assert "site set sport --origin" in found.mend
    service.wipe()
    assert "none yet" in find(service.wiring, "Sites", State.HINT).detail


def test_an_installation_nobody_could_moderate(service: Service) -> None:
    service.wipe()
    closed = service.make_staff(role=Role.ADMIN)
    service.close_account(closed)
    find(service.wiring, "Staff", State.WRONG)
    revoked = service.make_token(Scope.DECISIONS)
    service.revoke(revoked)
    service.make_token(Scope.ADMIN, expires_at=service.clock() - timedelta(hours=1))
    service.make_token(Scope.SITES)
    find(service.wiring, "Staff", State.WRONG)
    # A program may decide in people's stead; that no person can look is worth knowing.
    service.make_token(Scope.DECISIONS)
    find(service.wiring, "Staff", State.HINT)
    service.make_staff(role=Role.MODERATOR)
    assert "nobody is an admin" in find(service.wiring, "Staff", State.HINT).detail


def test_comments_no_worker_scores(service: Service) -> None:
    post(service)
    post(service, "Another fine article.")
    find(changed(service), "Comments", State.OK)
    service.clock.advance(minutes=12, seconds=5)
    found = find(changed(service), "Comments", State.WRONG)
    assert found.detail == (
        "2 comments not scored yet, the oldest for 12 minutes: is a worker running?"
    )
    service.judge_all()
    find(changed(service), "Comments", State.OK)


def test_comments_no_model_could_score(service: Service) -> None:
    post(service, f"This one {FAILS}.")
    for _ in range(service.wiring.settings.scoring_max_attempts):
        service.judge_all()
        service.clock.advance(minutes=1)
    found = find(changed(service), "Comments", State.HINT)
    assert found.detail == "1 comment in the queue that no model could score"
    assert "scoring_failed" in found.mend


def test_counts_that_drifted(service: Service) -> None:
    comment_id = post(service)
    service.judge_all()
    with service.database.write() as session:
        session.execute(update(Comment).where(Comment.id == comment_id).values(status="approved"))
    found = find(service.wiring, "Counts", State.WRONG)
    assert "1 article of 1" in found.detail
    assert found.mend.endswith("$ moderation counts check")


def test_the_doctor_changes_nothing(service: Service) -> None:
    post(service)
    before, files = service.snapshot(), sorted(os.listdir(service.wiring.settings.var_path))
    examine(service.wiring)
    assert service.snapshot() == before
    assert sorted(os.listdir(service.wiring.settings.var_path)) == files
