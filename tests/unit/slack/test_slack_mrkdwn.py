import pytest

from handlers.slack.mrkdwn import harmless, plain_text, without_mention


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("a &lt;b&gt; &amp;&amp; c &amp;lt;", "a <b> && c &lt;"),
        ("see <https://a.example/x|the manual>", "see the manual (https://a.example/x)"),
        ("see <http://a.example|a.example>", "see a.example"),
        ("see <https://a.example/x>", "see https://a.example/x"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("ask <@U12AB>", "ask @U12AB"),
        ("ask <@U12AB|jo>", "ask @U12AB"),
        ("in <#C1|help> or <#C2>", "in #help or #C2"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@ops> <!subteam^S2>", "@ops @S2"),
        ("<!date^1392734382^{date}|18 Feb 2014>", "18 Feb 2014"),
        ("a\0b\ud800c", "ab?c"),
        ("1 < 2 > 0", "1 < 2 > 0"),
    ],
)
def test_slacks_format_reads_as_plain_text(raw: str, plain: str) -> None:
    assert plain_text(raw) == plain


@pytest.mark.parametrize(
    ("raw", "rest"),
    [
        ("<@UBOT> hello", "hello"),
        ("  <@UBOT>: hello", "hello"),
        ("<@UBOT|bot>, hello", "hello"),
        ("hello <@UBOT> there <@U2>", "hello there <@U2>"),
        ("<@UBOT>", ""),
        ("<@UBOTTOM> hello", "<@UBOTTOM> hello"),
    ],
)
def test_our_mention_is_taken_out(raw: str, rest: str) -> None:
    assert without_mention(raw, "UBOT") == rest


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("<!here> look", "@\u200bhere look"),
        ("<!channel|all>", "@\u200bchannel"),
        ("@everyone", "@\u200beveryone"),
        ("ask <@U1> or <@U2|jo>", "ask @U1 or @U2"),
        ("<!subteam^S1|@ops>", "@ops"),
        ("<!<!here>here>", "<\u200b!@herehere>"),
        ("<@<@U1>U1>", "<\u200b@@U1U1>"),
        ("List<String> x = a < b", "List<String> x = a < b"),
        ("<https://a.example>", "<https://a.example>"),
        ("<!-- comment -->", "<\u200b!-- comment -->"),
    ],
)
def test_nobodys_words_can_notify_anybody(written: str, sent: str) -> None:
    assert harmless(written) == sent
