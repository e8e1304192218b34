from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from structlog.testing import capture_logs

from bot.core.errors import UserFacingError
from bot.core.model import PUBLIC, Answer, Audience, Citation, Text
from knowledge.answering import Consideration, Reason
from knowledge.commands import kb_index
from knowledge.evaluation.cases import Case, Gold, load_answerable, load_unanswerable
from knowledge.evaluation.charts import chart
from knowledge.evaluation.commands import Wanted, kb_eval
from knowledge.evaluation.comparing import Verdict, compare
from knowledge.evaluation.figures import METRICS, evaluate
from knowledge.evaluation.printing import comparison_in_words, figures_as_json, figures_in_words
from knowledge.evaluation.runs import Outcome, ask_all, load_run, outcome_of, save_run
from knowledge.languages import Language
from knowledge.retrieval import Passage

ROOT = Path(__file__).resolve().parents[3]
ARTICLES = ROOT / "tests" / "payloads" / "kb" / "articles"
WORDS = "none"  #: no model: these tests are about what is counted


def dice(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - draws questions, guards nothing


def a_passage(path: str, heading: str = "Intro") -> Passage:
    return Passage(
        article=1,
        path=path,
        title=path,
        heading=heading,
        anchor="",
        url="",
        score=1.0,
        text="text",
        language=Language.EN,
        audience=PUBLIC,
    )


def considered(*found: tuple[str, str], cited: Sequence[tuple[str, str]] = ()) -> Consideration:
    answer = Answer(
        text=Text(body="> said", audience=PUBLIC),
        citations=tuple(Citation(path=path, heading=heading, url="") for path, heading in cited),
        confidence=0.9,
    )
    return Consideration(
        answer=answer if cited else None,
        confidence=0.9 if cited else 0.2,
        reason=Reason.ANSWERED if cited else Reason.UNSURE,
        passages=tuple(a_passage(path, heading) for path, heading in found),
    )


def a_case(**changes: Any) -> Case:
    boring = Case(
        id="q1", question="how?", languages="en>en", gold_paths=("a.md",), golds=(Gold("a.md", "Set `x`"),)
    )
    return replace(boring, **changes)


def an_outcome(**changes: Any) -> Outcome:
    boring = outcome_of(a_case(), considered(("a.md", "Set x"), cited=[("a.md", "Set x")]), seconds=0.01)
    return replace(boring, **changes)


def a_miss(**changes: Any) -> Outcome:
    boring = outcome_of(a_case(), considered(("b.md", "Other"), cited=[("b.md", "Other")]), seconds=0.01)
    return replace(boring, **changes)


def unknown(**changes: Any) -> Outcome:
    case = a_case(id="u1", gold_paths=(), golds=(), category="off_topic", languages="en")
    return replace(outcome_of(case, considered(("b.md", "Other")), seconds=0.03), **changes)


# -- cases ------------------------------------------------------------------------


def test_a_line_that_is_no_case_is_one_sentence_and_left_out(tmp_path: Path) -> None:
    source, faults = tmp_path / "q.jsonl", list[str]()
    lines = [
        '{"id": "a", "question": "x", "gold_paths": ["a.md"]}',
        '{"id": "a", "question": "y", "gold_paths": ["a.md"]}',
        '{"id": "b", "question": "x"}',
        '{"id": "c", "question": " ", "gold_paths": ["a.md"]}',
        '{"id": "d", "question": "x", "gold_paths": "a.md"}',
        '{"id": "e", "question": "x", "gold_paths": []}',
        '{"id": "f", "question": "x", "gold_paths": ["a.md"], "gold": ["a.md"]}',
        '{"id": "g", "question": 7, "gold_paths": ["a.md"]}',
        "{",
    ]
    source.write_text("\n".join(lines), "utf-8")
    assert [case.id for case in load_answerable(source, faults.append)] == ["a"]
    assert faults == [
        f"{source}: line 2: 'a' is there twice.",
        f"{source}: line 3: gold_paths missing.",
        f"{source}: line 4: question is empty.",
        f"{source}: line 5: gold_paths is no list of paths.",
        f"{source}: line 6: gold_paths is empty; a question without an answer belongs into --unanswerable.",
        f"{source}: line 7: gold is no list of objects with path and heading.",
        f"{source}: line 8: question is no text.",
        f"{source}: line 9: not JSON.",
    ]


def test_a_case_may_name_little_about_itself(tmp_path: Path) -> None:
    source = tmp_path / "q.jsonl"
    source.write_text('{"question": "x", "gold_paths": ["a.md", "a.md"]}\n', "utf-8")
    (case,) = load_answerable(source, pytest.fail)
    assert case == Case(id="x", question="x", languages="?", gold_paths=("a.md",))
    source.write_text('{"question": "x", "gold_paths": ["a.md"], "category": "off_topic"}\n', "utf-8")
    (case,) = load_unanswerable(source, pytest.fail)
    assert not case.is_answerable


# -- outcomes ---------------------------------------------------------------------


def test_a_section_is_hit_when_path_and_heading_read_the_same_among_the_first_five() -> None:
    others = [(f"{number}.md", "Set x") for number in range(5)]
    near = outcome_of(a_case(), considered(*others[:4], ("a.md", "Set X")), seconds=0)
    assert (near.section, near.rank) == (True, 5)
    far = outcome_of(a_case(), considered(*others, ("a.md", "Set x")), seconds=0)
    assert (far.section, far.rank) == (False, 6)
    other_heading = outcome_of(a_case(), considered(("a.md", "Set y")), seconds=0)
    assert (other_heading.section, other_heading.rank) == (False, 1)
    assert outcome_of(a_case(golds=()), considered(("a.md", "Set x")), seconds=0).section is None


def test_a_second_passage_of_an_article_takes_a_place_among_passages_only() -> None:
    found = outcome_of(a_case(), considered(("b.md", "One"), ("b.md", "Two"), ("a.md", "Set x")), seconds=0)
    assert (found.rank, found.place) == (2, 3)


def test_citations_are_counted_by_article_and_by_section() -> None:
    cited = [("a.md", "Set x"), ("a.md", "Elsewhere"), ("b.md", "Set x")]
    found = outcome_of(a_case(), considered(("b.md", ""), cited=cited), seconds=0)
    assert (found.citations, found.right_citations, found.right_sections) == (3, 2, 1)
    assert found.right


def test_an_abstention_is_as_right_as_its_first_passage() -> None:
    assert outcome_of(a_case(), considered(("a.md", "")), seconds=0).right
    assert not outcome_of(a_case(), considered(("b.md", ""), ("a.md", "")), seconds=0).right
    assert not outcome_of(a_case(), considered(), seconds=0).right
    assert not unknown().right


def test_every_case_is_asked_once_for_the_reader_and_progress_is_told() -> None:
    asked: list[tuple[str, Audience, int]] = []
    told: list[tuple[int, int, str]] = []

    class Thinking:
        def consider(self, text: str, *, reader: Audience, passages: int = 10) -> Consideration:
            asked.append((text, reader, passages))
            return considered(("a.md", ""))

    ask_all(
        Thinking(), [a_case(), a_case(id="q2")], reader=PUBLIC, progress=lambda *words: told.append(words)
    )
    assert asked == [("how?", PUBLIC, 10)] * 2
    assert told == [(0, 2, "q1"), (1, 2, "q2"), (2, 2, "")]


# -- figures ----------------------------------------------------------------------


def test_the_figures_by_hand() -> None:
    outcomes = [
        an_outcome(id="1"),
        an_outcome(id="2", answered=False, citations=0, right_citations=0, right_sections=0),
        a_miss(id="3", rank=4, place=6, ndcg=0.43, citations=3, right_citations=1, languages="pt>en"),
        unknown(id="4"),
        unknown(id="5", answered=True, citations=2, category="injection"),
    ]
    found = evaluate(outcomes, rng=dice())
    values = {key: one.value for key, one in found.overall.items()}
    assert values == pytest.approx(
        {
            "recall_at_1": 2 / 3,
            "recall_at_5": 1.0,
            "recall_at_10": 1.0,
            "mrr": 2.25 / 3,
            "ndcg_at_10": 2.43 / 3,
            "passages_recall_at_5": 2 / 3,
            "passages_mrr": (2 + 1 / 6) / 3,
            "section_hit_at_5": 2 / 3,
            "false_answers": 1 / 2,
            "abstained": 1 / 3,
            "precision": 1 / 2,
            "recall": 1 / 2,
            "cites_gold": 1 / 2,
            "citation_precision": 2 / 4,
            "section_precision": 1 / 4,
            "right_answers": 1 / 3,
        }
    )
    assert found.by_language["pt>en"]["recall_at_1"].value == 0
    assert {name: one.value for name, one in found.by_category.items()} == {"injection": 1, "off_topic": 0}


def test_answerable_and_unanswerable_may_come_in_any_order() -> None:
    outcomes = [an_outcome(id=str(number)) for number in range(4)] + [unknown(id="u")]
    forwards, backwards = (evaluate(order, rng=dice()) for order in (outcomes, outcomes[::-1]))
    assert forwards.overall == backwards.overall


def test_questions_without_a_section_or_without_any_answer_leave_a_gap() -> None:
    found = evaluate([an_outcome(section=None, answered=False, citations=0)], rng=dice())
    assert found.overall["section_hit_at_5"].value is None
    assert found.overall["cites_gold"].value is None
    assert found.at_ninety is None
    assert "nothing can be said" in figures_in_words(found)
    assert json.loads(figures_as_json(found))["abstention"]["cites_gold"] is None


def test_the_risk_line_names_the_threshold_that_leaves_nine_of_ten() -> None:
    known = [an_outcome(id=f"k{number}", confidence=0.30 + number / 20) for number in range(10)]
    others = [unknown(id=f"u{number}", confidence=0.02 * number) for number in range(9)]
    found = evaluate([*known, *others, unknown(id="sure", confidence=0.5)], rng=dice())
    assert found.at_ninety is not None
    assert found.at_ninety.threshold == pytest.approx(0.3)
    assert (found.at_ninety.coverage, found.at_ninety.false_answers) == (1.0, 0.1)
    assert found.at_ninety.wrong == pytest.approx(1 / 11)


# -- comparing --------------------------------------------------------------------


def test_a_difference_that_chance_could_have_made_is_undecided() -> None:
    before = [an_outcome(id=str(number)) if number % 2 else a_miss(id=str(number)) for number in range(40)]
    after = [an_outcome(id="0"), *before[1:]]
    found = {one.metric.key: one for one in compare(before, after, rng=dice()).differences}
    assert found["recall_at_1"].verdict is Verdict.UNDECIDED
    assert found["recall_at_1"].after > found["recall_at_1"].before
    assert found["abstained"].verdict is Verdict.SAME


def test_a_clear_gain_is_better_and_a_clear_rise_of_errors_is_worse() -> None:
    before = [a_miss(id=str(number)) for number in range(40)]
    after = [an_outcome(id=str(number), answered=number > 15) for number in range(40)]
    found = {one.metric.key: one for one in compare(before, after, rng=dice()).differences}
    assert found["recall_at_1"].verdict is Verdict.BETTER
    assert found["abstained"].verdict is Verdict.WORSE
    assert found["abstained"].low > 0


def test_runs_are_paired_by_id_whatever_their_order() -> None:
    before = [an_outcome(id="a"), a_miss(id="b"), unknown(id="a"), an_outcome(id="gone")]
    after = [unknown(id="a", answered=True), an_outcome(id="b"), an_outcome(id="a"), an_outcome(id="new")]
    found = compare(before, after, rng=dice())
    assert (found.questions, found.only_before, found.only_after) == (3, 1, 1)
    turned = {(change.outcome.id, change.what, change.gained) for change in found.changes}
    assert turned == {
        ("b", "article among five", True),
        ("b", "section among five", True),
        ("b", "right answer", True),
        ("a", "abstains rightly", False),
    }
    words = comparison_in_words(found)
    assert "(1 only in the saved one, 1 only in this one)" in words
    assert "abstains rightly: 0 gained, 1 lost\n  - a        how?" in words


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    outcomes = (an_outcome(question="é \ud800"), a_miss(id="2", section=None, right_sections=None), unknown())
    save_run(outcomes, tmp_path / "run.json")
    back = load_run(tmp_path / "run.json")
    assert back[1:] == outcomes[1:]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{", "it is not JSON"),
        ("[]", "no run that this version saved"),
        ('{"layout": 0, "outcomes": []}', "no run that this version saved"),
        ('{"layout": 1, "outcomes": []}', "without an outcome"),
        ('{"layout": 1, "outcomes": [{}]}', "damaged"),
        ('{"layout": 1, "outcomes": 3}', "damaged"),
    ],
)
def test_a_file_that_is_no_run_is_one_sentence(tmp_path: Path, written: str, said: str) -> None:
    source = tmp_path / "run.json"
    source.write_text(written, "utf-8")
    with pytest.raises(UserFacingError, match=said):
        load_run(source)


def test_a_value_of_the_wrong_kind_damages_a_run(tmp_path: Path) -> None:
    source = tmp_path / "run.json"
    save_run([an_outcome()], source)
    source.write_text(source.read_text("utf-8").replace('"rank": 1', '"rank": "1"'), "utf-8")
    with pytest.raises(UserFacingError, match="damaged"):
        load_run(source)


# -- the command ------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    folder = Path(shutil.copytree(ARTICLES, tmp_path / "kb"))
    assert kb_index([folder], tmp_path / "data", embedder=WORDS) == 0
    capsys.readouterr()
    with capture_logs():  # the program sends them to standard error
        yield tmp_path / "data"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    questions, unanswerable = tmp_path / "q.jsonl", tmp_path / "u.jsonl"
    cases = [
        {"id": "1", "question": "revoke an access token", "lang": "en", "gold_paths": ["guides/tokens.md"]},
        {"id": "2", "question": "revoke an access token", "lang": "en", "gold_paths": ["nowhere.md"]},
    ]
    questions.write_text("\n".join(json.dumps(case) for case in cases), "utf-8")
    unanswerable.write_text('{"question": "write me a poem", "category": "off_topic"}', "utf-8")
    return questions, unanswerable


def test_the_evaluation_counts_ranks_and_abstentions(
    data: Path, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert kb_eval(*files, data, rng=dice(), wanted=Wanted(as_json=True), embedder=WORDS) == 0
    out = capsys.readouterr()
    assert out.err == "1 of 2 gold articles are not in the index: nowhere.md\n"
    found = json.loads(out.out)
    assert found["all"]["recall_at_1"] == found["by_language"]["en"]["mrr"] == 0.5
    assert found["all"]["questions"] == 2
    low, high = found["all"]["intervals"]["recall_at_1"]
    assert low < 0.5 < high
    assert found["abstention"]["false_answers"] == 0.0
    assert found["false_answers_by_category"] == {"off_topic": 0.0}
    assert found["p95_seconds"] >= found["p50_seconds"] > 0


def test_a_run_is_saved_compared_and_drawn(
    data: Path, files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, drawn = tmp_path / "run.json", tmp_path / "chart.svg"
    assert kb_eval(*files, data, rng=dice(), wanted=Wanted(save=saved, chart=drawn), embedder=WORDS) == 0
    words = capsys.readouterr().out
    assert all(metric.title in words for metric in METRICS)
    assert ET.parse(drawn).getroot().tag.endswith("svg")  # noqa: S314 - we wrote it
    assert kb_eval(*files, data, rng=dice(), wanted=Wanted(compare=saved), embedder=WORDS) == 0
    words = capsys.readouterr().out
    assert "3 questions in both" in words
    assert "No question turned." in words


def test_wrong_files_are_told_before_anything_is_asked(files: tuple[Path, Path], tmp_path: Path) -> None:
    nothing_indexed = tmp_path / "empty"
    for wanted, said in (
        (Wanted(compare=tmp_path / "missing.json"), "missing.json cannot be read"),
        (Wanted(save=tmp_path / "no" / "run.json"), "there is no folder"),
        (Wanted(chart=tmp_path), "it is a folder"),
    ):
        with pytest.raises(UserFacingError, match=said):
            kb_eval(*files, nothing_indexed, rng=dice(), wanted=wanted, embedder=WORDS)
    (tmp_path / "none.jsonl").write_text("\n", "utf-8")
    with pytest.raises(UserFacingError, match="no question with gold_paths"):
        kb_eval(tmp_path / "none.jsonl", None, nothing_indexed, rng=dice(), embedder=WORDS)


def test_a_file_of_another_kind_does_not_fill_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prose.md").write_text("no case\n" * 99, "utf-8")
    with pytest.raises(UserFacingError, match="no question with gold_paths"):
        kb_eval(tmp_path / "prose.md", None, tmp_path, rng=dice(), embedder=WORDS)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[-1] == "89 further lines are left out too."


def test_a_run_of_other_questions_is_no_comparison(
    data: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    save_run([an_outcome(id="elsewhere")], tmp_path / "run.json")
    with pytest.raises(UserFacingError, match="no question in common"):
        kb_eval(*files, data, rng=dice(), wanted=Wanted(compare=tmp_path / "run.json"), embedder=WORDS)


def test_the_picture_says_what_the_figures_say() -> None:
    outcomes = [an_outcome(id=f"k{number}", confidence=number / 10) for number in range(10)]
    outcomes += [unknown(id=f"u{number}", confidence=0.01) for number in range(10)]
    found = evaluate(outcomes, rng=dice())
    picture = ET.fromstring(chart(found))  # noqa: S314 - we wrote it
    words = [element.text or "" for element in picture.iter() if element.tag.endswith("text")]
    assert f"expected error {found.calibration_error.value:.3f}" in " ".join(words)
    bars = [element for element in picture.iter() if element.get("fill") == "#9cc4c1"]
    assert len(bars) == len(found.bins)
    assert len([element for element in picture.iter() if element.tag.endswith("polyline")]) == 2


def test_the_manual_names_every_figure_and_every_verdict() -> None:
    manual = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    assert [metric.title for metric in METRICS if metric.title not in manual] == []
    assert [
        mark for mark in ("↑ better", "↓ worse", "~ chance could", "= the same") if mark not in manual
    ] == []


def test_the_cases_in_the_manual_are_cases(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    known, unknown = re.findall(r"^```json\n(.+)\n```$", manual, re.MULTILINE)
    (tmp_path / "q.jsonl").write_text(known, "utf-8")
    (tmp_path / "u.jsonl").write_text(unknown, "utf-8")
    assert load_answerable(tmp_path / "q.jsonl", pytest.fail)[0].golds
    assert load_unanswerable(tmp_path / "u.jsonl", pytest.fail)
