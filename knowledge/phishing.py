"""Sentences in articles that ask people for their secrets: whoever wrote them, nobody repeats them."""

from __future__ import annotations

import re

from knowledge.addresses import visible

_WHAT = (
    r"(?:pass(?:word|phrase|code)s?|credentials|log-?in\s+(?:data|details)|(?:api|access|private|secret|ssh|signing)[\s-]?keys?"
    r"|(?:\w+[\s-])?tokens?|secrets?|(?:recovery|seed)\s+(?:codes?|phrases?|words)|(?:one[\s-]time|verification|2fa|mfa|otp"
    r"|security|authenticator|sms|login)\s+codes?|credit\s+cards?(?:\s+(?:numbers?|details))?|card\s+numbers?|cvv|pin"
    r"|senhas?|credenciais|chaves?\s+(?:de\s+(?:api|acesso)|da\s+api|privadas?|secretas?)"
    r"|códigos?\s+(?:de\s+(?:verificação|segurança|recuperação)|sms)|(?:número|dados)\s+do\s+cartão|cartão\s+de\s+crédito)\b"
)
_PORTUGUESE = (
    r"(?:envi|mand|encaminh|pass|inform|digit|compartilh|confirm)(?:e|em|ar)"
    r"|escrev(?:a|er)|forne[çc](?:a|er)|diga"
)
_GIVE = (
    r"\b(?:send|e-?mail|mail|give|tell|text|forward|share|submit|provide|hand|message|dm|disclose|post|paste|confirm|reveal"
    rf"|{_PORTUGUESE})\b"
)
_US = (
    r"(?:us|me|(?:our|the|an?|your)\s+(?:\w+\s+)?(?:team|staff|support|desk|agents?|engineers?|administrators?|operators?"
    r"|representatives?)|support|(?:the\s+)?(?:help\s?desk|bot)|nós|n[ao]s|conosco|mim"
    r"|(?:(?:à|a|ao|o|para\s+[ao])\s+)?(?:nossa?\s+)?(?:equipe|time|suporte|atendimento|atendente|administrador))"
)
_HERE = (
    r"(?:(?:this|the|n?est[ea]|n?ess[ea])\s+(?:chat|thread|ticket|channel|conversation|address|form|number|message|canal"
    r"|conversa|endereço|formulário|chamado|número)|here|aqui)"
)
_YOUR = r"\b(?:your|their|his|her|(?:o|a|os|as)?\s*(?:seus?|suas?))"
_YOURS = rf"{_YOUR}\s+(?:\w+\s+){{0,3}}?{_WHAT}"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Asking is two things at once: somebody's own secret, and one of us, or this place, as where it shall go.
# What a program or a form is to be given is no such thing: "enter your password", "send it in a header".
_ASKS = _any_of(
    rf"{_GIVE}[ \t]+(?:\w+[ \t]+){{0,2}}?{_US}\b[^.!?\n]{{0,30}}?{_YOURS}",
    rf"{_GIVE}[^.!?\n]{{0,15}}?{_YOURS}[^.!?\n]{{0,30}}?\b(?:to|with|in|into|by|via|at|para|por|com|a|ao|pelo|pela|em)"
    rf"\s+(?:{_US}\b|{_HERE}\b|(?:an?\s+)?e-?mail\b|chat\b|[\w.+-]+@)",
    rf"{_GIVE}[^.!?\n]{{0,15}}?{_YOURS}[^.!?\n]{{0,20}}?\b{_HERE}\b",
    r"\b(?:reply|respond|answer|write\s+back|responda|responder)\b[^.!?\n]{0,20}?\b(?:with|com)\b[^.!?\n]{0,20}?"
    + _YOURS,
    rf"(?:\b(?:nos|me)\s+(?:{_PORTUGUESE})|\b(?:{_PORTUGUESE})-(?:nos|me))\b[^.!?\n]{{0,30}}?{_YOURS}",
    r"\b(?:we|our\s+\w+|(?:the\s+)?support(?:\s+\w+)?)\s+(?:will\s+|may\s+)?(?:needs?|requires?|asks?\s+for"
    rf"|must\s+have)\s+{_YOURS}",
    rf"\b(?:precisamos|precisa|necessitamos|pedimos)\s+(?:d[ao]s?\s+|de\s+|[ao]s?\s+)?{_YOURS}",
)
_WARNS = _any_of(
    r"\b(?:never|not|no\s+one|nobody|without|cannot|nunca|jamais|não|ninguém|sem)\b",
    r"n['\u2019]t\b",
)


def asks_for_secrets(text: str) -> bool:
    """Whether a sentence asks its reader for a password or the like; a warning not to give it does not."""
    seen = visible(text)
    for found in _ASKS.finditer(seen):
        start = max(seen.rfind(mark, 0, found.start()) for mark in ".!?\n") + 1
        if not _WARNS.search(seen, start, found.end()):
            return True
    return False
