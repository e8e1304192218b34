from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.commands.demo_serving import Demo

if TYPE_CHECKING:
    from playwright.async_api import Page

HIT = "window.hit=1"
PAYLOADS = (
    f"<script>{HIT}</script>",
    f"<ScRiPt>{HIT}</sCrIpT>",
    f"<script src=data:,{HIT}></script>",
    f"</textarea><script>{HIT}</script>",
    f"</title><script>{HIT}</script>",
    f'"><script>{HIT}</script>',
    f"'><script>{HIT}</script>",
    f"<<script>{HIT}//<</script>",
    f"<scr<script>ipt>{HIT}</scr</script>ipt>",
    f"<img src=x onerror={HIT}>",
    f'" onerror="{HIT}" x="',
    f"<img src=x onerror='{HIT}'//",
    f"<image href=x onerror={HIT}>",
    f"<svg onload={HIT}>",
    f"<svg/onload={HIT}//",
    f"<svg><script>{HIT}</script></svg>",
    f"<svg><animate onbegin={HIT} attributeName=x dur=1s>",
    f"<body onload={HIT}>",
    f"<details open ontoggle={HIT}>x</details>",
    f"<input autofocus onfocus={HIT}>",
    f"<select autofocus onfocus={HIT}>",
    f"<video><source onerror={HIT}></video>",
    f"<audio src=x onerror={HIT}>",
    f"<iframe src=javascript:{HIT}>",
    f"<iframe srcdoc='<script>parent.{HIT}</script>'>",
    f"<object data=javascript:{HIT}>",
    f"<embed src=javascript:{HIT}>",
    f"<math><mi xlink:href=javascript:{HIT}>x",
    f"<form action=javascript:{HIT}><button>x",
    f"<a href=javascript:{HIT}>x</a>",
    f"[x](javascript:{HIT})",
    f"[x](JaVaScRiPt:{HIT})",
    f"[x](data:text/html,<script>{HIT}</script>)",
    f"![x](x onerror={HIT})",
    f'[x](https://a.example/"onmouseover={HIT})',
    f"https://a.example/'\"><img src=x onerror={HIT}>",
    f"`<img src=x onerror={HIT}>`",
    f"```\n</code></pre><script>{HIT}</script>\n```",
    f"> <img src=x onerror={HIT}>",
    f"*<b onmouseover={HIT}>x</b>*",
    f"&lt;img src=x onerror={HIT}&gt;",
    f"\ue0000\ue001<img src=x onerror={HIT}>",
    f"<style>@import 'javascript:{HIT}'</style>",
    f"<base href=javascript:{HIT}//>",
    f"<meta http-equiv=refresh content='0;url=javascript:{HIT}'>",
    f"<!--><img src=x onerror={HIT}>-->",
    f"{{{{ ''.__class__ }}}}<img src=x onerror={HIT}>",
)
# Whatever a payload became: a handler, a scheme that runs, an element nobody put there.
PLANTED = """() => [...document.querySelectorAll('main *, title, #notice')].flatMap((one) => [
  ...['IFRAME', 'OBJECT', 'EMBED', 'SCRIPT', 'STYLE', 'BASE', 'META', 'VIDEO', 'AUDIO', 'SVG'].filter(
    (name) => one.tagName.toUpperCase() === name),
  ...[...one.attributes].filter(({ name, value }) =>
    name.startsWith('on') || /^\\s*(javascript|data|vbscript):/i.test(value)
  ).map(({ name, value }) => name + value),
])"""


async def _is_harmless(page: Page) -> None:
    assert await page.evaluate("window.hit") is None
    assert await page.evaluate(PLANTED) == []


@pytest.mark.slow
async def test_what_people_write_is_only_ever_shown(page: Page, demo: Demo) -> None:
    sandbox = demo.sandbox
    # The first makes the ticket's subject; each of the others is a message and a comment.
    first = await sandbox.slack.say("carol", "acme-support", f"Production is down! {PAYLOADS[9]}")
    await sandbox.settle()
    (replica,) = sandbox.zendesk.tickets()
    assert "onerror" in str(replica.subject)
    for payload in PAYLOADS:
        await sandbox.slack.say("carol", "acme-support", payload, first)
        sandbox.zendesk.agent_reply(replica.id, sandbox.agent, payload)
    await sandbox.settle()

    home = demo.world.personas[0].home
    for place in (
        "",
        f"?as=customer&channel={home}&thread={first}",
        f"?as=agent&channel={home}&thread={first}",
    ):
        await page.goto(demo.url + place)
        await _is_harmless(page)
    # The same once more by way of patching, where a tree that was parsed is put into the page.
    await page.click("#be-customer")
    await page.locator(".stream .message").filter(has_text="</code></pre>").first.wait_for()
    await _is_harmless(page)
    shown = await page.inner_text(".stream")
    assert PAYLOADS[0] in shown
    assert PAYLOADS[9] in await page.inner_text(".desk")


async def test_every_payload_as_a_subject_is_only_ever_shown(page: Page, demo: Demo) -> None:
    for payload in PAYLOADS:
        await demo.sandbox.slack.say("carol", "acme-support", f"{payload} production is down")
    await page.locator(".tickets a").nth(len(PAYLOADS) // 2).wait_for()
    await _is_harmless(page)


async def test_every_answer_forbids_scripts_from_elsewhere(demo: Demo) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("", "static/sandbox.js", "article/none.md", "nowhere"):
            async with session.get(demo.url + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "script-src 'self';" in policy
                assert "unsafe" not in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_post_of_another_site_or_name_is_refused(demo: Demo, headers: dict[str, str]) -> None:
    form = {"as": "customer", "text": "I was never asked"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(demo.url + "say", data=form, headers=headers) as response,
    ):
        assert response.status == 403
    assert demo.sandbox.slack.history("acme-support") == []


async def test_a_post_of_the_page_itself_is_taken(demo: Demo) -> None:
    port = urlsplit(demo.url).port
    headers = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    form = {"as": "customer", "text": "hello"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(demo.url + "say", data=form, headers=headers, allow_redirects=False) as response,
    ):
        assert response.status == 303
    assert len(demo.sandbox.slack.history("acme-support")) == 1
