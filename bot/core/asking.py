"""What people ask for in plain words, in the two languages of the knowledge base."""

from __future__ import annotations

import re
import unicodedata

# Folded text: lower case, no accents. A wish begins a sentence, or follows words that make it one, so that
# "my open ticket", "did you open a ticket?" and "how do I open a ticket in Jira?" are none.
_WISHES = re.compile(
    r"(?:^|[.!?,;:\n]|\b(?:and|then|just|please|pls|can you|could you|would you|will you|can we|could we"
    r"|can i|could i|may i|i want|i want to|i would like|i would like to|i'd like|i'd like to|i need"
    r"|i need to|we want to|we would like to|we'd like to|we need to|let's|let us|want you to|need you to"
    r"|e|entao|por favor|pode|podem|poderia|poderiam|podes|quero|queria|gostaria de|gostaria que|preciso"
    r"|preciso de|vamos|favor))\s*"
    r"(?:(?:please|pls|por favor)\s+)?"
    r"(?:"
    r"(?:open|create|raise|file|log)\s+(?:me\s+|us\s+)?(?:a|an|another|the)\s+(?:new\s+|support\s+)?(?:ticket|case)\b"
    r"|(?:talk|speak)\s+(?:to|with)\s+(?:a|an|some)\s*(?:real\s+)?(?:human|person|agent|engineer|somebody|someone)"
    r"|(?:abr(?:a|am|e|ir|irem)|cri(?:a|ar|e|em))\s+(?:um|outro|o)\s+(?:novo\s+)?(?:ticket|chamado)\b"
    r"|falar\s+com\s+(?:um|uma|algum|alguma|o|a)\s*(?:humano|pessoa|atendente|agente)"
    r")"
)

# "can I create a ticket via the REST API?" asks how our product's users do it, not for one.
_BY_PROGRAM = re.compile(
    r"\b(?:via|through|using|with|by|pela|pelo|com|usando)\b[^.!?]*\b(?:api|sdk|cli|rest|graphql)\b"
)

_PLEASANTRY = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you|thank u|thx|ty|cheers|many|much"
    r"|very|so|again|a lot|all|everyone|there|team|ok|okay|k|great|perfect|nice|cool|awesome|excellent|got it"
    r"|understood|will do|it works|that works|works now|that helped|solved|done|noted|appreciated"
    r"|oi|ola|bom dia|boa tarde|boa noite|obrigad[oa]|muito|valeu|certo|entendi|beleza|perfeito|otimo"
    r"|resolvido|funcionou|deu certo|pessoal|gente|to all|you|guys|folks)\b\s*)+"
)
# What programs send while their owner is away, as mail clients and desks begin it.
_AUTO_REPLY = re.compile(
    r"\W*(?:auto(?:matic|mated)?[- ]?(?:reply|response)|out of (?:the )?office|ooo\b"
    r"|i am (?:currently )?out of (?:the )?office|i'm (?:currently )?out of (?:the )?office"
    r"|(?:this is an )?automat(?:ic|ed) (?:reply|response|message|e-?mail)|away from (?:the|my) office"
    r"|resposta automatica|mensagem automatica|fora do escritorio|ausencia temporaria"
    r"|(?:estou|estarei) (?:fora do escritorio|de ferias|ausente))"
)
_EMOJI = re.compile(r":[a-z0-9_+\-]+:")
_NOT_WORDS = re.compile(r"[^\w\s]+")


def wants_ticket(text: str) -> bool:
    """Whether somebody asks for a ticket or for a person."""
    folded = _folded(text)
    return bool(_WISHES.search(folded)) and not _BY_PROGRAM.search(folded)


def is_pleasantry(text: str) -> bool:
    """Whether nothing is said but hello, thanks or all right: nothing that wants an answer."""
    said = " ".join(_NOT_WORDS.sub(" ", _EMOJI.sub(" ", _folded(text))).split())
    return not said or bool(_PLEASANTRY.fullmatch(said))


def is_auto_reply(text: str) -> bool:
    """Whether a program speaks for somebody who is away: it answers nothing and asks nothing."""
    return bool(_AUTO_REPLY.match(_folded(text)))


def wants_reply(text: str) -> bool:
    """Whether a customer's words are ours to answer; "???" are, and thanks are not."""
    return not is_auto_reply(text) and ("?" in text or not is_pleasantry(text))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize(
        "NFKD", text.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    return "".join(char for char in decomposed if not unicodedata.combining(char)).strip()
