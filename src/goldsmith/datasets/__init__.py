"""Datasets: gold chunks become packed token shards and instruction examples.

`write_shards` packs tokens and keeps, for every chunk, where its tokens lie; `Shards` gives the
batch of any step. `make_examples` makes questions with verbatim answers, inventing nothing;
`find_contamination` keeps the evaluation half of the user's questions out of them.
`InstructionBatches` packs examples with loss on answers only, and `prove_stop` shows that every
answer ends in a trained EOS. `read_examples` takes Alpaca, ShareGPT and messages files and
`write_format` writes them. `write_examples` lets a model write.
"""

from goldsmith.datasets.batch import Batch as Batch
from goldsmith.datasets.contamination import Overlap as Overlap
from goldsmith.datasets.contamination import find_contamination as find_contamination
from goldsmith.datasets.contamination import find_overlaps as find_overlaps
from goldsmith.datasets.encoding import Encoded as Encoded
from goldsmith.datasets.encoding import Stretch as Stretch
from goldsmith.datasets.encoding import decode_row as decode_row
from goldsmith.datasets.encoding import encode_example as encode_example
from goldsmith.datasets.encoding import prove_stop as prove_stop
from goldsmith.datasets.examples import REFUSAL as REFUSAL
from goldsmith.datasets.examples import given_examples as given_examples
from goldsmith.datasets.examples import make_examples as make_examples
from goldsmith.datasets.files import Preference as Preference
from goldsmith.datasets.files import read_examples as read_examples
from goldsmith.datasets.files import read_preferences as read_preferences
from goldsmith.datasets.files import strict as strict
from goldsmith.datasets.files import write_instruction_files as write_instruction_files
from goldsmith.datasets.formats import write_format as write_format
from goldsmith.datasets.formats import write_preferences as write_preferences
from goldsmith.datasets.packing import InstructionBatches as InstructionBatches
from goldsmith.datasets.packing import PackedRows as PackedRows
from goldsmith.datasets.packing import best_fit as best_fit
from goldsmith.datasets.questions import read_evaluation as read_evaluation
from goldsmith.datasets.questions import read_questions as read_questions
from goldsmith.datasets.shards import Shards as Shards
from goldsmith.datasets.shards import write_shards as write_shards
from goldsmith.datasets.split import held_out as held_out
from goldsmith.datasets.writing import Refused as Refused
from goldsmith.datasets.writing import Writer as Writer
from goldsmith.datasets.writing import openai_writer as openai_writer
from goldsmith.datasets.writing import write_examples as write_examples
