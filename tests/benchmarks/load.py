"""A small closed-loop HTTP load generator, in a process of its own.

Each connection stays open and sends its next request when the last answer is in, as a pool of
clients would. Requests are bytes made beforehand, and an answer is looked at only for its status
and its length: one core of it drives well over ten thousand requests a second, several times
what either server it measures can answer.
"""

from __future__ import annotations

import json
import multiprocessing
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from statistics import median

CONNECTIONS = 16
ANSWER_TIMEOUT_S = 30.0


class LoadError(RuntimeError):
    """The server did not answer as it should; a rate of errors is no measurement."""


@dataclass(frozen=True)
class Load:
    """What one run of the generator saw."""

    answers: int
    elapsed_s: float
    median_ms: float
    p95_ms: float
    generator_cpu_share: float
    """Part of one core that the generator used: near 1, it measures itself."""

    @property
    def per_second(self) -> float:
        return self.answers / self.elapsed_s


def request(
    method: str, target: str, headers: Mapping[str, str] | None = None, body: object = None
) -> bytes:
    """One HTTP/1.1 request as it goes over the wire; a body is sent as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def drive(
    port: int,
    requests: Sequence[bytes],
    expected_status: int,
    duration_s: float,
    connections: int = CONNECTIONS,
) -> Load:
    """Send the requests in turn, over and over, from another process.

    Args:
        port: of 127.0.0.1.
        requests: whole requests, as `request` makes them.
        expected_status: what each answer must have.
        connections: how many requests are on their way at any moment.

    Raises:
        LoadError: an answer had another status, or none came.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        return pool.submit(
            _drive_here, port, requests, expected_status, duration_s, connections
        ).result()


def _drive_here(
    port: int,
    requests: Sequence[bytes],
    expected_status: int,
    duration_s: float,
    connections: int,
) -> Load:
    todo = cycle(requests)
    selector = selectors.DefaultSelector()
    clients = [_Client(port, todo) for _ in range(connections)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)

    statuses: Counter[int] = Counter()
    waits_s: list[float] = []
    started, cpu_started = time.perf_counter(), time.process_time()
    for client in clients:
        client.send_next()
    now = started
    while now - started < duration_s:
        ready = selector.select(ANSWER_TIMEOUT_S)
        if not ready:
            raise LoadError(f"no answer within {ANSWER_TIMEOUT_S:.0f} s")
        for key, _ in ready:
            client: _Client = key.data
            if (status := client.receive()) is None:
                continue
            now = time.perf_counter()
            waits_s.append(now - client.sent_at)
            statuses[status] += 1
            if status != expected_status:
                raise LoadError(f"expected {expected_status}, got {client.last_answer[:500]!r}")
            if client.closed:
                selector.unregister(client.socket)
                client.reconnect()
                selector.register(client.socket, selectors.EVENT_READ, client)
            client.send_next()
    elapsed_s = time.perf_counter() - started
    cpu_s = time.process_time() - cpu_started
    waits_s.sort()
    return Load(
        answers=len(waits_s),
        elapsed_s=elapsed_s,
        median_ms=1000 * median(waits_s),
        p95_ms=1000 * waits_s[int(0.95 * (len(waits_s) - 1))],
        generator_cpu_share=cpu_s / elapsed_s,
    )


class _Client:
    """One connection, with at most one request on its way."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.port, self.requests = port, requests
        self.last_answer = b""
        self.reconnect()

    def reconnect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closed = False

    def send_next(self) -> None:
        self.buffer = b""
        self.missing = -1
        self.sent_at = time.perf_counter()
        self.socket.sendall(next(self.requests))

    def receive(self) -> int | None:
        """Take what has come; the status once the answer is whole."""
        data = self.socket.recv(262_144)
        if not data:
            raise LoadError(f"the server hung up after {self.buffer[:200]!r}")
        self.buffer += data
        self._acknowledge_now()
        if self.missing < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            head = self.buffer[:end].lower()
            self.closed = b"\r\nconnection: close" in head
            self.missing = end + 4 + _content_length(head)
        if len(self.buffer) < self.missing:
            return None
        self.last_answer = self.buffer
        return int(self.buffer[9:12])

    def _acknowledge_now(self) -> None:
        """Do not let the kernel hold back its acknowledgement.

        A server that writes head and body apart would wait 40 ms for it (Nagle's algorithm
        meeting delayed acknowledgement), and the benchmark would measure that.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _content_length(head: bytes) -> int:
    if head[9:12] in (b"204", b"304"):
        return 0
    start = head.find(b"\r\ncontent-length:")
    if start < 0:
        raise LoadError(f"an answer without its length: {head[:300]!r}")
    return int(head[start + 17 :].split(b"\r\n", 1)[0])
