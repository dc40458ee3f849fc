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

from typing import TYPE_CHECKING

from goldsmith import front_door

if TYPE_CHECKING:
    from goldsmith.models.beam import beam_search
    from goldsmith.models.cache import KeyValueCache
    from goldsmith.models.config import Family, ModelConfig, RopeScaling
    from goldsmith.models.decoder import Decoder
    from goldsmith.models.encoder import Encoder, EncoderConfig, TextEncoder
    from goldsmith.models.encoder_folders import load_encoder, load_text_encoder, save_text_encoder
    from goldsmith.models.families import places, public_name
    from goldsmith.models.folders import load_model, local_folder, save_model
    from goldsmith.models.growth import grow_vocabulary
    from goldsmith.models.loss import forget_room, rows_at_once
    from goldsmith.models.prompt import Prompt
    from goldsmith.models.public_config import read_config
    from goldsmith.models.sentences import SentenceEncoder, find_minilm, load_sentence_encoder
    from goldsmith.models.seq2seq import EncoderDecoder, SequenceConfig
    from goldsmith.models.seq2seq_folders import load_seq2seq, save_seq2seq

_PLACES = {
    "beam": ("beam_search",),
    "cache": ("KeyValueCache",),
    "config": ("Family", "ModelConfig", "RopeScaling"),
    "decoder": ("Decoder",),
    "encoder": ("Encoder", "EncoderConfig", "TextEncoder"),
    "encoder_folders": ("load_encoder", "load_text_encoder", "save_text_encoder"),
    "families": ("places", "public_name"),
    "folders": ("load_model", "local_folder", "save_model"),
    "growth": ("grow_vocabulary",),
    "loss": ("forget_room", "rows_at_once"),
    "prompt": ("Prompt",),
    "public_config": ("read_config",),
    "sentences": ("find_minilm", "load_sentence_encoder", "SentenceEncoder"),
    "seq2seq": ("EncoderDecoder", "SequenceConfig"),
    "seq2seq_folders": ("load_seq2seq", "save_seq2seq"),
}
__getattr__ = front_door(__name__, _PLACES)
