"""Small models of the library ``transformers`` with random weights; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf
from torch import nn

_SIZES: dict[str, Any] = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
_LLAMA: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2}


def draw_tokens() -> torch.Tensor:
    return torch.randint(3, 50, (4, 6))


def make_gpt2() -> tuple[nn.Module, dict[str, Any]]:
    model = hf.GPT2LMHeadModel(
        hf.GPT2Config(n_layer=3, n_embd=16, n_head=2, n_positions=12, **_SIZES)
    )
    tokens = draw_tokens()
    return model, {"input_ids": tokens, "labels": tokens}


def make_bert() -> tuple[nn.Module, dict[str, Any]]:
    config = hf.BertConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        num_labels=3,
        **_SIZES,
    )
    return hf.BertForSequenceClassification(config), {
        "input_ids": draw_tokens(),
        "labels": torch.arange(4) % 3,
    }


def make_llama() -> tuple[nn.Module, dict[str, Any]]:
    config = hf.LlamaConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=3, **_LLAMA, **_SIZES
    )
    tokens = draw_tokens()
    return hf.LlamaForCausalLM(config), {"input_ids": tokens, "labels": tokens}


def make_t5() -> tuple[nn.Module, dict[str, Any]]:
    config = hf.T5Config(
        d_model=16,
        d_kv=8,
        d_ff=24,
        num_layers=3,
        num_decoder_layers=2,
        num_heads=2,
        decoder_start_token_id=2,
        **_SIZES,
    )
    return hf.T5ForConditionalGeneration(config), {
        "input_ids": draw_tokens(),
        "labels": draw_tokens(),
    }


def make_vit() -> tuple[nn.Module, dict[str, Any]]:
    config = hf.ViTConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        image_size=8,
        patch_size=4,
        num_labels=3,
    )
    return hf.ViTForImageClassification(config), {
        "pixel_values": torch.randn(4, 3, 8, 8),
        "labels": torch.arange(4) % 3,
    }


def make_whisper() -> tuple[nn.Module, dict[str, Any]]:
    config = hf.WhisperConfig(
        d_model=16,
        encoder_layers=3,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        num_mel_bins=8,
        max_source_positions=10,
        max_target_positions=12,
        decoder_start_token_id=2,
        **_SIZES,
    )
    return hf.WhisperForConditionalGeneration(config), {
        "input_features": torch.randn(4, 8, 20),
        "labels": draw_tokens(),
    }


MODELS: dict[str, Callable[[], tuple[nn.Module, dict[str, Any]]]] = {
    "GPT-2": make_gpt2,
    "BERT": make_bert,
    "Llama": make_llama,
    "T5": make_t5,
    "ViT": make_vit,
    "Whisper": make_whisper,
}


def make(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Make a model in float64 and evaluation mode, and its inputs, labels included."""
    torch.manual_seed(0)
    model, inputs = MODELS[name]()
    inputs = {
        key: value.double() if value.is_floating_point() else value for key, value in inputs.items()
    }
    return model.double().eval(), inputs
