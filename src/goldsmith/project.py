"""goldsmith.toml as typed settings, and where things lie in a workspace.

Every setting has a default, so that a folder of documents needs no configuration at all. Unknown
keys and bad values are refused by name. The resolved settings are kept with each run.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldsmith.errors import ConfigError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestSettings(Section):
    include: tuple[str, ...] = Field(("**/*",), description="Globs below the folder to take in.")
    exclude: tuple[str, ...] = Field((), description="Globs to leave out.")
    maximum_bytes: Count = Field(512 * 2**20, description="A larger file is not read.")


class ExtractSettings(Section):
    ocr: Literal["auto", "never"] = Field("auto", description="OCR pages without a usable text.")
    ocr_engine: Literal["rapidocr", "nougat"] = Field(
        "rapidocr", description="What reads pages without a usable text."
    )
    nougat: str | None = Field(
        None, description="Folder or hub name of a vision-encoder-decoder, for ocr_engine nougat."
    )
    ocr_dots_per_inch: Annotated[int, Field(ge=72, le=600)] = 200
    maximum_pages: Count = 20_000
    seconds_per_document: Annotated[float, Field(gt=0)] = 600.0
    megabytes_per_worker: Count = 2_500


PersonalData = Literal[
    "e-mail", "phone", "card", "iban", "national id", "driver licence", "passport", "credentials",
    "ip", "mac", "url", "date of birth", "person", "address", "place", "organisation", "date",
    "title", "age", "nationality", "post code",
]  # fmt: skip


class RefineSettings(Section):
    tagger: Literal["trained", "rules"] = Field(
        "trained", description="Who finds running heads, page numbers and notes on pages."
    )
    pii: Literal["redact", "pseudonymise", "keep"] = Field(
        "redact", description="pseudonymise: under the key in $GOLDSMITH_PII_KEY_FILE."
    )
    pii_types: tuple[PersonalData, ...] = Field(
        (
            "e-mail",
            "phone",
            "card",
            "iban",
            "national id",
            "driver licence",
            "passport",
            "credentials",
            "ip",
            "mac",
        ),
        description="Names and places stay unless asked for: authors and cited works have them.",
    )
    citation_marks: Literal["remove", "keep"] = "remove"
    footnotes: Literal["remove", "keep"] = "remove"
    references: Literal["remove", "keep"] = "remove"
    languages: tuple[str, ...] = Field(
        (), description="ISO 639-1 codes to keep; empty: those of a tenth or more of the text."
    )
    language_confidence: Share = 0.6
    maximum_gibberish: Share = 0.5
    minimum_grade: Share = Field(0.02, description="Below: bronze, not taken into gold.")
    gold_grade: Share = Field(0.6, description="From here a passage counts as gold, not silver.")
    filters: tuple[Literal["gopher repetition", "gopher quality", "c4", "c4 paragraphs"], ...] = (
        Field((), description="Published filters whose limits whole documents must hold.")
    )
    cuts: tuple[str, ...] = Field(
        (), description='More cuts over stored scores, as in "page damage > 0.1".'
    )
    profanity: tuple[str, ...] = Field((), description="Words to count beside the shipped list.")
    garbage: Literal["auto", "heuristic"] = Field(
        "auto", description="auto: learned from labels once a test found that better."
    )
    maximum_garbage: Share = Field(0.5, description="Probability from which a passage goes.")
    near_duplicate: Share = Field(0.7, description="Similarity of near duplicates.")
    duplicates: tuple[Literal["exact", "minhash", "simhash", "noise", "substring"], ...] = Field(
        ("exact", "minhash", "noise"), description='"noise": OCR twins; "substring": long strings.'
    )
    known_duplicates: str | None = Field(
        None,
        description="Index that folders share: what earlier ones hold is not taken in again.",
    )
    substring_characters: Count = Field(200, description="A repeated string that goes has so many.")
    chunk_tokens: Annotated[int, Field(ge=32)] = 220
    chunk_tokenizer: str = Field(
        "words", description='What counts them: "words", or a tokenizer\'s folder or hub name.'
    )
    chunk_overlap: Annotated[int, Field(ge=0)] = 40


class DatasetSettings(Section):
    questions: str | None = Field(
        None, description="JSONL of questions, answers and passages, relative to the folder."
    )
    instructions: tuple[str, ...] = Field(
        (), description="Your own examples (Alpaca, ShareGPT, messages, prompt/completion)."
    )
    evaluation: tuple[str, ...] = Field(
        (), description="JSONL evaluation sets that nothing may be trained on."
    )
    writer: str | None = Field(
        None, description="OpenAI-compatible server that writes examples about chunks."
    )
    writer_model: str = Field("", description="The name of its model.")
    writes: tuple[Literal["question", "instruction"], ...] = ("question",)
    writes_per_chunk: Count = Field(3, description="Examples it may write about a chunk.")
    sequence: Annotated[int, Field(ge=32)] = Field(256, description="Tokens in a packed row.")
    validation: Share = Field(0.08, description="Share of sections held out.")


class TokenizerSettings(Section):
    kind: Literal["bpe", "wordpiece", "unigram"] = "bpe"
    vocabulary: Annotated[int, Field(ge=300)] = 4096


class ModelSettings(Section):
    base: str | None = Field(None, description="Hub name or local folder to tune instead.")
    width: Count = 192
    layers: Count = 4
    heads: Count = 6
    key_value_heads: Count = 3
    hidden: Count = 512


class TrainSettings(Section):
    steps: Count = 400
    batch: Count = Field(4, description="Rows of packed tokens in a step.")
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    warmup: Annotated[int, Field(ge=0)] = 20
    evaluate_every: Count = Field(50, description="Steps between validations.")
    checkpoint_every: Count = Field(50, description="Steps lost by a kill, at the most.")
    tune_steps: Count = 120
    tune_learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    lora_rank: Count = 8
    lora_alpha: Annotated[float, Field(gt=0)] = 16.0
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    lora_targets: tuple[str, ...] = Field((), description="Layers by name; none: all linear.")
    rank_stabilised: bool = Field(False, description="Scale by alpha / sqrt(rank) (rsLoRA).")
    adapter: Literal["lora", "dora", "bias", "prompt"] = Field(
        "lora",
        description="What learns on the frozen base; bias: its biases, prompt: virtual tokens.",
    )
    prompt_tokens: Count = Field(20, description="Virtual tokens (adapter = prompt).")
    prompt_text: str = Field(
        "", description="Text whose embeddings they begin as; empty: tokens drawn by the seed."
    )
    quantize: Literal["none", "nf4"] = Field("none", description="Of the frozen base in tuning.")
    threads: Annotated[int, Field(ge=0)] = Field(0, description="0: one for each core.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Of forward and backward; auto: bfloat16 where the processor has it."
    )
    schedule: Literal["cosine", "linear", "wsd"] = "cosine"
    optimizer: Literal["adamw", "adamw8bit", "adamw8bit_paged", "muon"] = Field(
        "adamw", description="8bit: a quarter of the memory; paged: none of it on the GPU."
    )
    micro_batch: Annotated[int, Field(ge=0)] = Field(
        0, description="Rows through the model at once; 0: the whole batch."
    )
    recompute: bool = Field(False, description="Less memory for activations, a third more work.")
    ema: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Decay of a running mean of weights, which is then kept; 0: none."
    )
    patience: Annotated[int, Field(ge=0)] = Field(
        2, description="Validations without a better one before stopping; 0: never stop early."
    )
    keep: Count = Field(1, description="Best weights that stay in the checkpoints folder.")
    loaders: Annotated[int, Field(ge=0)] = Field(0, description="Threads making batches ahead.")


class IndexSettings(Section):
    embedder: str = Field(
        "auto", description='"auto", "tfidf", "minilm", or a hub name or folder of a MiniLM/BERT.'
    )
    alpha: Share = Field(0.5, description="Weight of the vector score; 1 - alpha that of BM25.")


class AnswerSettings(Section):
    sentences: Count = Field(3, description="Sentences in an answer at the most.")
    candidates: Count = 12
    minimum_support: Share = Field(0.5, description="Refuse below this probability of support.")


class ServeSettings(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    batch: Count = Field(16, description="Sequences decoded together.")
    queue: Count = Field(256, description="Requests waiting before 503.")
    maximum_tokens: Count = Field(512, description="Tokens of one answer at the most.")
    context: Count = Field(
        4096, description="Tokens of prompt and answer together; less where the model has less."
    )
    drain_seconds: Annotated[float, Field(ge=0)] = Field(
        30.0, description="Time that running answers get to finish when the server is stopped."
    )


class EvaluateSettings(Section):
    resamples: Count = 1000
    confidence: Share = 0.95


class Settings(Section):
    """Everything goldsmith.toml may say."""

    name: str = Field("goldsmith", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    workers: Annotated[int, Field(ge=0)] = Field(0, description="0: one for each core.")
    ingest: IngestSettings = IngestSettings()
    extract: ExtractSettings = ExtractSettings()
    refine: RefineSettings = RefineSettings()
    dataset: DatasetSettings = DatasetSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    model: ModelSettings = ModelSettings()
    train: TrainSettings = TrainSettings()
    index: IndexSettings = IndexSettings()
    answer: AnswerSettings = AnswerSettings()
    serve: ServeSettings = ServeSettings()
    evaluate: EvaluateSettings = EvaluateSettings()


def load_settings(path: Path | None) -> Settings:
    """Read a goldsmith.toml (or the defaults, when there is none).

    Raises ConfigError naming the file, the key and what is wrong with it.
    """
    if path is None:
        return Settings()
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}; mend it and run again") from error
    return _validated(values, str(path))


def with_overrides(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Return the settings with ``section.key=value`` applied; values are TOML, or plain words."""
    values = settings.model_dump(mode="json")
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"--set {override}: give it as section.key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *sections, name = key.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {override}: '{section}' is not a section; mend the key")
        place[name] = value
    return _validated(values, "--set") if overrides else settings


def _validated(values: dict[str, Any], where: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(_keys_beside(first["loc"])))
            raise ConfigError(
                f"{where}: unknown key '{key}'; remove it or use one of: {known}"
            ) from error
        raise ConfigError(
            f"{where}: bad value for '{key}': {first['msg']} (got {first['input']!r}); change it"
        ) from error


def _keys_beside(location: tuple[int | str, ...]) -> Iterable[str]:
    fields = Settings.model_fields
    for part in location[:-1]:
        section = fields[str(part)].annotation
        assert isinstance(section, type)
        assert issubclass(section, Section)
        fields = section.model_fields
    return fields


@dataclass(frozen=True)
class Workspace:
    """Where the results of one project lie.

    Nothing outside this folder is ever written but what a user names: an export, and the index of
    refine.known_duplicates.
    """

    root: Path

    @property
    def lake(self) -> Path:
        """Delta tables, one folder each."""
        return self.root / "lake"

    @property
    def staging(self) -> Path:
        """Finished units of a stage that is not yet committed."""
        return self.root / "staging"

    @property
    def tokenizer(self) -> Path:
        return self.root / "tokenizer"

    @property
    def shards(self) -> Path:
        """Packed token shards."""
        return self.root / "shards"

    @property
    def datasets(self) -> Path:
        """Instruction examples as Alpaca and messages JSONL."""
        return self.root / "datasets"

    @property
    def replies(self) -> Path:
        """What a model wrote about chunks, as it came (JSONL)."""
        return self.root / "replies.jsonl"

    @property
    def models(self) -> Path:
        """``base/``, ``adapter/``, ``merged/``: HF-format folders."""
        return self.root / "models"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def index(self) -> Path:
        return self.root / "index"

    @property
    def review(self) -> Path:
        """The classifier learned from labels, and the decision about it."""
        return self.root / "review"

    @property
    def state(self) -> Path:
        """What a running command is doing (JSON), for `goldsmith status`."""
        return self.root / "state.json"

    @property
    def quarantine(self) -> Path:
        """Documents that are not tried again until told, and why (JSON)."""
        return self.root / "quarantine.json"

    @property
    def scores(self) -> Path:
        """What the evaluation measured: scores.json."""
        return self.root / "scores"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def project_file(self) -> Path:
        """The source folder and the resolved settings this workspace was made with (JSON)."""
        return self.root / "project.json"


def as_toml(settings: Settings) -> str:
    """Return the settings as a goldsmith.toml with every key; comments say what is not plain."""
    top, sections = [], []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, Section):
            sections.append(f"\n[{name}]")
            for key, inner in type(value).model_fields.items():
                sections.append(_toml_line(key, getattr(value, key), inner.description))
        else:
            top.append(_toml_line(name, value, field.description))
    return "\n".join([*top, *sections]) + "\n"


def _toml_line(key: str, value: object, description: str | None) -> str:
    comment = f"  # {description}" if description else ""
    if value is None:
        return f'# {key} = ""{comment}'
    if isinstance(value, tuple):
        return f"{key} = {json.dumps(list(value))}{comment}"
    return f"{key} = {json.dumps(value)}{comment}"
