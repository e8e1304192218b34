"""What a message says about its writer: where the product runs, its version, language and mood."""

from __future__ import annotations

import re
import unicodedata

from bot.core.model import Description, Environment, Sentiment

_ENVIRONMENTS = {
    Environment.STAGING: r"\b(?:staging|stage|uat|pre-?prod(?:uction)?|homologacao|homolog)\b",
    Environment.DEVELOPMENT: r"\b(?:dev|development|desenvolvimento|laptop|notebook local|minikube"
    r"|kind cluster|docker desktop|test environment|ambiente de teste|sandbox|local machine|localhost)\b",
    Environment.PRODUCTION: r"\b(?:prod|production|producao|live system|live cluster)\b",
}
# A version is said to be one, or looks like nothing else: "v1.2", "version 2"; never an address or a count.
_NUMBER = r"v?(\d{1,2}(?:\.\d{1,3}){1,2}(?:[-.]?(?:rc|beta|alpha)\d*)?)(?![\w.]*\.\d|\d|[:%])"
_VERSIONS = (  # the surest first
    re.compile(
        r"\b(?:upgrad|updat|migrat|mov|from|went|atualiz|de|da)\w*\b.{0,40}?\b(?:to|para)\s+(?:a )?" + _NUMBER
    ),
    re.compile(r"\b(?:opendatagov|odg|version|versao|release)(?: (?:cli|sdk|chart|is|e))?[\s:=]+" + _NUMBER),
    re.compile(r"\b(?:version|versao|release)[\s:=]+v?(\d{1,2})(?![\w.:%])|(?<![\w./:])(?=v\d)" + _NUMBER),
    re.compile(
        r"\b(?:on|in|since|after|with|running|using|tag|na|no|desde|com|apos|rodando|usando)\s+"
        + _NUMBER
        + r"(?! ?(?:h\b|ms|s\b|k\b|m\b|hour|day|sec|min|gb|mb|tb|gib|percent|times|million|hora|dia|seg))"
    ),
)
_PRODUCTS = (
    r"(?:kafka|kubernetes|k8s|python|postgres(?:ql)?|mlflow|datahub|helm|spark|airflow|cuda|chrome|firefox"
    r"|node|java|trino|openshift|ubuntu|windows|macos|debian|driver|redis|elasticsearch|minio|keycloak|istio"
    r"|flink|dbt|pytorch|torch|nccl|kubeflow|kserve|feast|great expectations|janusgraph|openlineage|safari"
    r"|debezium|superset|vault|grafana|terraform)"
)
_OTHERS = re.compile(r"\b" + _PRODUCTS + r"\s+(?:version\s+|versao\s+)?v?\d[\w.]*")
_ANOTHER, _OURS = re.compile(r"\b" + _PRODUCTS + r"\b"), re.compile(r"\b(?:opendatagov|odg)\b|\bv\d")
_ENGLISH = re.compile(
    r"\b(?:the|is|are|was|were|and|or|not|how|what|why|where|when|which|can|could|do|does|did|my|our|we|it"
    r"|this|that|with|from|for|to|of|in|on|after|since|please|an|has|have|had|be|been|there|they|you|your"
    r"|says|shows?|will|would|should|any|all|every|but|if|into|before|sometimes|by|at|new|idea|missing)\b"
)
_PORTUGUESE = re.compile(
    r"\b(?:o|os|as|um|uma|de|do|da|dos|das|no|na|nos|nas|em|para|pra|por|com|sem|que|como|qual|quando|onde"
    r"|nao|sim|esta|estao|foi|sao|ja|tem|temos|meu|nosso|minha|nossa|depois|desde|ao|pela|pelo|alguem"
    r"|ninguem|voces|mais|muito|seria|poderia|nada|tudo|todos?|todas?|isso|aqui|voce|posso|ou|mas)\b"
)
_UPSET = re.compile(
    r"\b(?:unacceptable|ridiculous|terrible|awful|frustrat\w*|angry|annoy\w*|fed up|disappoint\w*"
    r"|again and again|third time|second time|still not|waste of|useless|losing money|asap|urgent\w*"
    r"|immediately|worst|inaceitavel|absurdo|pessimo|horrivel|frustrad\w*|irritad\w*|decepcionad\w*"
    r"|de novo|outra vez|terceira vez|urgente\w*|imediatamente|perdendo dinheiro|inutil)\b|!{2,}|\?{3,}"
)
_PLEASED = re.compile(
    r"\b(?:thanks|thank you|great|love|awesome|excellent|perfect|happy|nice work|well done|appreciate\w*"
    r"|obrigad[oa]|otimo|excelente|perfeito|adoro|adoramos|parabens|valeu|feliz)\b"
)


def describe(text: str) -> Description:
    """Never fails; nothing said is nothing known."""
    folded = _folded(text)
    environment, sure_of_environment = _environment(folded)
    version, sure_of_version = _version(folded)
    language, sure_of_language = _language(folded)
    sentiment, sure_of_sentiment = _sentiment(folded)
    return Description(
        environment=environment,
        version=version,
        language=language,
        sentiment=sentiment,
        sure_of_environment=sure_of_environment,
        sure_of_version=sure_of_version,
        sure_of_language=sure_of_language,
        sure_of_sentiment=sure_of_sentiment,
    )


def _environment(folded: str) -> tuple[Environment | None, float]:
    """Production wins: "staging is fine, production is not" is about production."""
    found = [one for one, pattern in _ENVIRONMENTS.items() if re.search(pattern, folded)]
    if not found:
        return None, 0.0
    return (Environment.PRODUCTION if Environment.PRODUCTION in found else found[0]), _sure(len(found))


def _version(folded: str) -> tuple[str | None, float]:
    """The one that was moved to before the one that it was moved from."""
    ours = _OTHERS.sub(" ", folded)
    found = [said for one in _VERSIONS for match in one.finditer(ours) for said in match.groups() if said]
    if not found:
        return None, 0.0
    if _ANOTHER.search(ours) and not _OURS.search(ours):  # "kafka rebalances since 3.9"
        return found[0], 0.4
    return found[0], _sure(len(set(found)))


def _language(folded: str) -> tuple[str, float]:
    english, portuguese = len(_ENGLISH.findall(folded)), len(_PORTUGUESE.findall(folded))
    if english == portuguese:
        return "other", 0.5
    share = max(english, portuguese) / (english + portuguese + 0.25)
    return ("en" if english > portuguese else "pt"), round(share, 2)


def _sentiment(folded: str) -> tuple[Sentiment, float]:
    upset, pleased = _UPSET.search(folded), _PLEASED.search(folded)
    sure = 0.6 if upset and pleased else 0.8
    if upset:
        return Sentiment.NEGATIVE, sure
    return (Sentiment.POSITIVE, sure) if pleased else (Sentiment.NEUTRAL, 0.7)


def _sure(number_said: int) -> float:
    return 0.9 if number_said == 1 else 0.6


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())
