"""What people ask for in plain words, in the two languages of the knowledge base."""

from __future__ import annotations

import re
import unicodedata

from bot.core.pleasantries import FILLERS, is_all_well

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

_LONGEST = 90  #: characters of a pleasantry; it also bounds in how many ways one may be read
# Every word of the message belongs to one of these; whole phrases where a part of one says something else.
_PLEASANTRY = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening|job|work)|thanks|thank you|thank u|thx|ty"
    r"|cheers|many|much|very|really|so|again|a lot|a million|all|everyone|there|team|mate|ok|okay|k"
    r"|great|perfect|nice|cool|awesome|excellent|got it|understood|will do|(?:it )?(?:all )?works (?:now"
    r"|again|fine|like a charm)|it works|that works|that worked|that (?:fixed|solved|did) it|that helped"
    r"|(?:problem |issue |all )?solved|done|confirmed|noted|appreciated?|i appreciate (?:it|that"
    r"|your help)|appreciate (?:it|that)|sounds good|(?:we are |we re |i m |i am )?(?:all )?(?:good|set"
    r"|fine)(?: now| here)?|nice work|no problem|no worries|you (?:re|are) (?:welcome|the best)|you rock"
    r"|happy holidays|have a (?:good|great|nice) (?:one|day|evening|week|weekend)|(?:quick|fast|great"
    r"|excellent|good) (?:support|help)|for (?:(?:your|the|all|all your|all the) )?(?:(?:quick|fast"
    r"|prompt|great|kind|swift) )?(?:help|support|reply|response|answer|time|patience|update|fix"
    r"|assistance|info|information)|(?:you|we) (?:can|may) (?:now )?close (?:this|it|the)(?: ticket"
    r"| case| one)?|please close (?:this|it|the)(?: ticket| case| one)?|oi|ola|bom dia|boa tarde"
    r"|boa noite|obrigad[oa]|muito|mesmo|valeu|certo|tudo certo|entendi|entendido|beleza|perfeito|otimo"
    r"|excelente|maravilha|show|(?:problema |ja )?resolvido|(?:agora |ja )?funciona|funcionou|deu certo"
    r"|agora|pessoal|gente|grat[oa]|agradec(?:o|emos)|um abraco|abracos|de nada|combinado"
    r"|bom (?:fim de semana|trabalho|descanso)|(?:(?:pela|pelo|a|o) )(?:ajuda|resposta|suporte|retorno"
    r"|atencao|apoio)(?: (?:rapid[oa]|agil))?|(?:pode|podem|pode-se) (?:fechar|encerrar)(?: (?:o|este"
    r"|esse))?(?: (?:chamado|ticket|caso))?|to all|you|guys|folks)\b\s*)+"
)
# "Thanks, Ada!": whose name it is does not matter, as long as it ends what is said.
_NAMED = re.compile(
    r"\b((?i:thank you|thanks|thx|cheers|obrigad[oa]|valeu)"
    r"(?: so much| a lot| again| for (?:your|the|all) \w+)?),?\s+@?[A-ZÀ-Ý][a-zà-ÿ'-]{1,20}(?=\s*(?:[!.,]|$))"
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
    said = " ".join(_NOT_WORDS.sub(" ", _EMOJI.sub(" ", _folded(_NAMED.sub(r"\1", text)))).split())
    if not said or is_all_well(said):
        return True
    is_short = len(said) <= _LONGEST and not set(said.split()) <= FILLERS
    return is_short and bool(_PLEASANTRY.fullmatch(said))


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
