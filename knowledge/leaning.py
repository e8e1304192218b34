"""Follow-up questions: whether a short one is only understood together with the one before it."""

from __future__ import annotations

import re

from knowledge.languages import Language, content_words, terms
from knowledge.loaded import View
from knowledge.naming import names
from knowledge.retrieval import Question

FEW_WORDS = 4  #: of meaning; a longer question says by itself what it is about
_COMMON = 0.04  #: a word that a larger part of the chunks has is no subject: "cluster", "version", "port"
_RARE = 20  #: chunks; in a small index such a word is a subject whatever part of it they are

# Words that point back ("it", "the same", "lá") and openings that go on ("and …", "what about …", "e se …").
_BACK = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|their|(?<!is )(?<!are )there|one|ones|same|instead|else"
    r"|otherwise|isso|isto|aquilo|ele|ela|eles|elas|dele|dela|nele|nela|nisso|disso|esse|essa|este|esta"
    r"|l[aá]|a[ií]|mesmo|mesma|outro|outra)\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"\s*(?:and|or|but|so|then|also|what\s+about|how\s+about|what\s+if|for|in|on|with|without"
    r"|e|ou|mas|ent[aã]o|tamb[eé]m|com|sem|no|na)\b",
    re.IGNORECASE,
)

# Questions for a figure or a choice of what was spoken of: "which port?", "how long does …", "qual versão?".
_OF_IT = re.compile(
    r"\s*(?:(?:which|what|qual|quais)\s+\w+\s*\?*\s*$|how\s+(?:long|many|much|often)\b|quant[oa]s?\b)",
    re.IGNORECASE,
)


def leans(asked: Question, view: View) -> bool:
    """Whether a question needs what was said before it: it is short, and points back or names no subject."""
    language = asked.language or Language.EN
    words = content_words(asked.text, language)
    if len(words) > FEW_WORDS:
        return False
    if not words or _ON.match(asked.text) or _BACK.search(asked.text):
        return True
    if names(asked.text):
        return False  # also where nobody knows it: then it is the answer that is missing
    return bool(_OF_IT.match(asked.text)) or not _has_a_subject(asked.text, language, view)


def _has_a_subject(text: str, language: Language, view: View) -> bool:
    """Whether a word of it is one that the index knows, and knows to be about something in particular."""
    own = [one for one in view.partitions if one.partition.language is language]
    most = max(sum(len(one) for one in own) * _COMMON, _RARE)
    return any(0 < sum(one.frequency(word) for one in own) <= most for word in terms(text, language))
