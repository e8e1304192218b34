"""Questions that are told by their words to be none that an article answers."""

from __future__ import annotations

import re

from knowledge.kinds import Kind


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL | re.MULTILINE)


_SAY = r"\b(?:output|print|reveal|show|leak|send|dump|list|imprima|revele|mostre|envie|liste)\b"
_DO_TO_TICKETS = r"\b(?:close|delete|approve|reopen|escalate|fech[ae]|apague|aprove|exclua|reabra)\s+"

_ORDERS = _any_of(
    r"\b(?:ignore|disregard|forget|override)\s+(?:all|any|every|your|the\s+|previous|prior|above)\s*"
    r"(?:of\s+)?(?:your\s+|the\s+|previous\s+|prior\s+|above\s+)*(?:instructions?|rules?|prompts?|guidelines?)",
    r"\b(?:ignor[ae]|esque[çc][ae]|desconsider[ae])\s+(?:\w+\s+){0,3}(?:instruç(?:ão|ões)|regras?)\b",
    r"\bfrom\s+now\s+on\b.{0,30}\b(?:you|answer|reply|respond|say|speak)\b",
    r"\b(?:a\s+partir\s+de|de)\s+agora\b.{0,30}\b(?:você|respond[ae]|responder|diga|fale)\b",
    r"\byou\s+are\s+now\b",
    r"\bagora\s+você\s+é\b",
    r"\b(?:pretend\s+(?:to\s+be|you)|finja\s+(?:ser|que))\b",
    r"^\s*(?:system|assistant|developer|sistema)\s*:",
    r"</?\s*(?:docs?|documents?|system|context|instructions?|passages?)\s*>",
    r"\b(?:system|hidden|initial)\s+prompt\b",
    r"\bprompt\s+(?:de|do)\s+sistema\b",
    _SAY + r".{0,60}\b[A-Z0-9]+_(?:\w+_)?(?:TOKEN|SECRET|PASSWORD|KEY)\b",
    r"\b(?:tickets?|conversations?|messages?|data)\s+(?:of|from)\s+(?:all\s+)?(?:the\s+)?(?:other|another)\s+"
    r"(?:customers?|tenants?|organi[sz]ations?|compan(?:y|ies))",
    r"\b(?:other|another)\s+(?:customer|tenant|organi[sz]ation|compan(?:y|ies))(?:s|'s|s')?\s+"
    r"(?:tickets?|conversations?|messages?|data)\b",
    r"\b(?:tickets?|chamados?|conversas?|mensagens|dados)\s+d[eo]s?\s+outr[oa]s?\s+(?:clientes?|empresas?)",
    r"\b(?:run|execute|delete|drop|wipe|restart|shut\s+down|scale|purge|rode|execut[ae]|apagu?[ae]|delet[ae]|remov[ae]"
    r"|reinici[ae]|derrub[ae]|deslig(?:a|ue))\b.{0,80}\b(?:for\s+(?:me|us)\s+and|and\s+(?:then\s+)?(?:confirm(?!\s+(?!when|once|it\b|to\s+me))|(?:tell\s+me|let\s+me\s+know)\s+when)"
    r"|(?:pra|para)\s+(?:mim|nós)\s+e|e\s+(?:me\s+)?(?:confirm[ae]|avis[ae]))\b",
    r"\b(?:run|execute|rode|execut[ae])\b.{0,80}\b(?:for\s+me|pra\s+mim|para\s+mim)\b",
    r"\b(?:and|e)\s+(?:reply|respond|answer|responda)\s+(?:with\s+|com\s+)?(?:[\"'\u201c]\w+[\"'\u201d]|ok|yes|done|sim|feito)\s*[.!]?\s*$",
    r"<!--.{0,20}\b(?:assistant|bot|system|ai|assistente|rob[ôo]|sistema)\b",
    r"\bconfirm\s+(?:this|that|it)\b.{0,60}\bpolicy\b",
    r"\bconfirm[ae]\b.{0,60}\bpolítica\s+oficial\b",
    _DO_TO_TICKETS + r"(?:all|every|todos)\s+(?:\w+\s+){0,2}(?:tickets?|chamados?)\b",
    _DO_TO_TICKETS + r"(?:my|this|meus?|este|esse|o)\s+(?:\w+\s+)?(?:tickets?|chamados?)\b",
)

_OURS = r"\b(?:our|my|nosso|nossa|nossos|nossas|meu|minha)\s+(?:\w+\s+){0,3}?"
_ACCOUNT = _any_of(
    _OURS + r"(?:contract|invoices?|bill|subscription|renewal|payment|quote|support\s+hours|seats"
    r"|account\s+(?:manager|executive)|customer\s+success|sla\s+credits?)\b",
    _OURS + r"(?:contrato|faturas?|boleto|assinatura|renovação|pagamento|cobrança|horas\s+de\s+suporte)\b",
    r"\b(?:customer\s+success\s+manager|account\s+(?:manager|executive)|gerente\s+de\s+(?:contas?|sucesso))\b",
    r"\b(?:get|give|have|offer|ask\s+for|quer\w+|conseguir?|dar|ter)\b.{0,40}"
    r"\b(?:discounts?|refunds?|descontos?|reembolsos?)\b",
    r"\b(?:upgrade|downgrade|cancel|renew|cancelar|renovar)\s+" + r"(?:our|my|the|nosso|meu|o)\s+(?:\w+\s+)?"
    r"(?:plan|contract|subscription|plano|contrato|assinatura)\b",
    r"\b(?:segunda\s+via|nota\s+fiscal)\b",
    r"\b(?:phone\s+number|telefone)\b.{0,30}\b(?:manager|support|gerente|suporte)\b",
)


_OFF_TOPIC = _any_of(
    r"\b(?:write|compose|make\s+up|tell|sing|escrev[ae]|fa[çz][ae]?|cont[ae])\s+(?:me\s+|us\s+)?(?:a|an|some|um|uma)\s+"
    r"(?:\w+\s+)?(?:poem|haiku|limerick|sonnet|rhyme|ballad|joke|riddle|fairy\s+tale|love\s+letter|song|poema|soneto"
    r"|piada|charada|rima|paródia|música)\b",
    r"\b(?:tell|write)\s+(?:me|us)\s+a\s+(?:short\s+|funny\s+|bedtime\s+)?story\b",
    r"\b(?:cont[ae]|escrev[ae])\s+uma\s+(?:\w+\s+)?história\b",
)


def refuse(question: str) -> Kind | None:
    """Of which other kind a question plainly is; None when nothing says so."""
    if _ORDERS.search(question):
        return Kind.INSTRUCTIONS
    if _ACCOUNT.search(question):
        return Kind.ACCOUNT
    if _OFF_TOPIC.search(question):
        return Kind.OFF_TOPIC
    return None
