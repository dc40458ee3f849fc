import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_gold import chunk_rows

from goldsmith.datasets import REFUSAL, find_contamination, make_examples
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import DatasetSettings


def made_of(paragraphs, questions=(), *, headings=None, share=0.0, seed=0):
    """Examples of one section and one chunk a paragraph, each under its own heading."""
    chunks, passages = [], []
    for number, text in enumerate(paragraphs):
        heading = headings[number] if headings else "Notes"
        [row] = chunk_rows([[(f"{heading}\n\n{text}", 0)]])
        names = [f"p-{number:019}{part}" for part in "ht"]
        place = {"document": "d-1", "order": number, "id": f"c-{number:020}"}
        chunks.append(row | place | {"passages": names, "parent": f"s{number}"})
        for order, (kind, words) in enumerate((("heading", heading), ("paragraph", text))):
            empty = dict.fromkeys(SCHEMAS["passages"].names)
            about = {"id": names[order], "document": "d-1", "order": 2 * number + order}
            passages.append(empty | about | {"kind": kind, "text": words})
    return make_examples(
        pa.Table.from_pylist(chunks, schema=SCHEMAS["chunks"]),
        pa.Table.from_pylist(passages, schema=SCHEMAS["passages"]),
        questions,
        DatasetSettings(validation=share),
        seed,
    ).to_pylist()


def question(number, text, passage="", split="train", answerable=True):
    return {"id": str(number), "question": text, "answer": passage, "passage": passage} | {
        "split": split,
        "answerable": answerable,
    }


def pairs(examples):
    return [(e["messages"][0]["content"], e["messages"][1]["content"]) for e in examples]


DEFINITIONS = {
    "A scaling law is a curve fitted to small runs and used to choose a large one.": (
        "What is a scaling law?"
    ),
    "LoRA is a method that trains two thin factors per matrix.": "What is LoRA?",
    "Averaging is a cheap way to smooth the weights of a run.": "What is averaging?",
    "Perplexity is the exponential of the mean negative log-likelihood.": "What is perplexity?",
    "Random numbers are a classic source of differences between two runs.": (
        "What are random numbers?"
    ),
}
NO_DEFINITIONS = [
    "It is a method that trains two thin factors per matrix.",
    "This problem is a matter of taste for most of the people.",
    "The saving is the reason why this has become the rule everywhere.",
    "Length is the first hack in every project that we have seen.",
    "The curve is a soft step between the two ends of the scale.",
    "Block size is a compromise.",
    "A model is a file with the layout that is given in Table 1.",
    "A loss is a mean of the terms that follow in this list:",
    "Reading the prompt is a large product that keeps the device busy.",
    "When memory is short a smaller batch is a way to go on with it.",
]


@pytest.mark.parametrize("sentence", DEFINITIONS)
def test_a_definition_becomes_a_question_with_its_sentence(sentence):
    [example] = [e for e in made_of([f"Something first. {sentence}"]) if e["kind"] == "definition"]
    assert pairs([example]) == [(DEFINITIONS[sentence], sentence)]
    assert example["source_chunks"] == [f"c-{0:020}"]
    assert example["checks"] == ["answer is a span of its source"]


@pytest.mark.parametrize("sentence", NO_DEFINITIONS)
def test_other_sentences_do_not(sentence):
    assert [e for e in made_of([sentence]) if e["kind"] == "definition"] == []


def test_a_heading_asks_for_the_first_sentences_under_it():
    text = "Padding wastes work. Packing puts many into a row. A third one stays out."
    examples = made_of([text, text, "Short."], headings=["3.2 Packing rows", "Summary", "Masks"])
    assert pairs(examples) == [
        (
            "What do the documents say about packing rows?",
            "Padding wastes work. Packing puts many into a row.",
        )
    ]


def test_only_the_training_half_of_the_questions_is_used():
    text = "The cache grows with every token.\nIt is freed at the end."
    asked = [
        question(1, "What grows?", "The cache grows with every token. It is freed at the end."),
        question(2, "What is freed?", "It is freed at the end.", split="evaluate"),
        question(3, "Who wrote it?", answerable=False),
        question(4, "Who reads it?", answerable=False, split="evaluate"),
        question(5, "What is not in gold?", "These words are in no document."),
    ]
    examples = [e for e in made_of([text], asked) if e["kind"] == "question"]
    assert sorted(pairs(examples)) == [
        ("What grows?", "The cache grows with every token. It is freed at the end."),
        ("Who wrote it?", REFUSAL),
    ]
    assert made_of([text], asked) == made_of([text], [r for r in asked if r["split"] == "train"])


WORD = st.sampled_from(["attention", "is", "a", "the", "loss", "of", "that", "mean", "LoRA", "."])
WORDS = st.lists(WORD)


@given(st.lists(WORDS.map(" ".join), max_size=4), st.floats(0, 0.9), st.integers(0, 5))
def test_every_answer_stands_in_its_source_and_sections_keep_to_one_side(texts, share, seed):
    fixed = "Attention is a weighted mean of earlier values. Rows are packed."
    texts = [*texts, fixed]
    examples = made_of(texts, headings=[f"Part {n} of it" for n in range(len(texts))], share=share)
    assert "What is attention?" in dict(pairs(examples))
    sides = {}
    for example in examples:
        [source] = example["source_chunks"]
        text = texts[int(source.partition("-")[2])]
        assert " ".join(example["messages"][1]["content"].split()) in " ".join(text.split())
        sides.setdefault(source, set()).add(example["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert len({example["id"] for example in examples}) == len(examples)


def test_refusals_are_held_out_too():
    asked = [question(n, f"Who wrote part {n}?", answerable=False) for n in range(200)]
    splits = [example["split"] for example in made_of(["One text."], asked, share=0.5)]
    assert 60 < splits.count("validation") < 140


LONG = "why does a row of tokens end where the next document begins in a packed batch"
KEPT = [
    question("e1", "What is the price of padding a batch?", "Padding wastes work.", "evaluate"),
    question("e2", LONG, "Rows end at a border.", "evaluation"),
]
EXAMPLES = {
    "asks an evaluation question": [
        ("what is the price of padding a BATCH", "Nothing here."),
        ("What is the price of padding batch?", "Nothing here."),
    ],
    "holds an evaluation question": [
        ("Say this again", "People ask: What is the price of padding a batch? We do not know.")
    ],
    "shares 13 words in a row with an evaluation question": [
        ("Tell me, " + " ".join(LONG.split()[1:14]), "Nothing here.")
    ],
    "answers with the passage of an evaluation question": [
        ("Is it bad?", "Some say so. Padding wastes work. Others do not."),
        ("And the border?", "Rows end at a border."),
    ],
}
CLEAN = [("What is packing?", "Work."), ("Is LoRA a price?", "Packing puts many into a row.")]


@pytest.mark.parametrize("why", EXAMPLES)
def test_contamination_is_found_and_named(why):
    rows = []
    for number, (asked, answer) in enumerate([*EXAMPLES[why], *CLEAN]):
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        rows.append({"id": str(number), "messages": turns})
    assert find_contamination(rows, KEPT) == {str(n): why for n in range(len(EXAMPLES[why]))}
    assert find_contamination(rows, [row | {"split": "train"} for row in KEPT]) == {}
