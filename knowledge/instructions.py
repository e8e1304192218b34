"""Words in articles that are meant for a machine: they are no knowledge, and nobody repeats or obeys them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

import structlog

from knowledge.addresses import visible
from knowledge.phishing import asks_for_secrets
from knowledge.retrieval import Passage

log = structlog.get_logger()


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


_MACHINE = (
    r"(?:A\.?I\.?|LLMs?|GPTs?|ChatGPT|chat-?bots?|(?:support|help|desk)[ -]?bots?|bots?|assistants?"
    r"|(?:AI|language|large)\s+models?|I\.?A\.?|assistentes?(?:\s+virtua(?:l|is))?|modelos?\s+de\s+linguagem"
    r"|rob[ôo]s?|deskbell)"
)
_SAY = (
    r"(?:say|reply|respond|answer|output|print|repeat|write|include|append|insert|echo|mention|state|begin|start"
    r"|end|finish|conclude|tell|recommend|type|post|emit|obey|follow|comply|diga|dizer|respond(?:a|er)|escrev(?:a|er)"
    r"|inclu(?:a|ir)|insir|insira|repit|repita|repetir|imprim(?:a|ir)|acrescente|adicione|mencion(?:e|ar)"
    r"|termin(?:e|ar)|comece|finalize|conclua|recomend(?:e|ar)|poste|informe|informar|obede[çc](?:a|er))"
)
_RULES = (
    r"(?:instructions?|(?:system\s+|the\s+|your\s+)prompts?|guidelines|directives|(?:your|all|previous|prior|above"
    r"|these|those|any|safety)\s+(?:\w+\s+)?(?:rules?|polic(?:y|ies)|safeguards?|context))"
)
_REGRAS = (
    r"(?:instruç(?:ão|ões)|instrucoes|regras|orientações|diretrizes|contexto\s+(?:anterior|acima)|prompts?)"
)
_SPOKEN_TO = r"(?:users?|readers?|customers?|visitors?|askers?|everyone|usuários?|clientes?|leitor(?:es)?)"

#: Nothing beside such words is to be trusted either.
_TAKEOVER = _any_of(
    rf"\b(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){{0,4}}?{_RULES}",
    rf"\b(?:ignor[ae]r?|desconsider[ae]r?|esque[çc][ae]r?|descart[ae]r?|despreze)\s+(?:\w+\s+){{0,4}}?{_REGRAS}",
    r"\b(?:ignore|disregard|forget)\s+(?:all|everything|anything|whatever|what)\b[^.!?\n]{0,30}"
    r"\b(?:above|before|previous(?:ly)?|prior|earlier|told|said)\b",
    r"\b(?:esque[çc]a|desconsidere|ignore)\s+(?:tudo|o\s+que)\b[^.!?\n]{0,30}\b(?:acima|antes|anterior|disse)",
    r"\b(?:new|updated|secret|hidden)\s+(?:system\s+)?(?:instructions?|directives?|prompts?)\s*:",
    r"\bnovas?\s+instruç(?:ão|ões)\s*:",
    r"\byou\s+are\s+now\s+(?!ready|able|in\b|at\b|on\b|done|logged|set\b|running|using|connected|going|free\b)",
    r"\bfrom\s+now\s+on\b[^.!?\n]{0,30}\b(?:you|answer|reply|respond|say|speak)\b",
    r"\b(?:agora\s+você\s+é|você\s+agora\s+é|a\s+partir\s+de\s+agora\b[^.!?\n]{0,30}\b(?:você|respond[ae]|diga|fale))\b",
    r"\bas\s+an?\s+(?:AI|LLM|(?:large\s+)?language\s+model|chat-?bot)\b(?!\s*-)|\b(?:admin|god)\s+mode\s*[:!]",
    r"\b(?:send|post|upload|envie|mande)\b[^.!?\n]{0,60}\b(?:keys?|chaves?|secrets?|passwords?|senhas?|tokens?|credentials?"
    r"|data|dados|conversation|conversa)\b[^.\n]{0,30}\b(?:to|para)\s+(?:https?:)?//",
    r"\bpretend\s+(?:to\s+be|that\s+you|you)\b|\bfinja\s+(?:ser|que)\b|\bjailbreak\b|\bDAN\s+mode\b",
    r"<\|[a-z_]{2,20}\|>|\[/?INST\]|<</?SYS>>|</(?:system|instructions?|passage|question|context|documents?)\s*>",
    r"^[ ]{0,3}[>#*_`/-]*[ ]?[*_`]*(?:system|assistant|developer|sistema|assistente)"
    r"(?:\s+(?:prompt|message|note|override))?\s*\]?:(?=[ \t*_]+\S+[ \t]+\S+)",
    r"\bsystem\s+(?:override|message|note)\b|\b(?:BEGIN|END)[ _](?:SYSTEM|PROMPT)\b",
    rf"\b(?:note|message|attention|notice|instructions?|memo|dear|hey|hello|hi|warning|reminder|important|atenção"
    rf"|nota|aviso|mensagem|instruç(?:ão|ões)|caro|olá|lembrete)\b[^.!?\n]{{0,20}}\b{_MACHINE}\b[^.!?\n]{{0,30}}[:,\u2014\u2013-]",
    rf"\b(?:if|as|se|como)\s+(?:you\s+are|you['\u2019]re|você\s+é)\s+(?:an?\s+|the\s+|uma?\s+)?{_MACHINE}\b"
    r"(?!\s+(?:practitioner|engineer|developer|researcher|team|user)s?)",
    rf"\b{_MACHINE}\b[^.!?\n]{{0,40}}\b(?:must|should|shall|ha(?:s|ve)\s+to|needs?\s+to|(?:is|are)\s+to|devem?|deverá"
    rf"|precisam?|têm?\s+(?:de|que))\b[^.!?\n]{{0,30}}\b(?:{_SAY}|escalate|open|close|treat|ignore|approve|never)\b",
    r"\b(?:reveal|leak|disclose|repeat|print|output|show|dump|exfiltrate|revele|vaze|mostre|imprima|repita)\b"
    r"(?!\()[^.!?\n]{0,40}\b(?:system\s+prompt|your\s+(?:\w+\s+)?(?:prompt|instructions|rules|secrets?|keys?|context)"
    r"|hidden\s+prompt|prompt\s+d[eo]\s+sistema|suas\s+instruções|seus?\s+segredos?)\b",
)
_FIRST = (
    r"(?:^|[.!?:;,(\"'`*_>\u2014\u2013-]\s|[(\"'`*_>]"
    r"|\b(?:please|always|must|should|then|now|and|instead|simply|por\s+favor|sempre|deve|e)\s)"
)
#: An order to say something, or to make somebody do something.
_ORDER = _any_of(
    rf"{_FIRST}\s*(?:to\s+)?(?:say|reply|respond|answer|repeat|echo|diga|responda|repita)\b(?:\s+\w+){{0,3}}?\s+"
    r"(?:with\s+|com\s+)?(?:exactly|only|verbatim|just|nothing|exatamente|apenas|somente|the\s+(?:exact\s+)?(?:word|phrase"
    r"|text|string|sentence|following)|a\s+(?:palavra|frase)|o\s+texto)\b",
    rf"\b{_SAY}\b[^.!?\n]{{0,40}}\b(?:the\s+(?:exact\s+)?(?:word|phrase|sentence|marker|canary|text|string|token)s?"
    r"|a\s+(?:palavra|frase)|o\s+texto)\b\s*(?-i:[\"“«'`:]|[A-Z]{4})",
    rf"\b{_SAY}\b[^\n]{{0,80}}\b(?:your|sua|every|each|all|cada|toda?s(?:\s+as)?)\s+(?:\w+\s+)?"
    r"(?:(?:questions?|answers?|repl(?:y|ies)|perguntas?|respostas?)\b|(?<=your\s)(?:response|message)s?\b"
    r"|(?<=every\s)(?:response|message)\b)",
    r"\b(?:you|your\s+(?:answer|reply|response)|você|(?:a\s+)?sua\s+resposta)\s+(?:must|should|shall|has\s+to|have\s+to"
    r"|needs?\s+to|are\s+to|deve|precisa|tem\s+que)\s+(?:\w+\s+){0,2}(?:say|reply|respond|answer|obey|comply|contain"
    r"|(?:begin|start|end|finish)\s+with|dizer|responder|obedecer|terminar|conter)\b",
    r"\b(?:your|sua)\s+(?:new\s+|only\s+|nova\s+|única\s+)(?:task|job|role|mission|purpose|tarefa|missão|função)\s+(?:is|é)\b",
    r"\b(?:must|should|ha(?:s|ve)\s+to|needs?\s+to|deve(?:m)?)\s+(?:be\s+(?:included|mentioned|present|quoted)|appear|constar"
    r"|aparecer|ser\s+inclu[ií]d[ao])\b[^.!?\n]{0,30}\b(?:your\s+\w+|(?:the|every|each|any)\s+(?:answer|reply|response)"
    r"|respostas?)\s*(?:[:.!]|$)",
    r"\b(?:your|the|a|sua)\s+(?:real|true|correct|only|final)\s+(?:answer|reply|response)\s+is\b"
    r"|\b(?:a|sua)\s+resposta\s+(?:correta|certa|final|verdadeira)\s+é\b",
    rf"\bwhen(?:ever)?\s+(?:you\s+are\s+|someone\s+|anyone\s+|users?\s+|you['\u2019]re\s+)?ask(?:ed|s)?\b[^.!?\n]{{0,60}},\s*(?:always\s+)?{_SAY}\b",
    rf"\bquando\s+(?:te\s+)?pergunta(?:rem|do|da)\b[^.!?\n]{{0,60}},\s*{_SAY}\b",
    rf"\b{_SPOKEN_TO}\s+(?:should|must|shall|need\s+to)\s+be\s+(?:told|informed|directed|instructed|sent)\b",
    r"\btell\s+them\s+(?:to|that)\b|\b(?:return|echo|emit)\s+only\s+(?=(?-i:[A-Z][A-Z0-9]+[_-]|[\"“'`]))",
    rf"\b(?:tell|inform|convince|instruct|direct|redirect|diga|mande|convença|oriente)\s+(?:ao?s?\s+|to\s+)?"
    rf"(?:the\s+|every\s+|all\s+|each\s+|any\s+|o\s+|os\s+|todos\s+os\s+|cada\s+)?{_SPOKEN_TO}\s+(?:to|that|at|a|que|para)\b",
    r"\b(?:mention|notify|ping|tag|alert|page|avise|mencione|notifique|marque)\s+(?:also\s+|também\s+)?"
    r"(?:@|<!)(?:everyone|channel|here)\b",
)
#: Likewise in prose; in a listing it is a program's.
_PROSE_ORDER = _any_of(
    rf"{_FIRST}\s*(?:say|reply|respond|answer|repeat|output|print|write|append|insert|include|mention|echo"
    r"|summari[sz]e\s+this\s+as|fale|diga|responda|repita|imprima|escreva|inclua|acrescente|mencione)\b:?(?:\s+(?:with|this|that|the|in|back|com|isto|que)){0,2}"
    r"\s+(?:[\"“«{][^\"”»\n]{2,}|(?-i:[A-Z][A-Z0-9]+[_-][A-Z0-9_-]{2,}|[A-Z]{6,}\b))",
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_SEPARATOR = re.compile(r"[-_/.+%\s]+")


def is_takeover(text: str) -> bool:
    """Whether somebody tries to take the place of whom the machine obeys."""
    return _TAKEOVER.search(visible(text)) is not None


def is_order(text: str) -> bool:
    """Whether a text tells its reader what to say, or worse."""
    return is_takeover(text) or _is_said(text)


def _is_said(text: str) -> bool:
    seen = visible(text)
    return _ORDER.search(seen) is not None or (
        _FENCE.match(text) is None and _PROSE_ORDER.search(seen) is not None
    )


def disarmed(passages: Iterable[Passage]) -> list[Passage]:
    """The passages without orders; those that cannot be trusted at all are left out."""
    kept = []
    for passage in passages:
        calm = _disarmed(passage)
        if calm is None:
            log.warning("passage_set_aside", path=passage.path)
        else:
            kept.append(calm)
    return kept


def _disarmed(passage: Passage) -> Passage | None:
    calm = _calm(passage.path, passage.title, passage.heading, passage.text)
    if calm == passage.text:
        return passage
    return replace(passage, text=calm) if calm else None


@lru_cache(maxsize=4_096)
def _calm(path: str, title: str, heading: str, text: str) -> str:
    """What may be used of a text; empty when nothing may. The same passages are found again and again."""
    calm = _COMMENT.sub("", text)
    if any(is_order(name) for name in (title, heading, _SEPARATOR.sub(" ", path))) or is_takeover(calm):
        return ""
    return "\n\n".join(block for block in _blocks(calm) if not _is_harmful(block)).strip("\n")


def _is_harmful(block: str) -> bool:
    return _is_said(block) or (_FENCE.match(block) is None and asks_for_secrets(block))


def _blocks(text: str) -> Sequence[str]:
    """Paragraphs, items and listings; an empty line inside of a listing divides nothing."""
    blocks: list[str] = []
    fence = ""
    for part in text.split("\n\n"):
        if fence:
            blocks[-1] += f"\n\n{part}"
        else:
            blocks.append(part)
        for line in part.split("\n"):
            marks = _FENCE.match(line)
            if marks and not fence:
                fence = marks[1]
            elif marks and line.strip() == fence:
                fence = ""
    return blocks
