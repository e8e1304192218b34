"""A first guess at product area and priority by keywords, in English and Portuguese.

Whatever judges messages better later, `is_emergency` stays the floor: production down or data lost is P1
because code says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from bot.core.describing import describe
from bot.core.model import Priority, ProductArea, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rules see in a message, for a classifier that weighs it."""

    areas: tuple[int, ...]  #: points of each area, in the order of the enumeration
    signs: tuple[bool, ...]  #: priorities P1 to P4 by rule, then single signs


def _words(*stems: str) -> re.Pattern[str]:
    """Match any of these at the start of a word; a stem that ends in "." must be the whole word."""
    parts = (re.escape(stem[:-1]) + r"\b" if stem.endswith(".") else re.escape(stem) for stem in stems)
    return re.compile(r"\b(?:" + "|".join(parts) + ")")


# Folded text: lower case, no accents. A telling word weighs three, a hint one.
_AREAS: dict[ProductArea, tuple[re.Pattern[str], re.Pattern[str]]] = {
    ProductArea.DATA_CATALOG: (
        _words("catalog", "datahub", "glossary", "glossari", "ingestion", "ingestao", "ingest.", "crawler"),
        _words(
            "metadata", "metadado", "dataset", "search", "busca", "snowflake", "tag.", "tags.", "owner",
            "connector", "conector", "domain", "dominio", "data product", "produto de dados", "urn.", "urns.",
            "schema", "recipe", "gms.", "hive", "glue.", "tableau", "looker", "metabase", "power bi",
        ),  # fmt: skip  # a list of words, read across
    ),
    ProductArea.GOVERNANCE_ENGINE: (
        _words(
            "governance", "governanca", "approv", "aprova", "veto", "vetar", "raci.", "opa.", "rego.",
            "decision", "steward", "b-swarm", "council", "comite", "access request", "pedidos de acesso",
            "pedido de acesso", "audit trail",
        ),  # fmt: skip  # as above
        _words(
            "decis", "policy", "policies", "politica", "promotion", "promocao", "audit", "consulted",
            "accountable", "gold.", "ouro",
        ),  # fmt: skip  # as above
    ),
    ProductArea.GPU_CLUSTER: (
        _words(
            "gpu", "mig.", "cuda", "nvidia", "h100", "a100", "vram", "rocm", "preempt", "kueue", "volcano",
            "dcgm", "nccl", "time slicing", "gang scheduling",
        ),  # fmt: skip  # as above
        _words(
            "driver", "node.", "quota", "cota", "multi-gpu", "card.", "cards.", "placa", "checkpoint", "ray.",
            "training job", "spot.",
        ),  # fmt: skip  # as above
    ),
    ProductArea.FEDERATION: (
        _words("federat", "federac", "federad", "cosmos", "sharing agreement", "acordo de compartilhamento"),
        _words(
            "remote instance", "instancia remota", "instance", "instancia", "sharing", "shared data",
            "compartilha", "peer", "partner", "parceir", "organisation", "organizac", "agreement", "acordo",
        ),  # fmt: skip  # as above
    ),
    ProductArea.MLOPS: (
        _words(
            "mlflow", "kubeflow", "model registry", "registro de modelo", "mlops", "kserve", "feature store",
            "feast.", "katib", "retrain", "retrein", "inference service",
        ),  # fmt: skip  # as above
        _words(
            "model", "train", "trein", "drift", "experiment", "scoring", "inferenc", "pipeline", "canary",
            "canario", "notebook", "prediction", "previs", "hyperparameter", "a/b",
        ),  # fmt: skip  # as above
    ),
    ProductArea.QUALITY_CHECKS: (
        _words(
            "quality", "qualidade", "expectation", "expectativa", "completude", "completeness", "dq.",
            "validator", "validador", "uniqueness", "unicidade",
        ),  # fmt: skip  # as above
        _words(
            "validat", "validac", "validan", "freshness", "frescor", "suite", "rule", "regra", "threshold",
            "limite", "score.", "scorecard", "data contract", "contrato de dados", "anomal", "duplicate",
        ),  # fmt: skip  # as above
    ),
    ProductArea.LINEAGE: (
        _words(
            "lineage", "linhagem", "openlineage", "marquez", "impact analysis", "analise de impacto",
            "janusgraph", "gremlin", "provenance", "proveniencia",
        ),  # fmt: skip  # as above
        _words("upstream", "downstream", "edge", "aresta", "graph.", "grafo", "origem", "arrow", "depend"),
    ),
    ProductArea.OTHER: (  # what belongs to the platform and to none of its parts
        _words("keycloak", "single sign on", "sso.", "finops", "terraform", "minio", "velero", "istio"),
        _words(
            "login", "log in", "sign in", "password", "senha", "kafka", "debezium", "helm", "kubernetes",
            "ingress", "vault", "postgres", "grafana", "prometheus", "loki", "superset", "sdk.", "cli.",
            "graphql", "backup", "certificate", "certificado", "install", "instal", "portal", "plugin",
            "release notes", "api key", "etcd", "namespace", "dark mode", "cost", "custo",
        ),  # fmt: skip  # as above
    ),
}

_PRODUCTION = _words("production", "prod.", "producao")
_EVERYBODY = _words(
    "everything", "everyone", "everybody", "entire", "whole", "all teams", "all users", "all services",
    "company wide", "company-wide", "nothing works", "tudo", "todo mundo", "todos", "toda a",
    "empresa inteira",
)  # fmt: skip  # a list of words, read across
_ELSEWHERE = _words("staging", "development", "dev.", "test environment", "sandbox", "homologacao")
_DOWN = _words(
    "down.", "is out.", "outage", "unreachable", "offline", "dead.", "halted", "crashloop", "crashing",
    "crash.", "blocked", "not responding", "unavailable", "time out", "cannot start", "parad",
    "fora do ar", "caiu", "cairam", "indisponi", "inacessi", "nao sobe", "nao responde", "travad", "bloquead",
)  # fmt: skip  # as above
_LOSS = _words(
    "data loss", "lost", "wiped", "gone.", "overwrote", "overwritten", "corrupted", "vanished", "deleted all",
    "perda de dados", "perdemos", "perdid", "perdeu", "apagou", "apagad", "sumiu", "sumiram", "corrompid",
)  # fmt: skip  # as above
# A sentence that says of production that it is fine, or only imagines or asks whether it is not.
_CALM = re.compile(
    r"\b(?:is|are|was|were)(?: not|n't) (?:down|affected|impacted|broken)\b"
    r"|\bnot (?:down|affected|impacted)\b|\b(?:back up|up again|recovered|all good|no longer down)\b"
    r"|\b(?:what|e) (?:if|se)\b|\bin case\b|\bif (?:our |the )?prod(?:uction)?\b|^(?:is|are) [^.!?]*\?"
    r"|\bnao (?:esta|estao|esteve) (?:fora do ar|parad[oa]s?|afetad[oa]s?)\b|\b(?:voltou|normalizad[oa])\b"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NO_LOSS = _words("no data loss", "no data was lost", "nothing was lost", "nothing lost", "sem perda")
_WISH = _words(
    "would be nice", "would be lovely", "would be great", "would love", "please add", "please support",
    "please document", "feature request", "suggestion", "enhancement", "wish", "some day", "someday",
    "extend the", "documentation", "docs.", "tutorial", "it would be", "could you add", "nice to have",
    "sugestao", "sugiro", "poderia haver", "poderiam", "seria bom", "seria legal", "seria otimo",
    "gostaria que", "documentacao", "seria possivel adicionar", "melhoria", "por favor adicion",
    "por favor document",
)  # fmt: skip  # as above
_BROKEN = _words(
    "broken", "broke.", "fail", "error", "stopped", "crash", "not work", "doesn't", "can't", "cannot",
    "no longer", "any more", "anymore", "blank", "returns 4", "returns 5", "stuck", "hang", "regression",
    "parou", "pararam", "falh", "erro", "quebr", "nao funciona", "nao carrega", "nao e mais", "nao consegu",
    "travou", "deixou de",
)  # fmt: skip  # as above
_WORKAROUND = _words(
    "workaround", "by hand", "manual", "in the meantime", "meanwhile", "for now", "until fixed", "still work",
    "works", "instead", "so people use", "na mao", "por enquanto", "por fora", "contorn", "enquanto isso",
)  # fmt: skip  # as above
_QUESTION = re.compile(
    r"^(?:how|what|which|where|when|why|who|can|could|does|do|is|are|should"
    r"|como|qual|quais|onde|quando|por que|quem|quanto|posso|da para|existe)\b"
)

_HOW_TO = re.compile(
    r"^(?:how (?:do|can|to|does|should|would)|what (?:is|are) the|which"
    r"|como (?:faco|fazer|posso|devo|evit\w+|config\w+|recuper\w+)|qual|quais)\b"
)


def triage(text: str) -> Verdict:
    """Never fails; an empty or foreign text is a P3 about something else."""
    folded = _folded(text)
    area, area_words, certainty = _area(folded)
    priority, why = _priority(folded)
    words = f"{area.value}: {', '.join(area_words)}" if area_words else "no product named"
    return Verdict(
        product_area=area,
        priority=priority,
        confidence=round(certainty * (0.9 if why else 0.5), 2),
        reason=f"{words}; {priority.value}: {', '.join(why) or 'nothing says otherwise'}",
        description=describe(text),
    )


def evidence(text: str) -> Evidence:
    """The same words and patterns as numbers."""
    folded = _folded(text)
    priority, _ = _priority(folded)
    signs = (_BROKEN, _DOWN, _LOSS, _WORKAROUND, _WISH, _PRODUCTION, _EVERYBODY)
    return Evidence(
        areas=tuple(_points(folded).values()),
        signs=(
            *(priority is one for one in Priority),
            *(bool(pattern.search(folded)) for pattern in signs),
            bool(_QUESTION.match(folded)),
            folded.endswith("?"),
        ),
    )


def is_emergency(text: str) -> bool:
    """Production down or data lost: P1, whoever or whatever judges otherwise."""
    return bool(_emergency(_folded(text)))


def _area(folded: str) -> tuple[ProductArea, list[str], float]:
    scores = _points(folded)
    best = max(scores, key=scores.__getitem__)
    if not scores[best]:
        return ProductArea.OTHER, [], 0.5
    words = _unique(word for pattern in _AREAS[best] for word in pattern.findall(folded))
    return best, words, scores[best] / (sum(scores.values()) + 1)


def _points(folded: str) -> dict[ProductArea, int]:
    return {
        area: 3 * len(set(telling.findall(folded))) + len(set(hints.findall(folded)))
        for area, (telling, hints) in _AREAS.items()
    }


def _priority(folded: str) -> tuple[Priority, list[str]]:
    if emergency := _emergency(folded):
        return Priority.P1, emergency
    broken = _unique(_BROKEN.findall(folded) + _DOWN.findall(folded))
    workaround = _unique(_WORKAROUND.findall(folded))
    if wish := _unique(_WISH.findall(folded)):
        return Priority.P4, wish
    if broken and (workaround or not _QUESTION.match(folded)):
        return Priority.P2, broken + workaround
    return Priority.P3, ["a question"] if _QUESTION.match(folded) else []


def _emergency(folded: str) -> list[str]:
    if _HOW_TO.match(folded):  # "how do I get a lost dataset back in production": no emergency by itself
        return []
    folded = " ".join(said for said in _SENTENCE.split(folded) if not _CALM.search(said))
    scope = _unique(_PRODUCTION.findall(folded) + _EVERYBODY.findall(folded))
    is_elsewhere = _ELSEWHERE.search(folded) and not _PRODUCTION.search(folded)
    if not scope or is_elsewhere:
        return []
    loss = [] if _NO_LOSS.search(folded) else _LOSS.findall(folded)
    return _unique(_DOWN.findall(folded) + loss) + scope if _DOWN.search(folded) or loss else []


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
