"""A knowledge base of one article: it knows about DataHub and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.model import Answer, Citation, Correction, Finding, Inquiry, Text, Verdict
from bot.core.triage import triage


class LittleKnowledge:
    """Answers at once; what it says names nobody."""

    async def classify(self, text: str, corrections: Sequence[Correction]) -> Verdict:
        del corrections
        return triage(text)

    async def answer(self, inquiry: Inquiry) -> Finding:
        if "datahub" not in inquiry.text.lower():
            return Finding(answer=None)
        citation = Citation(
            path="integration-guides/datahub.md",
            heading="Connect DataHub",
            url="https://docs.opendatagov.io/integrations/datahub",
        )
        body = "> Set `DATAHUB_GMS_URL` and restart the connector."
        text = Text(body=body, audience=inquiry.reader)
        return Finding(answer=Answer(text=text, citations=(citation,), confidence=0.9), confidence=0.9)
