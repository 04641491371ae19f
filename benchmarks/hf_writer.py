"""The small writer as a Hugging Face model; nothing is downloaded.

The configuration and the tokenizer are built here.  `as_model(writer)` shares the parameters of the writer,
so that training the Hugging Face model trains the writer.  The attention mask marks the pads.  Generation
reads the whole text again for every character, which for thirty characters costs less than keeping caches.
"""

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from torch.nn import functional
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput
from word_problems import END
from writer import ALPHABET, CODE, PAD, Writer

NEVER = -1e4  # logit of the pad, which the writer cannot write


class WriterConfig(PretrainedConfig):
    model_type = "polyest-writer"

    def __init__(self, width: int = 64, layers: int = 2, **keywords: Any) -> None:
        self.width, self.layers = width, layers
        self.vocab_size, self.hidden_size, self.num_hidden_layers = len(ALPHABET) + 1, width, layers
        super().__init__(
            pad_token_id=PAD,
            eos_token_id=CODE[END],
            use_cache=False,
            tie_word_embeddings=False,
            **keywords,
        )


class Backbone(torch.nn.Module):
    """The writer without its last layer, as trainers look for it."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self.writer = writer

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> BaseModelOutput:
        tokens = input_ids
        if attention_mask is not None:
            tokens = tokens.masked_fill(attention_mask == 0, PAD)
        return BaseModelOutput(last_hidden_state=self.writer.hidden(tokens))


class WriterModel(PreTrainedModel, GenerationMixin):
    config_class = WriterConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"

    def __init__(self, config: WriterConfig) -> None:
        super().__init__(config)
        self.model = Backbone(Writer(config.width, config.layers))
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """Leave the weights as the writer initialised them."""

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.model.writer.letters

    def get_output_embeddings(self) -> torch.nn.Module:
        return self.model.writer.read

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> dict[str, Any]:
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> CausalLMOutput:
        seen = self.model(input_ids, attention_mask).last_hidden_state
        logits = functional.pad(self.model.writer.read(seen), (0, 1), value=NEVER)
        return CausalLMOutput(logits=logits[:, -logits_to_keep:])


def as_model(writer: Writer, width: int = 64, layers: int = 2) -> WriterModel:
    """A model with this writer inside."""
    model = WriterModel(WriterConfig(width, layers))
    model.model.writer = writer
    return model


def tokenizer() -> PreTrainedTokenizerFast:
    """Characters one by one, padded on the left."""
    vocabulary = {**CODE, "<pad>": PAD}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token=END,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
    )
