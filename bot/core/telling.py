"""The words that tell a product area and a priority, in English and Portuguese."""

from __future__ import annotations

import re

from bot.core.model import ProductArea


def _words(listed: str) -> re.Pattern[str]:
    """Any of these at the start of a word; what ends in "." must be the whole word.

    Of folded text: lower case, no accents, one space between words.
    """
    stems = (" ".join(stem.split()) for stem in listed.split(","))
    parts = (re.escape(stem[:-1]) + r"\b" if stem.endswith(".") else re.escape(stem) for stem in stems)
    return re.compile(r"\b(?:" + "|".join(parts) + ")")


# A telling word weighs three, a hint one. What is the platform's and no part's comes last: it loses ties.
AREAS: dict[ProductArea, tuple[re.Pattern[str], re.Pattern[str]]] = {
    ProductArea.DATA_CATALOG: (
        _words("""
            catalog, datahub, glossary, glossari, ingestion, ingestao, ingest., crawler
        """),
        _words("""
            metadata, metadado, dataset, search, busca, snowflake, tag., tags., owner,
            connector, conector, domain, dominio, data product, produto de dados, urn., urns.,
            schema, recipe, gms., hive, glue., tableau, looker, metabase, power bi
        """),
    ),
    ProductArea.GOVERNANCE_ENGINE: (
        _words("""
            governance, governanca, approv, aprova, veto, vetar, raci., opa., rego., decision,
            steward, b-swarm, council, comite, access request, pedidos de acesso, pedido de
            acesso, audit trail
        """),
        _words("""
            decis, policy, policies, politica, promotion, promocao, audit, consulted,
            accountable, gold., ouro
        """),
    ),
    ProductArea.GPU_CLUSTER: (
        _words("""
            gpu, mig., cuda, nvidia, h100, a100, vram, rocm, preempt, kueue, volcano, dcgm,
            nccl, time slicing, gang scheduling
        """),
        _words("""
            driver, node., quota, cota, multi-gpu, card., cards., placa, checkpoint, ray.,
            training job, spot.
        """),
    ),
    ProductArea.FEDERATION: (
        _words("""
            federat, federac, federad, cosmos, sharing agreement, acordo de compartilhamento
        """),
        _words("""
            remote instance, instancia remota, instance, instancia, sharing, shared data,
            compartilha, peer, partner, parceir, organisation, organizac, agreement, acordo
        """),
    ),
    ProductArea.MLOPS: (
        _words("""
            mlflow, kubeflow, model registry, registro de modelo, mlops, kserve, feature
            store, feast., katib, retrain, retrein, inference service
        """),
        _words("""
            model, train, trein, drift, experiment, scoring, inferenc, pipeline, canary,
            canario, notebook, prediction, previs, hyperparameter, a/b
        """),
    ),
    ProductArea.QUALITY_CHECKS: (
        _words("""
            quality, qualidade, expectation, expectativa, completude, completeness, dq.,
            validator, validador, uniqueness, unicidade
        """),
        _words("""
            validat, validac, validan, freshness, frescor, suite, rule, regra, threshold,
            limite, score., scorecard, data contract, contrato de dados, anomal, duplicate
        """),
    ),
    ProductArea.LINEAGE: (
        _words("""
            lineage, linhagem, openlineage, marquez, impact analysis, analise de impacto,
            janusgraph, gremlin, provenance, proveniencia
        """),
        _words("""
            upstream, downstream, edge, aresta, graph., grafo, origem, arrow, depend
        """),
    ),
    ProductArea.OTHER: (
        _words("""
            keycloak, single sign on, sso., finops, terraform, minio, velero, istio
        """),
        _words("""
            login, log in, sign in, password, senha, kafka, debezium, helm, kubernetes,
            ingress, vault, postgres, grafana, prometheus, loki, superset, sdk., cli.,
            graphql, backup, certificate, certificado, install, instal, portal, plugin,
            release notes, api key, etcd, namespace, dark mode, cost, custo
        """),
    ),
}

PRODUCTION = _words("""
    production, prod., producao, live system, live cluster, live catalog, on live., our live.
""")
EVERYBODY = _words("""
    everything, everyone, everybody, entire, whole, all teams, all users, all services, company wide,
    company-wide, nothing works, tudo, todo mundo, todos, toda a, empresa inteira
""")
ELSEWHERE = _words("""
    staging, development, dev., test environment, sandbox, homologacao
""")
DOWN = _words("""
    down., is out., outage, unreachable, offline, dead., halted, crashloop, crashing, crash., blocked,
    not responding, unavailable, time out, cannot start, parad, fora do ar, caiu, cairam, indisponi,
    inacessi, nao sobe, nao responde, travad, bloquead
""")
LOSS = _words("""
    data loss, lost, wiped, gone., overwrote, overwritten, corrupted, vanished, deleted all, perda de
    dados, perdemos, perdid, perdeu, apagou, apagad, sumiu, sumiram, corrompid
""")
# In production, and where nobody says how they get by, these are as bad.
DOWN_THERE = _words("""
    nobody can, no one can, no team can, not a single user, nobody reaches, not one user, does not
    start, doesn't start, won't start, do not come back, does not respond, doesn't respond, crash
    loop, lost quorum, loads stopped, services stopped, business has stopped, customers cannot,
    customers can't, customers see errors, no pod gets, no pod starts, no gpu workload, ninguem
    consegue, ninguem acessa, ninguem entra, nada responde, morreu, morreram, derrub, travou, bloqueia
    tod, notready, nenhuma equipe, nenhum usuario, nenhum job, nenhuma carga, nenhum servico, nenhum
    pod, nenhuma gpu, nenhum modelo, nenhuma previs, nenhum parceiro
""")
LOST_THERE = _words("""
    purged, erased, emptied, destroy, was deleted, were deleted, deleted all, deleted every, deleted
    the whole, deleted the entire, deleted our, volumes deleted, deleted by the, dropped all, dropped
    every, dropped our, removed every, removed all, unrecoverable, cannot be recovered, can't be
    recovered, cannot be restored, can't be restored, no copy of, was truncated, apagaram, sobrescrev,
    sobrescrit, foi truncad, corrompeu
""")
NO_LOSS = _words("""
    no data loss, no data was lost, nothing was lost, nothing lost, sem perda
""")
WISH = _words("""
    would be nice, would be lovely, would be great, would love, please add, please support, please
    document, feature request, suggestion, enhancement, wish, some day, someday, extend the,
    documentation, docs., tutorial, it would be, could you add, nice to have, sugestao, sugiro,
    poderia haver, poderiam, seria bom, seria legal, seria otimo, gostaria que, documentacao, seria
    possivel adicionar, melhoria, por favor adicion, por favor document
""")
BROKEN = _words("""
    broken, broke., fail, error, stopped, crash, not work, doesn't, can't, cannot, no longer, any
    more, anymore, blank, returns 4, returns 5, stuck, hang, regression, parou, pararam, falh, erro,
    quebr, nao funciona, nao carrega, nao e mais, nao consegu, travou, deixou de
""")
WORKAROUND = _words("""
    workaround, by hand, manual, in the meantime, meanwhile, for now, until fixed, still work, works,
    instead, so people use, people use, we use, ourselves, one by one, um por um, na mao, por
    enquanto, por fora, contorn, enquanto isso
""")
