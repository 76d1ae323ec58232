"""The servers and guards that other tests lean on do what they promise."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis
import servers
from kombu import Connection, Queue

TESTS = Path(__file__).parent


def test_each_postgres_database_is_empty_and_goes_again(postgres_server: servers.Postgres) -> None:
    template = postgres_server.create_database()
    with psycopg.connect(template) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    copy, empty = postgres_server.create_database(template), postgres_server.create_database()

    def tables(url: str) -> list[tuple[str]]:
        with psycopg.connect(url) as connection:
            return connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()

    assert tables(copy) == [("kept",)]
    assert tables(empty) == []
    for url in (template, copy, empty):
        postgres_server.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        tables(copy)


def test_postgres_is_reachable_from_another_process(postgres_url: str) -> None:
    program = "import psycopg, sys; psycopg.connect(sys.argv[1]).execute('CREATE TABLE t ()')"
    subprocess.run([sys.executable, "-c", program, postgres_url], check=True)


def test_each_redis_database_is_empty_and_goes_again(redis_server: servers.Redis) -> None:
    first, second = redis_server.create_database(), redis_server.create_database()
    redis.Redis.from_url(first).set("key", "value")
    assert redis.Redis.from_url(second).dbsize() == 0
    redis_server.drop_database(first)
    assert redis.Redis.from_url(first).dbsize() == 0


def test_a_borrowed_redis_that_holds_keys_is_left_alone(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.set("somebody's", "key")
    with (
        servers.redis_server(redis_url) as borrowed,
        pytest.raises(RuntimeError, match="is not empty"),
    ):
        borrowed.create_database()
    assert client.get("somebody's") == b"key"


def test_servers_leave_nothing_behind_when_the_block_fails() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import servers
with servers.redis_server() as redis, servers.postgres() as postgres:
    print(redis.url, postgres.admin_url, flush=True)
    raise SystemExit("failed inside")
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to run as somebody else
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        assert list(Path(folder).iterdir()) == []
    assert "failed inside" in done.stderr
    redis_url, postgres_url = done.stdout.split()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(redis_url).ping()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres_url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_postgres_starts_for_an_ordinary_user_too() -> None:
    program = f"""
import os, pwd, sys
sys.path.insert(0, {str(TESTS)!r})
import servers
os.setgid(pwd.getpwnam("nobody").pw_gid)
os.setuid(pwd.getpwnam("nobody").pw_uid)
with servers.postgres() as postgres:
    print(postgres.create_database())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stdout.startswith("postgresql://"), done.stderr


def test_amqp_queues_are_new_and_nobody_elses(amqp_url: str) -> None:
    name = "moderation.test_servers"
    with servers.rabbitmq(amqp_url, [name]), Connection(amqp_url) as connection:
        channel = connection.default_channel
        Queue(name, channel=channel).queue_declare()
        channel.basic_consume(name, callback=print)
        with (
            pytest.raises(RuntimeError, match=f"{name} is in use"),
            servers.rabbitmq(amqp_url, [name]),
        ):
            pass
    with Connection(amqp_url) as connection, pytest.raises(connection.channel_errors):
        Queue(name, channel=connection.default_channel).queue_declare(passive=True)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "http://[2001:db8::1]/", "http://news.test/"])
def test_no_test_leaves_this_machine(url: str) -> None:
    with pytest.raises(RuntimeError, match=r"tests (stay on|ask no)"):
        urllib.request.urlopen(url, timeout=5)


def test_not_even_by_datagram() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        pytest.raises(RuntimeError, match="tests stay on this machine"),
    ):
        sender.sendto(b"?", ("192.0.2.1", 53))
