"""Block Kit as Slack checks it before it accepts a message."""

# https://docs.slack.dev/reference/block-kit/blocks

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.sandbox.slack.things import Json
from bot.sandbox.slack.world import World

MAX_BLOCKS = 50
MAX_SECTION_TEXT = 3000
MAX_FIELD_TEXT = 2000
MAX_FIELDS = 10
MAX_HEADER_TEXT = 150
MAX_MARKDOWN = 12_000  #: all markdown blocks of a message together
MAX_ACTIONS = 25
MAX_CONTEXT_ELEMENTS = 10
MAX_CONTEXT_ACTIONS = 5
MAX_ID = 255
MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_URL = 3000
MAX_ALT_TEXT = 2000
MAX_RENDERED = 13_200  #: undocumented, measured: https://github.com/slackapi/bolt-js/issues/2509
HEADER_COST = 100  #: what a header adds to the rendered size beyond its text

TEXT_TYPES = frozenset({"plain_text", "mrkdwn"})
#: accepted without a look inside
UNCHECKED = frozenset(
    {"rich_text", "table", "video", "file", "input", "data_table", "card", "alert", "carousel"}
)
ELEMENTS = frozenset(
    {
        "button",
        "overflow",
        "static_select",
        "multi_static_select",
        "external_select",
        "multi_external_select",
        "users_select",
        "multi_users_select",
        "conversations_select",
        "multi_conversations_select",
        "channels_select",
        "multi_channels_select",
        "datepicker",
        "datetimepicker",
        "timepicker",
        "checkboxes",
        "radio_buttons",
        "workflow_button",
    }
)

Complaints = list[str]


class InvalidBlocks(ValueError):
    """Slack's `error` and the lines of its `response_metadata.messages`."""

    def __init__(self, error: str, messages: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.error = error
        self.messages = list(messages)


def check_blocks(blocks: Any) -> None:
    """Raise InvalidBlocks when Slack would refuse these."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise InvalidBlocks("invalid_blocks_format")
    complaints: Complaints = []
    if len(blocks) > MAX_BLOCKS:
        complaints.append(f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        _check_block(block, f"/blocks/{index}", complaints)
    _check_unique([block.get("block_id") for block in blocks], "block_id", "/blocks", complaints)
    if sum(len(_text_of(block)) for block in blocks if block.get("type") == "markdown") > MAX_MARKDOWN:
        complaints.append(f"markdown blocks exceed {MAX_MARKDOWN} characters [json-pointer:/blocks]")
    if complaints:
        raise InvalidBlocks("invalid_blocks", [f"[ERROR] {line}" for line in complaints])
    if rendered_size(blocks) > MAX_RENDERED:
        raise InvalidBlocks("msg_blocks_too_long")


def rendered_size(blocks: Sequence[Json]) -> int:
    """The characters a reader gets, headers counted with what they cost."""
    return sum(_size(block) + HEADER_COST * (block.get("type") == "header") for block in blocks)


def complete_blocks(world: World, blocks: Sequence[Json]) -> tuple[Json, ...]:
    """The blocks as Slack stores them: with a block_id and an action_id everywhere."""
    completed = []
    for block in blocks:
        stored = {**block, "block_id": block.get("block_id") or world.code(5)}
        if "elements" in block and block["type"] in {"actions", "context_actions"}:
            stored["elements"] = [_complete_element(world, element) for element in block["elements"]]
        if isinstance(block.get("accessory"), dict):
            stored["accessory"] = _complete_element(world, block["accessory"])
        completed.append(stored)
    return tuple(completed)


def _complete_element(world: World, element: Json) -> Json:
    if element.get("type") == "image":
        return element
    return {**element, "action_id": element.get("action_id") or world.code(5)}


def _size(node: Any) -> int:
    if isinstance(node, dict):
        return sum(len(v) if k == "text" and isinstance(v, str) else _size(v) for k, v in node.items())
    return sum(_size(item) for item in node) if isinstance(node, list) else 0


def _text_of(block: Json) -> str:
    text = block.get("text")
    return text if isinstance(text, str) else ""


def _check_block(block: Json, at: str, complaints: Complaints) -> None:
    kind = block.get("type")
    if not isinstance(kind, str) or kind not in UNCHECKED | CHECKS.keys():
        complaints.append(f"unsupported type: {kind} [json-pointer:{at}/type]")
        return
    _check_length(block.get("block_id", "-"), MAX_ID, f"{at}/block_id", complaints)
    if check := CHECKS.get(kind):
        check(block, at, complaints)


def _check_section(block: Json, at: str, complaints: Complaints) -> None:
    if "text" not in block and "fields" not in block:
        complaints.append(f"missing required field: text or fields [json-pointer:{at}]")
    if "text" in block:
        _check_text(block["text"], TEXT_TYPES, MAX_SECTION_TEXT, f"{at}/text", complaints)
    fields = block.get("fields", [])
    _check_count(fields, MAX_FIELDS, f"{at}/fields", complaints)
    for index, text in enumerate(fields):
        _check_text(text, TEXT_TYPES, MAX_FIELD_TEXT, f"{at}/fields/{index}", complaints)
    if "accessory" in block:
        _check_element(block["accessory"], ELEMENTS | {"image"}, f"{at}/accessory", complaints)


def _check_header(block: Json, at: str, complaints: Complaints) -> None:
    _check_text(block.get("text"), {"plain_text"}, MAX_HEADER_TEXT, f"{at}/text", complaints)


def _check_markdown(block: Json, at: str, complaints: Complaints) -> None:
    if not isinstance(block.get("text"), str):
        complaints.append(f"must provide a string [json-pointer:{at}/text]")
    elif not block["text"]:
        complaints.append(f"must be more than 0 characters [json-pointer:{at}/text]")


def _check_actions(block: Json, at: str, complaints: Complaints) -> None:
    _check_elements(block, ELEMENTS, MAX_ACTIONS, at, complaints)


def _check_context(block: Json, at: str, complaints: Complaints) -> None:
    elements = block.get("elements", [])
    _check_count(elements, MAX_CONTEXT_ELEMENTS, f"{at}/elements", complaints, least=1)
    for index, element in enumerate(elements):
        where = f"{at}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            _check_image(element, where, complaints)
        else:
            _check_text(element, TEXT_TYPES, MAX_SECTION_TEXT, where, complaints)


def _check_context_actions(block: Json, at: str, complaints: Complaints) -> None:
    allowed = frozenset({"feedback_buttons", "icon_button"})
    _check_elements(block, allowed, MAX_CONTEXT_ACTIONS, at, complaints)


def _check_image(block: Json, at: str, complaints: Complaints) -> None:
    _check_length(block.get("alt_text"), MAX_ALT_TEXT, f"{at}/alt_text", complaints)
    if "slack_file" not in block:
        _check_length(block.get("image_url"), MAX_URL, f"{at}/image_url", complaints)


def _check_nothing(block: Json, at: str, complaints: Complaints) -> None:
    del block, at, complaints


CHECKS: dict[str, Callable[[Json, str, Complaints], None]] = {
    "section": _check_section,
    "header": _check_header,
    "markdown": _check_markdown,
    "actions": _check_actions,
    "context": _check_context,
    "context_actions": _check_context_actions,
    "image": _check_image,
    "divider": _check_nothing,
}


def _check_elements(block: Json, allowed: frozenset[str], most: int, at: str, complaints: Complaints) -> None:
    elements = block.get("elements", [])
    _check_count(elements, most, f"{at}/elements", complaints, least=1)
    for index, element in enumerate(elements):
        _check_element(element, allowed, f"{at}/elements/{index}", complaints)
    ids = [element.get("action_id") for element in elements if isinstance(element, dict)]
    _check_unique(ids, "action_id", f"{at}/elements", complaints)


def _check_element(element: Any, allowed: frozenset[str], at: str, complaints: Complaints) -> None:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        complaints.append(f"unsupported type: {kind} [json-pointer:{at}/type]")
        return
    _check_length(element.get("action_id", "-"), MAX_ID, f"{at}/action_id", complaints)
    if kind == "image":
        _check_image(element, at, complaints)
    if kind == "button":
        _check_button(element, at, complaints)


def _check_button(button: Json, at: str, complaints: Complaints) -> None:
    _check_text(button.get("text"), {"plain_text"}, MAX_BUTTON_TEXT, f"{at}/text", complaints)
    if "value" in button:
        _check_length(button["value"], MAX_BUTTON_VALUE, f"{at}/value", complaints, least=0)
    if "url" in button:
        _check_length(button["url"], MAX_URL, f"{at}/url", complaints)
    if button.get("style", "primary") not in {"primary", "danger"}:
        complaints.append(f"unsupported style [json-pointer:{at}/style]")


def _check_text(
    text: Any, types: set[str] | frozenset[str], most: int, at: str, complaints: Complaints
) -> None:
    if not isinstance(text, dict) or text.get("type") not in types:
        complaints.append(
            f"must provide a text object of type {' or '.join(sorted(types))} [json-pointer:{at}]"
        )
        return
    _check_length(text.get("text"), most, f"{at}/text", complaints)


def _check_length(value: Any, most: int, at: str, complaints: Complaints, *, least: int = 1) -> None:
    if not isinstance(value, str):
        complaints.append(f"must provide a string [json-pointer:{at}]")
    elif len(value) < least:
        complaints.append(f"must be more than {least - 1} characters [json-pointer:{at}]")
    elif len(value) > most:
        complaints.append(f"must be less than {most + 1} characters [json-pointer:{at}]")


def _check_count(items: Any, most: int, at: str, complaints: Complaints, *, least: int = 0) -> None:
    if not isinstance(items, list):
        complaints.append(f"must be an array [json-pointer:{at}]")
    elif not least <= len(items) <= most:
        complaints.append(f"must have {least} to {most} items [json-pointer:{at}]")


def _check_unique(ids: Sequence[Any], name: str, at: str, complaints: Complaints) -> None:
    given = [one for one in ids if one is not None]
    if len(given) != len(set(map(str, given))):
        complaints.append(f"`{name}` already exists [json-pointer:{at}]")
