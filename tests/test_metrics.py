"""What an operator is told, as Prometheus reads it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from duologue import config
from duologue.metrics import Metrics
from duologue.settings import Settings
from tests.support.clients import Python
from tests.support.process import Serve, ServerProcess
from tests.support.raw import Polls


def metrics_url(server: ServerProcess) -> str:
    deadline = time.monotonic() + 10
    while (found := re.search(r"metrics at (\S+)", server.log)) is None:  # it is being read
        assert time.monotonic() < deadline, server.log
        time.sleep(0.01)
    return found[1]


class Scrape:
    """One look at a server's numbers."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))

    def labels(self) -> set[str]:
        return {value for _, labels in self.samples for _, value in labels}


def scrape(server: ServerProcess) -> Scrape:
    return Scrape(httpx.get(metrics_url(server)).raise_for_status().text)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One for all tests for which it does not matter what others did."""
    server = ServerProcess("duologue", "serve", "--port", "0", "--metrics-port", "0")
    yield server
    server.stop()


@pytest.fixture
def own_server(serve: Serve) -> ServerProcess:
    return serve("--metrics-port", "0")


@pytest.fixture
def pair(server: ServerProcess) -> Iterator[tuple[Python, Python]]:
    yield from linked(server)


@pytest.fixture
def own_pair(own_server: ServerProcess) -> Iterator[tuple[Python, Python]]:
    yield from linked(own_server)


def linked(server: ServerProcess) -> Iterator[tuple[Python, Python]]:
    """Two clients that are linked, one by WebSocket and one that polls."""
    ann = Python(server.url, "websocket")
    ben = Python(server.url, "polling")
    ann.call("link_request", targetClientId=ben.id)
    ben.call("link_accept", targetClientId=ann.id)
    yield ann, ben
    ann.close()
    ben.close()


def test_sessions_are_counted_by_transport(
    own_server: ServerProcess, own_pair: tuple[Python, Python]
) -> None:
    seen = scrape(own_server)
    assert (
        seen("duologue_sessions", transport="websocket"),
        seen("duologue_sessions", transport="polling"),
        seen("duologue_clients_online"),
    ) == (1, 1, 2)


def test_messages_are_counted_by_the_answer_to_their_sender(
    own_server: ServerProcess, own_pair: tuple[Python, Python]
) -> None:
    ann, ben = own_pair
    kept = Python(own_server.url, "websocket", {"keep": True})
    ann.call("link_request", targetClientId=kept.id)
    kept.call("link_accept", targetClientId=ann.id)
    for _ in range(3):
        ann.call("message", targetClientId=ben.id, message="hello")
    id = "00000000-0000-4000-8000-000000000000"
    for _ in range(2):
        ann.call("message", targetClientId=ben.id, message="again", id=id)
    kept.close()
    while ann.hears("presence")["online"]:
        pass
    ann.call("message", targetClientId=kept.id, message="away")
    seen = scrape(own_server)
    assert seen("duologue_messages_total", status="delivered") == 4
    assert seen("duologue_messages_total", status="repeated") == 1
    assert seen("duologue_messages_total", status="stored") == 1


def test_links_are_counted_once_and_not_for_each_side(
    own_server: ServerProcess, own_pair: tuple[Python, Python]
) -> None:
    ann, ben = own_pair
    ann.call("link_close", targetClientId=ben.id)
    ann.call("link_request", targetClientId=ben.id)
    ann.call("link_request", targetClientId=ben.id)
    ben.call("link_decline", targetClientId=ann.id)
    seen = scrape(own_server)
    events = ("requested", "established", "declined", "cancelled", "expired", "closed")
    counted = [seen("duologue_link_events_total", event=event) for event in events]
    assert counted == [2, 1, 1, 0, 0, 1]


def test_a_request_that_expires_is_counted_once(serve: Serve) -> None:
    server = serve("--metrics-port", "0", "--request-ttl-seconds", "0.1")
    ann, ben = Python(server.url, "websocket"), Python(server.url, "websocket")
    ann.call("link_request", targetClientId=ben.id)
    ann.hears("link_expired")
    counted = scrape(server)("duologue_link_events_total", event="expired")
    ann.close()
    ben.close()
    assert counted == 1


def test_what_the_store_keeps_is_said(
    own_server: ServerProcess, own_pair: tuple[Python, Python]
) -> None:
    seen = scrape(own_server)
    kept = [seen(f"duologue_store_{kind}") for kind in ("clients", "links", "requests", "up")]
    assert kept == [2, 1, 0, 1]


def test_refusals_are_counted_by_event_and_code(
    own_server: ServerProcess, own_pair: tuple[Python, Python]
) -> None:
    ann, ben = own_pair
    ben.call("link_close", targetClientId=ann.id)
    ann.call("message", targetClientId=ben.id, message="hello")
    seen = scrape(own_server)
    assert seen("duologue_refusals_total", event="message", code="not_linked") == 1


def test_an_event_that_a_client_makes_up_is_no_label(
    server: ServerProcess, pair: tuple[Python, Python]
) -> None:
    pair[0].call("made_up", targetClientId=pair[1].id)
    seen = scrape(server)
    assert seen("duologue_refusals_total", event="unknown", code="invalid") == 1
    assert "made_up" not in seen.labels()


def test_no_id_is_a_label(server: ServerProcess, pair: tuple[Python, Python]) -> None:
    ann, ben = pair
    ann.call("message", targetClientId=ben.id, message="hello")
    longest = max(scrape(server).labels() - {"duologue"}, key=len)
    assert len(longest) < len(ann.id)


def test_bytes_are_counted_by_transport(server: ServerProcess, pair: tuple[Python, Python]) -> None:
    before = scrape(server)
    text = "x" * 10_000
    pair[0].call("message", targetClientId=pair[1].id, message=text)
    pair[1].hears("message")
    after = scrape(server)

    def grown(name: str, transport: str) -> float:
        old, new = (each(name, transport=transport) for each in (before, after))
        assert old is not None
        assert new is not None
        return new - old

    assert grown("duologue_received_bytes_total", "websocket") >= 10_000
    assert grown("duologue_sent_bytes_total", "polling") >= 10_000
    assert grown("duologue_sent_bytes_total", "websocket") < 10_000


def test_what_waits_for_a_client_is_measured(own_server: ServerProcess) -> None:
    with Polls(own_server.url) as polls:
        polls.open()
        polls.post("40")
        while not (waiting := scrape(own_server)("duologue_queue_bytes")):
            pass  # its identity is being kept
        largest = scrape(own_server)("duologue_queue_max_bytes")
        polls.post("1")  # or its server would wait for it to read
    assert largest is not None
    assert largest >= waiting > 0


def test_commits_are_timed(server: ServerProcess, pair: tuple[Python, Python]) -> None:
    pair[0].call("message", targetClientId=pair[1].id, message="hello")
    seen = scrape(server)
    batches = seen("duologue_commit_seconds_count")
    assert batches
    assert seen("duologue_commit_seconds_bucket", le="+Inf") == batches
    assert seen("duologue_commit_jobs_count") == batches
    assert seen("duologue_commit_jobs_sum") >= batches  # type: ignore[operator]


def test_a_request_to_the_engine_that_is_refused_is_counted(server: ServerProcess) -> None:
    httpx.get(f"{server.url}/socket.io/?EIO=3&transport=polling")
    assert scrape(server)("duologue_handshakes_refused_total", status="400") == 1


def test_why_a_session_ended_is_counted(own_server: ServerProcess) -> None:
    Python(own_server.url, "websocket").close()
    reasons = [
        sum(value for (name, _), value in scrape(own_server).samples.items() if name == wanted)
        for wanted in ("duologue_sessions_ended_total", "duologue_sessions_opened_total")
    ]
    assert reasons == [1, 1]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_clients_cannot_see_the_numbers(server: ServerProcess, path: str) -> None:
    assert httpx.get(server.url + path).status_code == 404


def test_without_a_port_there_are_no_numbers(serve: Serve) -> None:
    server = serve()
    server.stop()
    assert "metrics" not in server.log


def test_the_metrics_port_serves_no_clients(server: ServerProcess) -> None:
    url = metrics_url(server).replace("/metrics", "/socket.io/?EIO=4&transport=polling")
    assert httpx.get(url).status_code == 404


def test_the_numbers_are_served_at_an_address_of_their_own(serve: Serve) -> None:
    url = metrics_url(serve("--metrics-port", "0", "--metrics-host", "127.0.0.2"))
    assert (url.startswith("http://127.0.0.2:"), httpx.get(url).status_code) == (True, 200)


def test_a_server_that_is_told_to_stop_ends_with_its_metrics(own_server: ServerProcess) -> None:
    with httpx.Client() as client:
        client.get(metrics_url(own_server))  # kept alive, as Prometheus does
        assert own_server.stop() == 0


def test_open_metrics_are_given_to_those_who_ask(server: ServerProcess) -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = httpx.get(metrics_url(server), headers=accept)
    families = open_metrics_families(answer.text)  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert {"duologue_messages", "duologue_sessions", "process_cpu_seconds"} <= names


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=abc",
        'application/openmetrics-text; version=99.0; escaping="',
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.2",
    ],
)
def test_what_is_asked_of_open_metrics_beyond_their_name_does_not_matter(
    server: ServerProcess, accept: str
) -> None:
    answer = httpx.get(metrics_url(server), headers={"accept": accept})
    expected = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert (answer.status_code, answer.headers["content-type"]) == (200, expected)


def test_two_nodes_in_one_process_have_numbers_of_their_own() -> None:
    services = [config.build(Settings(store="memory:")) for _ in range(2)]
    first, second = (Metrics(service.node, service.engine) for service in services)
    services[0].node.counts.delivered += 1
    name, labels = "duologue_messages_total", {"status": "delivered"}
    values = [each.registry.get_sample_value(name, labels) for each in (first, second)]
    for service in services:
        service.node.close()
    assert values == [1, 0]
