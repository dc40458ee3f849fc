import html
import re

from hypothesis import given
from hypothesis import strategies as st

from goldsmith.lake import Account
from goldsmith.report import AnswerShown, Report, Sentence, curve, write_report
from goldsmith.report.contents import Reason
from goldsmith.report.figures import curves, flow
from goldsmith.report.page import render
from goldsmith.review import Decision, Point


def report(**more) -> Report:
    values = {
        "name": "papers",
        "source": "papers",
        "version": "1",
        "accounts": (Account("d-1", "a.pdf", 100, 70, 20, 10, 0, 0),),
        "failures": (),
        "pages": 3,
        "chunks": 4,
        "tokens": 50,
        "reasons": (Reason("clean", "HEADER", 2, 20, False, (("Head", "a.pdf p. 1", "r-1"),)),),
        "stages": (("extract", 1.5),),
        "settings": "{}",
        "clusters": (),
    }
    return Report(**(values | more))


def test_the_page_is_whole_in_itself(tmp_path):
    path = tmp_path / "report.html"
    write_report(report(), path)
    text = path.read_text("utf-8")
    assert not re.search(r"<script|<link|src=[\"']http|url\(", text)
    assert "balanced" in text
    assert "NOT BALANCED" not in text
    assert "Nothing was measured yet" in text


def test_an_unbalanced_ledger_cannot_be_overlooked():
    accounts = (Account("d-1", "a.pdf", 100, 70, 20, 5, 5, 0),)
    assert "NOT BALANCED" in render(report(accounts=accounts))


def test_what_labels_taught_is_drawn_with_both_arms_and_the_decision():
    points = tuple(
        Point(arm, labels, f1)
        for arm, end in (("active", 0.8), ("random", 0.5))
        for labels, f1 in ((25, 0.1), (100, end))
    )
    reason = "the classifier is better than the heuristic: p = 0.0010"
    decision = Decision(True, reason, 200, 20, 100, 9, 0.25, 0.8, 0.55, curve=points)
    page = render(report(review=decision))
    for text in (reason, "active 0.800", "random 0.500", "heuristic 0.250", "<b>classifier</b>"):
        assert text in page
    assert "Labels</h2>" not in render(report())


@given(st.text(min_size=1, max_size=40))
def test_whatever_stands_in_documents_is_escaped(text):
    hostile = f"<script>{text}</script>"
    reasons = (Reason("clean", "HEADER", 1, 9, False, ((hostile, hostile, "r-1"),)),)
    sentence = Sentence(hostile, hostile, 1, None, ())
    shown = (AnswerShown(hostile, hostile, False, True, (sentence,)),)
    page = render(
        report(
            reasons=reasons, answers=shown, name=hostile, sample=hostile, row=((hostile, "read"),)
        )
    )
    assert "<script" not in page
    assert html.escape("<script>", quote=False) in page


def test_a_row_is_shown_with_its_mask():
    page = render(report(row=(("<|user|>q", "read"), ("a", "learned"), ("<|eos|>", "stop"))))
    assert '<span class="read">&lt;|user|&gt;q</span><span class="learned">a</span>' in page
    assert '<span class="stop">&lt;|eos|&gt;</span>' in page


def test_an_answer_links_to_the_picture_of_its_page_with_the_box():
    sentence = Sentence("Salt keeps.", "a.pdf", 2, "a.pdf-page-2", ((0.1, 0.2, 0.5, 0.25),))
    shown = (AnswerShown("Why?", "Salt", False, True, (sentence,)),)
    page = render(report(answers=shown, pictures={"a.pdf-page-2": "data:image/jpeg;base64,AA=="}))
    assert 'href="#a.pdf-page-2"' in page
    assert 'id="a.pdf-page-2"' in page
    assert "left:10.00%;top:20.00%;width:40.00%;height:5.00%" in page


@given(
    st.lists(st.tuples(st.sampled_from(["clean", "cut"]), st.text(max_size=5), st.integers(0, 99)))
)
def test_the_flow_says_every_number(losses):
    total = sum(count for *_, count in losses) + 7
    picture = flow(total, losses)
    assert f"{total:,}" in picture
    assert picture.count("<path") == sum(count > 0 for *_, count in losses)


def test_a_curve_marks_its_best_held_out_loss():
    rows = [{"step": s, "loss": 5 - s / 10, "validation_loss": None} for s in range(1, 9)]
    rows[3]["validation_loss"], rows[7]["validation_loss"] = 4.25, 4.5
    assert "best 4.250 at step 4" in curves(curve("Pretraining", rows))
    assert curves(curve("Nothing", [])) == ""
