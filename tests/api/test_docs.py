"""The examples of docs/api.md run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jwt
import pytest
from checked_client import CheckedClient, app_over
from factories import Service, SiteKit, Token, comment_json
from sqlalchemy import select
from werkzeug.serving import make_server

from moderation.domain.comment import Comment, Status, in_status
from moderation.domain.staff import Scope

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def examples(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


class Running(NamedTuple):
    base: str
    site: SiteKit
    token: Token
    settled: Callable[[], None]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service that listens, with a worker beside it."""
    service = Service(tmp_path / "var")
    site = service.make_site()
    token = service.make_token(Scope.QUEUE, Scope.DECISIONS, Scope.SITES)
    server = make_server("127.0.0.1", 0, app_over(service), threaded=True)
    stop = threading.Event()

    def judge() -> None:
        while not stop.wait(0.02):
            service.judge_all()

    threads = [threading.Thread(target=judge), threading.Thread(target=server.serve_forever)]
    for thread in threads:
        thread.start()

    def settled() -> None:
        """Wait until nothing is left to score."""
        pending = select(Comment.id).where(in_status(Status.PENDING))
        while True:
            with service.database.read() as session:
                if session.scalars(pending).first() is None:
                    return
            time.sleep(0.02)

    yield Running(f"http://127.0.0.1:{server.port}", site, token, settled)
    server.shutdown()
    stop.set()
    for thread in threads:
        thread.join()
    server.server_close()
    service.close()


def typed(
    blocks: list[str], environ: dict[str, str], folder: Path, settle: Callable[[], None]
) -> list[str]:
    """What one shell says to each block; after each, ``settle`` waits as whoever reads would."""
    end, said = "## done\n", []
    with subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail"],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"} | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        assert shell.stdin
        assert shell.stdout
        for block in blocks:
            shell.stdin.write(f"{block}\necho; echo -n '{end}'\n")
            shell.stdin.flush()
            answer = ""
            while not answer.endswith(end):
                line = shell.stdout.readline()
                assert line, f"the shell ended in:\n{block}\n{answer}"
                answer += line
            said.append(answer.removesuffix(end).strip())
            settle()
    return said


def test_the_tour(running: Running, tmp_path: Path) -> None:
    """Every shell example, one after the other, in one shell."""
    program("curl")
    program("jq")
    base, site, token, settled = running
    blocks = examples("sh")
    environ = {"BASE": base, "SITE_KEY": site.key, "TOKEN": token.text}
    said = typed(blocks, environ, tmp_path, settled)
    assert len(said) >= 8

    def told(place: int) -> list[dict]:
        decoder, text, found = json.JSONDecoder(), said[place], []
        while text:
            value, end = decoder.raw_decode(text)
            found.append(value)
            text = text[end:].strip()
        return found

    (
        posted,
        refused,
        shown,
        own,
        reported,
        queue,
        claimed,
        decided,
        undone,
        views,
        sanctioned,
        closed,
    ) = map(told, range(len(blocks)))
    assert posted[0]["status"] == "pending"
    # What the document shows of the refusal is what came.
    assert refused == [json.loads(examples("json")[0])]
    assert [shown[0]["items"], shown[1]["counts"]["2026/other"]] == [[], 0]
    assert own[1]["body"].startswith("I have taken this ferry for forty years")
    # Nobody has approved it yet.
    assert reported[0]["type"] == "/docs/problems#unknown_comment"
    assert queue[0]["items"][0]["id"] == posted[0]["id"]
    assert claimed[0]["claim"]["mine"] is True
    assert decided[0]["results"][0]["status"] == "approved"
    assert undone[0]["status"] == "queued"
    assert [entry["action"] for entry in undone[1:]][-2:] == ["approve", "undo"]
    assert views[0] == {"next_cursor": None, "bodies": []}
    assert views[1]["waiting"] == {"number": 1, "or_more": False}
    assert [answer["state"] for answer in sanctioned] == ["in_force", "lifted"]
    assert closed[0]["state"] == "closed"


def accepts(client: CheckedClient, site: SiteKit, token: str) -> None:
    answer = client.post(
        "/api/v1/comments",
        json=comment_json(author=None),
        headers=site.headers(Authorization=f"Bearer {token}"),
    )
    assert answer.status_code == 202, answer.text
    assert jwt.decode(token, site.sso_secret, algorithms=["HS256"])["name"] == "Zoë 🙂"


def test_the_readers_token_in_python(client: CheckedClient, site: SiteKit) -> None:
    [source] = [example for example in examples("python") if "reader_token" in example]
    names: dict = {}
    exec(source, names)
    accepts(client, site, names["reader_token"](site.sso_secret, 17, "Zoë 🙂"))


def test_the_readers_token_in_node(client: CheckedClient, site: SiteKit) -> None:
    [source] = [example for example in examples("js") if "readerToken" in example]
    call = f'console.log(readerToken("{site.sso_secret}", 17, "Zoë 🙂"))'
    done = subprocess.run(
        [program("node"), "-e", source + call], capture_output=True, text=True, check=True
    )
    accepts(client, site, done.stdout.strip())


def test_paging_in_python(running: Running) -> None:
    base, site = running.base, running.site
    [source] = [example for example in examples("python") if "next_cursor" in example]
    names: dict = {}
    exec(source, names)
    assert list(names["comments"](base, site.key, "2026/other")) == []


def test_posting_from_a_page(running: Running) -> None:
    base, site = running.base, running.site
    [source] = [example for example in examples("js") if "fetch(" in example]
    call = f"""
    const comment = {{ article_id: "a", body: "Hello.", author: {{ name: "Ada" }} }};
    (async () => {{
      const told = await post("{base}", "{site.key}", comment, "key-1");
      let problem;
      try {{ await post("{base}", "{site.key}", {{ ...comment, body: "Other." }}, "key-1"); }}
      catch (error) {{ problem = error.problem.type; }}
      console.log(told.status, problem);
    }})();
    """
    done = subprocess.run(
        [program("node"), "-e", source + call], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["pending", "/docs/problems#idempotency_mismatch"]


def test_its_links_lead_somewhere() -> None:
    for document in (DOCUMENT, DOCUMENT.with_name("problems.md")):
        for link in re.findall(r"\]\(([^)]+)\)", document.read_text()):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = document.with_name(name) if name else document
            assert target.exists(), link
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^a-z0-9_ -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert not anchor or anchor in anchors, link
