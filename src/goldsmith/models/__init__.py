"""Models: one decoder and one encoder, and the tables that map public folders to them.

- `config.ModelConfig`: what a decoder is made of.
- `decoder.Decoder`: trains, is tuned, and serves; tokens (batch, sequence) -> logits.
- `cache.KeyValueCache`: rows at different positions decoded together.
- `families`: gpt2, llama, mistral, mixtral, mpt, qwen2, qwen3, gemma2 and gemma3 as tables.
- `folders.load_model`, `folders.save_model`: their public folders, both ways.
- `encoder.TextEncoder`: BERT and RoBERTa with the head of a task; `encoder_folders` reads them.
- `seq2seq.EncoderDecoder`: T5, BART, Marian; `seq2seq_folders` reads them, `beam` searches.
- `sentences.load_sentence_encoder`, `sentences.find_minilm`: texts -> vectors.

The names below are the front door. They are looked up when first used, because torch takes a second
to import and most commands do not need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.models.beam import beam_search as beam_search
    from goldsmith.models.cache import KeyValueCache as KeyValueCache
    from goldsmith.models.config import Family as Family
    from goldsmith.models.config import ModelConfig as ModelConfig
    from goldsmith.models.config import RopeScaling as RopeScaling
    from goldsmith.models.decoder import Decoder as Decoder
    from goldsmith.models.encoder import Encoder as Encoder
    from goldsmith.models.encoder import EncoderConfig as EncoderConfig
    from goldsmith.models.encoder import TextEncoder as TextEncoder
    from goldsmith.models.encoder_folders import load_encoder as load_encoder
    from goldsmith.models.encoder_folders import load_text_encoder as load_text_encoder
    from goldsmith.models.encoder_folders import save_text_encoder as save_text_encoder
    from goldsmith.models.families import public_name as public_name
    from goldsmith.models.folders import load_model as load_model
    from goldsmith.models.folders import local_folder as local_folder
    from goldsmith.models.folders import save_model as save_model
    from goldsmith.models.growth import grow_vocabulary as grow_vocabulary
    from goldsmith.models.loss import forget_room as forget_room
    from goldsmith.models.loss import rows_at_once as rows_at_once
    from goldsmith.models.prompt import Prompt as Prompt
    from goldsmith.models.public_config import read_config as read_config
    from goldsmith.models.sentences import SentenceEncoder as SentenceEncoder
    from goldsmith.models.sentences import find_minilm as find_minilm
    from goldsmith.models.sentences import load_sentence_encoder as load_sentence_encoder
    from goldsmith.models.seq2seq import EncoderDecoder as EncoderDecoder
    from goldsmith.models.seq2seq import SequenceConfig as SequenceConfig
    from goldsmith.models.seq2seq_folders import load_seq2seq as load_seq2seq
    from goldsmith.models.seq2seq_folders import save_seq2seq as save_seq2seq

_PLACES = {
    "Family": "config",
    "KeyValueCache": "cache",
    "ModelConfig": "config",
    "RopeScaling": "config",
    "Decoder": "decoder",
    "Encoder": "encoder",
    "EncoderConfig": "encoder",
    "EncoderDecoder": "seq2seq",
    "SequenceConfig": "seq2seq",
    "beam_search": "beam",
    "load_seq2seq": "seq2seq_folders",
    "save_seq2seq": "seq2seq_folders",
    "SentenceEncoder": "sentences",
    "TextEncoder": "encoder",
    "find_minilm": "sentences",
    "load_encoder": "encoder_folders",
    "load_sentence_encoder": "sentences",
    "load_text_encoder": "encoder_folders",
    "save_text_encoder": "encoder_folders",
    "grow_vocabulary": "growth",
    "forget_room": "loss",
    "rows_at_once": "loss",
    "load_model": "folders",
    "local_folder": "folders",
    "Prompt": "prompt",
    "public_name": "families",
    "read_config": "public_config",
    "save_model": "folders",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"goldsmith.models has no '{name}'")
    return getattr(import_module(f"goldsmith.models.{_PLACES[name]}"), name)
