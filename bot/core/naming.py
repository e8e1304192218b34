"""Somebody by name: a name that is on its way is worth a moment."""

from __future__ import annotations

from datetime import timedelta

from bot.core.effects import IdentifyPerson
from bot.core.errors import NotYet
from bot.core.model import Person, PersonRef
from bot.core.ports import Records

NAMED_WITHIN = timedelta(seconds=30)  #: how long anybody is kept waiting for somebody's name


async def named(ref: PersonRef, records: Records, *, is_patient: bool) -> Person | None:
    """Somebody by name. NotYet while it is being looked up, for those who keep the first name they hear."""
    known = await records.find_person(ref)
    if known is None and is_patient and await _is_being_identified(ref, records):
        raise NotYet("who said it is still being looked up")
    return known


async def _is_being_identified(ref: PersonRef, records: Records) -> bool:
    lane = IdentifyPerson(ref=ref, room="").lane
    return await records.has_pending(lane, IdentifyPerson.__name__)
