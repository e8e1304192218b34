"""Follow-up questions: whether a short one is only understood together with the one before it."""

from __future__ import annotations

import re

from knowledge.languages import Language, content_words, terms
from knowledge.loaded import View
from knowledge.naming import names
from knowledge.retrieval import Question

FEW_WORDS = 4  #: of meaning; a longer question says by itself what it is about
# Words that point back ("it", "the same", "lá") and openings that go on ("and …", "what about …", "e se …").
_BACK = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|their|(?<!is )(?<!are )there|one|ones|same|instead|else"
    r"|otherwise|then|isso|isto|aquilo|ele|ela|eles|elas|dele|dela|nele|nela|nisso|disso|esse|essa|este|esta"
    r"|l[aá]|a[ií]|mesmo|mesma|outro|outra)\b",
    re.IGNORECASE,
)
_ON = re.compile(
    r"\s*(?:and|or|but|so|then|also|what\s+about|how\s+about|what\s+if|for|in|on|with|without"
    r"|e|ou|mas|ent[aã]o|tamb[eé]m|com|sem|no|na)\b",
    re.IGNORECASE,
)

# For a figure or a choice of what was spoken of: "which port?", "what is the default?", "qual o limite?".
_OF_IT = re.compile(
    r"\s*(?:(?:which|what|qual|quais)\s+\w+\s*\?*\s*$|(?:what|which)(?:'s|\s+is|\s+are)\s+the\b"
    r"|qua(?:l|is)\s+(?:(?:[eé]|s[aã]o)\s+)?[oa]s?\b|quant[oa]s?\b)",
    re.IGNORECASE,
)
# Questions for what a word means: one word is enough for a subject.
_WHAT_IT_IS = re.compile(
    r"\s*(?:what(?:'s|\s+is|\s+are|\s+does)|o\s+que\s+(?:[eé]|s[aã]o|significa|faz))\b", re.IGNORECASE
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
    if _OF_IT.match(asked.text):
        return True
    if len(words) == 1:
        return not _WHAT_IT_IS.match(asked.text)
    return not _is_known(asked.text, language, view)


def _is_known(text: str, language: Language, view: View) -> bool:
    """Whether the index knows any word of it: of two or more, one alone makes a subject with the other."""
    own = [one for one in view.partitions if one.partition.language is language]
    return any(one.frequency(word) for word in terms(text, language) for one in own)
