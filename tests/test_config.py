from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duologue import config
from duologue.core.model import Policy
from duologue.node import anonymous
from duologue.settings import Settings, SettingsError, settings_from
from duologue.stores.sqlite import SqliteStore

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
SECRET = "a secret that is long enough to be one"


def test_every_setting_of_the_engine_becomes_one_of_its_options() -> None:
    names = {field.name for field in dataclasses.fields(Settings)}
    options = {field.name for field in dataclasses.fields(config.engine_options(Settings()))}
    assert options - {name.removesuffix("_seconds") for name in names} == {"path", "close_timeout"}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("connect_timeout_seconds", lambda s: config.engine_options(s).connect_timeout),
        ("upgrade_timeout_seconds", lambda s: config.engine_options(s).upgrade_timeout),
        ("attachment_timeout_seconds", lambda s: config.engine_options(s).attachment_timeout),
        ("header_timeout_seconds", lambda s: config.engine_options(s).header_timeout),
        ("request_timeout_seconds", lambda s: config.engine_options(s).request_timeout),
        ("max_queue_bytes", lambda s: config.engine_options(s).max_queue_bytes),
        ("max_sessions", lambda s: config.engine_options(s).max_sessions),
        ("max_sessions_per_address", lambda s: config.engine_options(s).max_sessions_per_address),
        ("max_fragments", lambda s: config.engine_options(s).max_fragments),
        ("max_attachments", lambda s: config.engine_options(s).max_attachments),
        ("max_json_depth", lambda s: config.engine_options(s).max_json_depth),
        ("max_payload_packets", lambda s: config.engine_options(s).max_payload_packets),
        ("max_header_bytes", lambda s: config.engine_options(s).max_header_bytes),
        ("max_http_buffer_size", lambda s: config.engine_options(s).max_http_buffer_size),
        ("ping_interval", lambda s: config.engine_options(s).ping_interval),
        ("ping_timeout", lambda s: config.engine_options(s).ping_timeout),
        ("request_ttl_seconds", lambda s: config.terms(s).request_ttl),
        ("decline_cooldown_seconds", lambda s: config.terms(s).decline_cooldown),
        ("max_requests_sent", lambda s: config.terms(s).max_requests_sent),
        ("max_requests_received", lambda s: config.terms(s).max_requests_received),
        ("max_links_per_client", lambda s: config.terms(s).max_links),
        ("max_blocks_per_client", lambda s: config.terms(s).max_blocks),
        ("queue_max", lambda s: config.terms(s).queue_max),
        ("identity_ttl_seconds", lambda s: config.terms(s).identity_ttl),
        ("resume_overlap_seconds", lambda s: config.terms(s).resume_overlap),
        ("invite_ttl_seconds", lambda s: config.terms(s).invite_ttl),
        ("max_invites_per_client", lambda s: config.terms(s).max_invites),
        ("messages_per_minute", lambda s: config.limits(s).messages_per_minute),
        ("stranger_messages_per_minute", lambda s: config.limits(s).stranger_messages_per_minute),
        ("requests_per_minute", lambda s: config.limits(s).requests_per_minute),
        (
            "identities_per_hour_per_address",
            lambda s: config.limits(s).identities_per_hour_per_address,
        ),
        ("max_sessions_per_client", lambda s: config.limits(s).max_sessions_per_client),
        ("takeover_timeout_seconds", lambda s: config.limits(s).takeover_timeout),
        ("max_waiting_messages", lambda s: config.limits(s).max_waiting_messages),
        ("max_http_buffer_size", lambda s: config.limits(s).max_content_bytes),
        ("max_attachments", lambda s: config.limits(s).max_attachments),
        ("max_json_depth", lambda s: config.limits(s).max_json_depth),
    ],
)
def test_a_setting_arrives_where_it_is_meant_to(name: str, made: Any) -> None:
    value = min(12_345, FIELDS[name].metadata["most"])
    assert made(settings_from({name: value})) == value


@pytest.mark.parametrize("made", [config.engine_options, config.terms, config.limits])
def test_no_number_is_left_at_its_default(made: Callable[[Settings], Any]) -> None:
    numbers = {
        field.name: min(12_345, field.metadata["most"])
        for field in FIELDS.values()
        if field.metadata["least"] is not None
    }
    before, after = made(Settings()), made(settings_from(numbers))
    left = [
        name
        for name in before.__annotations__
        if isinstance(value := getattr(before, name), int | float)
        and not isinstance(value, bool)
        and getattr(after, name) == value
    ]
    # The engine's own, which no setting has
    assert set(left) <= {"close_timeout"}


def test_the_times_and_numbers_of_a_store_arrive_there(tmp_path: Path) -> None:
    settings = Settings(
        store=f"sqlite:///{tmp_path / 'store'}", history_ttl_seconds=0.0, history_max=12
    )
    store = config.open_store(settings)
    try:
        assert isinstance(store, SqliteStore)
        assert (store.keeps_delivered, store._history_max) == (False, 12)
    finally:
        store.close()


def test_a_key_for_tokens_that_nobody_would_ask_for_is_refused() -> None:
    settings = Settings(store="memory:", auth_secret=SECRET)
    with pytest.raises(SettingsError, match="auth_secret is of no use beside identify"):
        config.build_node(settings, anonymous)


def test_it_is_said_that_the_policy_open_asks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(store="memory:", policy="open")
    config.build_node(settings, authorize=lambda asker, target: False).close()
    assert "authorize_request" in caplog.text


def test_the_policy_arrives_in_the_rules() -> None:
    assert config.terms(Settings(policy="open")).policy is Policy.OPEN
