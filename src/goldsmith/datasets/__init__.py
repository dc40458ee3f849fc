"""Datasets: gold chunks become packed token shards and instruction examples.

`write_shards` packs tokens and keeps, for every chunk, where its tokens lie; `Shards` gives the
batch of any step. `make_examples` makes questions with verbatim answers, inventing nothing;
`find_contamination` keeps the evaluation half of the user's questions out of them.
`InstructionBatches` packs examples with loss on answers only, and `prove_stop` shows that every
answer ends in a trained EOS. `read_examples` takes Alpaca, ShareGPT and messages files and
`write_format` writes them. `write_examples` lets a model write.
"""

from goldsmith.datasets.batch import Batch
from goldsmith.datasets.contamination import Overlap, find_contamination, find_overlaps
from goldsmith.datasets.encoding import Encoded, Stretch, decode_row, encode_example, prove_stop
from goldsmith.datasets.examples import REFUSAL, given_examples, make_examples
from goldsmith.datasets.files import (
    Preference,
    read_examples,
    read_preferences,
    strict,
    write_instruction_files,
)
from goldsmith.datasets.formats import write_format, write_preferences
from goldsmith.datasets.packing import InstructionBatches, PackedRows, best_fit
from goldsmith.datasets.questions import read_evaluation, read_questions
from goldsmith.datasets.shards import Shards, write_shards
from goldsmith.datasets.split import held_out
from goldsmith.datasets.writing import Refused, Writer, openai_writer, write_examples
