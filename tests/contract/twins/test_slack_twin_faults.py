from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_twin_kit import a_client, a_twin, always, an_app, until

from bot.sandbox.faults import FaultKind, Faults


async def test_the_first_message_over_a_methods_limit_gets_429_and_waiting_helps() -> None:
    async with a_twin() as (twin, time):
        client = a_client(twin)
        for _ in range(20):
            await client.users_list()
        with pytest.raises(SlackApiError) as refused:
            await client.users_list()

        assert refused.value.response.status_code == 429
        assert refused.value.response["error"] == "ratelimited"
        time.advance(seconds=int(refused.value.response.headers["Retry-After"]))
        assert (await client.users_list())["ok"]


async def test_a_channel_takes_a_short_burst_and_then_one_message_a_second() -> None:
    async with a_twin() as (twin, time):
        client = a_client(twin)
        for _ in range(5):
            await client.chat_postMessage(channel="#community", text="burst")
        with pytest.raises(SlackApiError, match="ratelimited"):
            await client.chat_postMessage(channel="#community", text="too many")
        await client.chat_postMessage(channel=twin.world.channel("triage").id, text="elsewhere")

        time.advance(seconds=1)
        await client.chat_postMessage(channel="#community", text="one more")

        assert len(twin.history("community")) == 6


async def test_limits_can_be_switched_off() -> None:
    async with a_twin() as (twin, _):
        twin.limits.on = False
        for _ in range(30):
            await a_client(twin).users_list()


async def test_a_timeout_before_leaves_nothing_and_a_timeout_after_leaves_the_message() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_BEFORE)
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)

        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="#community", text="before")
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="#community", text="after")

        assert [message.text for message in twin.history("community")] == ["after"]
        outcomes = [entry.outcome for entry in twin.journal.of("chat.postMessage")]
        assert outcomes == ["timeout_before", "timeout_after"]


async def test_the_clients_own_retry_doubles_a_message_whose_answer_was_lost() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin, retry_handlers=[AsyncConnectionErrorRetryHandler()])
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER)

        await client.chat_postMessage(channel="#community", text="once?")

        assert [message.text for message in twin.history("community")] == ["once?", "once?"]


async def test_a_hanging_call_ends_with_the_clients_own_timeout() -> None:
    async with a_twin() as (twin, _):
        twin.faults.fail_next("chat.postMessage", FaultKind.TIMEOUT_AFTER, hang=True)
        client = a_client(twin, timeout=0.2)  # the type says int, and aiohttp takes any number
        with pytest.raises(asyncio.TimeoutError):
            await client.chat_postMessage(channel="#community", text="slow")
        assert len(twin.history("community")) == 1


async def test_an_outage_refuses_every_call_until_it_ends() -> None:
    async with a_twin() as (twin, _):
        twin.faults.outage(True)
        with pytest.raises(SlackApiError) as refused:
            await a_client(twin).auth_test()
        assert refused.value.response.status_code == 503
        twin.faults.outage(False)
        assert (await a_client(twin).auth_test())["ok"]


async def test_faults_of_429_and_of_a_broken_body_look_as_real_ones() -> None:
    async with a_twin() as (twin, _):
        client = a_client(twin)
        twin.faults.fail_next("auth.test", FaultKind.RATE_LIMITED, retry_after=timedelta(seconds=17))
        twin.faults.fail_next("auth.test", FaultKind.MALFORMED_BODY)
        with pytest.raises(SlackApiError) as refused:
            await client.auth_test()
        assert refused.value.response.headers["Retry-After"] == "17"
        with pytest.raises(SlackApiError, match="response body"):
            await client.auth_test()


async def test_a_delayed_call_is_done_and_answered_late() -> None:
    async with a_twin() as (twin, _):
        twin.faults.fail_next("auth.test", FaultKind.DELAY, delay=timedelta(milliseconds=20))
        assert (await a_client(twin).auth_test())["ok"]
        assert twin.journal.entries[-1].outcome == "ok"


def test_a_star_means_calls_and_deliveries_are_named() -> None:
    faults = Faults(random.Random(1))  # noqa: S311 - a fixed seed is wanted
    faults.fail_next("*", FaultKind.SERVER_ERROR, times=None)
    assert faults.draw("deliver:message") is None
    assert faults.draw("chat.postMessage") is not None
    faults.clear()
    faults.fail_next("deliver:*", FaultKind.DROP)
    assert faults.draw("chat.postMessage") is None
    assert faults.draw("deliver:message") is not None
    assert faults.draw("deliver:message") is None


def test_a_rule_skips_counts_and_can_be_removed() -> None:
    faults = Faults(random.Random(1))  # noqa: S311 - a fixed seed is wanted
    faults.fail_next("chat.*", FaultKind.SERVER_ERROR, skip=1, times=2)
    assert [faults.draw("chat.update") is not None for _ in range(4)] == [False, True, True, False]
    rule = faults.fail_next("chat.*", FaultKind.SERVER_ERROR, times=None)
    faults.remove(rule)
    assert faults.draw("chat.update") is None


def test_chance_is_the_same_for_the_same_seed() -> None:
    drawn = []
    for _ in range(2):
        faults = Faults(random.Random(5))  # noqa: S311 - a fixed seed is wanted
        faults.fail_next("*", FaultKind.SERVER_ERROR, times=None, chance=0.5)
        drawn.append([faults.draw("auth.test") is not None for _ in range(40)])
    assert drawn[0] == drawn[1]
    assert 5 < sum(drawn[0]) < 35


async def test_a_background_task_looks_for_due_retries() -> None:
    async with an_app(always(500)) as app, a_twin() as (twin, time):
        await twin.stop()
        await twin.start(tick_every=timedelta(milliseconds=10))
        await twin.subscribe(app.url)
        await twin.say("mia", "community", "anybody?")
        await twin.settled()
        time.advance(minutes=1)
        await until(lambda: len(app.received) == 3)
