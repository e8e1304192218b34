"""The figures as a picture: whether the confidence is honest, and what caution costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.core.errors import UserFacingError
from knowledge.evaluation.figures import ABSTAINED, Evaluation
from knowledge.evaluation.metrics import Tradeoff

_SIDE = 300  #: of a panel's square
_LEFT, _TOP, _BETWEEN = 70, 92, 110
_WIDTH, _HEIGHT = _LEFT + 2 * _SIDE + _BETWEEN + 40, _TOP + _SIDE + 74
_INK, _FAINT, _GOOD, _BAD, _BAR = "#1f2933", "#d5dbe1", "#0b6e69", "#b3372f", "#9cc4c1"
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_CAPTION = 44  #: pixels below a panel


def save_chart(found: Evaluation, target: Path) -> None:
    """Write the picture as SVG."""
    try:
        target.write_text(chart(found), "utf-8")
    except OSError as error:
        raise UserFacingError(f"{target} cannot be written ({error.strerror}).") from error


def chart(found: Evaluation) -> str:
    """Two panels: reliability on the left, risk and coverage on the right."""
    right = _LEFT + _SIDE + _BETWEEN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="{_INK}" role="img">'
    )
    parts = [
        head,
        f"<title>{_summary(found)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_panel(_LEFT, "Is the confidence honest?", "confidence that was said", "part that was right"),
        *_reliability(found, _Square(_LEFT)),
        *_panel(right, "What does caution cost?", "answerable questions that are answered", "part"),
        *_caution(found, _Square(right)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Square:
    """Turns the unit square into pixels; up is up."""

    def __init__(self, left: float) -> None:
        self._left = left

    def x(self, value: float) -> float:
        return round(self._left + value * _SIDE, 1)

    def y(self, value: float) -> float:
        return round(_TOP + (1 - value) * _SIDE, 1)


def _summary(found: Evaluation) -> str:
    error = found.calibration_error.value
    said = "-" if error is None else f"{error:.3f}"
    return f"Expected calibration error {said}; {len(found.tradeoffs)} thresholds"


def _panel(left: float, title: str, across: str, upward: str) -> Iterator[str]:
    square = _Square(left)
    yield _text(left, _TOP - 62, title, size=15, weight=600)
    for tick in _TICKS:
        yield _line(square.x(0), square.y(tick), square.x(1), square.y(tick), _FAINT)
        yield _text(square.x(0) - 8, square.y(tick) + 4, f"{tick:.1f}", anchor="end")
        yield _text(square.x(tick), square.y(0) + 18, f"{tick:.1f}", anchor="middle")
    yield _text(square.x(0.5), square.y(0) + _CAPTION, across, anchor="middle")
    middle = square.y(0.5)
    yield (
        f'<text x="{left - 42}" y="{middle}" text-anchor="middle"'
        f' transform="rotate(-90 {left - 42} {middle})">{upward}</text>'
    )


def _reliability(found: Evaluation, square: _Square) -> Iterator[str]:
    error = found.calibration_error
    if error.value is not None:
        note = f"expected error {error.value:.3f} [{error.low:.3f} … {error.high:.3f}]; number: questions"
        yield _text(square.x(0), _TOP - 40, note)
    for one in found.bins:
        width = (one.end - one.start) * _SIDE - 6
        height = one.right * _SIDE
        yield (
            f'<rect x="{square.x(one.start) + 3}" y="{square.y(one.right)}" width="{width:.1f}"'
            f' height="{height:.1f}" fill="{_BAR}"/>'
        )
        at = square.x(one.confidence)
        yield _line(at, square.y(one.right), at, square.y(one.confidence), _BAD)
        yield _dot(square.x(one.confidence), square.y(one.right), _GOOD)
        above = max(min(square.y(one.right), square.y(one.confidence)) - 8, _TOP + 10)
        yield _text(square.x((one.start + one.end) / 2), above, f"{one.questions}", anchor="middle")
    yield _line(square.x(0), square.y(0), square.x(1), square.y(1), _INK, dashed=True)


def _caution(found: Evaluation, square: _Square) -> Iterator[str]:
    curves: tuple[tuple[str, str, Callable[[Tradeoff], float]], ...] = (
        ("wrong, of all answers", _BAD, lambda point: point.wrong),
        ("answered, of the unanswerable", _GOOD, lambda point: point.false_answers),
    )
    for number, (name, colour, height) in enumerate(curves):
        top = _TOP - 42 + number * 16
        yield _line(square.x(0), top, square.x(0) + 22, top, colour, width=2.5)
        yield _text(square.x(0) + 28, top + 4, name)
        yield _curve(square, found.tradeoffs, colour, height)
    allowed = 1 - ABSTAINED
    yield _line(square.x(0), square.y(allowed), square.x(1), square.y(allowed), _INK, dashed=True)
    if found.at_ninety is not None:
        point = found.at_ninety
        yield _dot(square.x(point.coverage), square.y(point.false_answers), _GOOD)
        yield _dot(square.x(0) + 11, _TOP - 8, _GOOD)
        note = f"from {point.threshold:.2f} on: {point.coverage:.0%} and {point.false_answers:.0%} answered"
        yield _text(square.x(0) + 28, _TOP - 4, note)


def _curve(
    square: _Square, points: Sequence[Tradeoff], colour: str, height: Callable[[Tradeoff], float]
) -> str:
    places = " ".join(f"{square.x(point.coverage)},{square.y(height(point))}" for point in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False, width: float = 1
) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dash}/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: int = 400) -> str:
    # The white outline keeps figures readable where a line runs behind them.
    font = f'font-size="{size}" font-weight="{weight}" stroke="white" stroke-width="3" paint-order="stroke"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" {font}>{text}</text>'
