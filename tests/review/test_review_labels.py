from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from goldsmith.lake import Lake
from goldsmith.review import append_label, current_labels, labels_digest

START = datetime(2026, 1, 1, tzinfo=UTC)


def write(lake, rows):
    for minute, (subject, answer) in enumerate(rows):
        at = START + timedelta(minutes=minute)
        append_label(lake, subject, answer, who="ann", arm="active", at=at)


def test_labels_are_only_ever_added(tmp_path):
    lake = Lake(tmp_path)
    write(lake, [("p-1", "good"), ("p-1", "undone"), ("p-1", "garbage")])
    rows = lake.read("labels").to_pylist()
    assert [row["label"] for row in rows] == ["good", "undone", "garbage"]
    assert {row["who"] for row in rows} == {"ann"}
    (label,) = current_labels(lake).values()
    assert label.garbage


def test_what_was_taken_back_counts_as_never_asked(tmp_path):
    lake = Lake(tmp_path)
    write(lake, [("p-1", "good"), ("p-2", "skip"), ("p-1", "undone")])
    assert list(current_labels(lake)) == ["p-2"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["good", "garbage", "skip", "undone"])),
        max_size=12,
    )
)
def test_the_last_word_counts(tmp_path_factory, rows):
    class Written:
        def read(self, name):
            import pyarrow as pa

            table = [
                {"subject": s, "label": a, "who": "ann", "at": START, "arm": "random"}
                for s, a in rows
            ]
            return pa.Table.from_pylist(table)

    last = {}
    for subject, answer in rows:
        last[subject] = answer
    found = current_labels(Written()) if rows else {}
    expected = {subject: answer for subject, answer in last.items() if answer != "undone"}
    assert {label.subject: label.answer for label in found.values()} == expected


def test_the_digest_knows_answers_and_arms(tmp_path):
    digests = set()
    for number, (answer, arm) in enumerate(
        [("good", "active"), ("garbage", "active"), ("good", "random")]
    ):
        lake = Lake(tmp_path / str(number))
        append_label(lake, "p-1", answer, who="ann", arm=arm)
        digests.add(labels_digest(current_labels(lake)))
    assert len(digests) == 3
