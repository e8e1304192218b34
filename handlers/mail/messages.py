"""Escalations as mail. Pure."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP

from bot.core.alerts import SendAlert
from bot.core.replies import METRICS, alert_summary, ticket_label


def render_mail(effect: SendAlert, *, sender: str, recipient: str, key: str, now: datetime) -> EmailMessage:
    """Plain text. The subject line has no words of a customer, and mails about one clock are one thread."""
    mail = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    mail["From"] = f"Deskbell <{sender}>"
    mail["To"] = recipient
    what = METRICS[effect.metric].lower()
    mail["Subject"] = f"[Deskbell] {ticket_label(effect.ticket)} {effect.priority.value}: {what} runs out"
    mail["Date"] = now
    # The same at every try, so that a server which looks at it keeps one.
    mail["Message-ID"] = f"<{key}@{domain}>"
    mail["References"] = f"<{effect.key}@{domain}>"
    mail["In-Reply-To"] = f"<{effect.key}@{domain}>"
    # https://www.rfc-editor.org/rfc/rfc3834#section-5 - nobody's program answers this
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(_body(effect), charset="utf-8")
    return mail


def _body(effect: SendAlert) -> str:
    lines = [alert_summary(effect), ""]
    if effect.round:
        lines += [f"This is reminder {effect.round}.", ""]
    if effect.link:
        lines += [effect.link, ""]
    lines += ["Acknowledge it where your team reads escalations; a reply to this mail is read by nobody."]
    return "\n".join(lines) + "\n"
