"""The parts of timm's attention and block that its own `forward` does not offer one by one."""

from __future__ import annotations

from timm.layers import Attention
from timm.models.vision_transformer import Block
from torch import Tensor
from torch.nn.functional import linear, scaled_dot_product_attention


def query_key_value(
    attention: Attention, tokens: Tensor, askers: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Projects tokens (B, N, D) to what they ask for, are found by, and tell.

    Args:
        attention: its `qkv` layer projects.
        tokens: (B, N, D), after the block's first norm.
        askers: only so many leading tokens ask; None: all of them.

    Returns:
        Queries (B, heads, askers, d), keys and values (B, heads, N, d).
    """
    heads = attention.num_heads
    if askers is None:
        parts = attention.qkv(tokens).unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)  # (B, heads, N, d)
        return query, key, value
    weight, bias = attention.qkv.weight, attention.qkv.bias
    dim = attention.attn_dim
    query = linear(tokens[:, :askers], weight[:dim], bias[:dim])  # (B, askers, D)
    key, value = linear(tokens, weight[dim:], bias[dim:]).unflatten(2, (2, heads, -1)).unbind(2)
    query = query.unflatten(2, (heads, -1))
    return query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)


def attend(
    attention: Attention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Tensor:
    """What the queries find among the keys, through the output projection.

    Args:
        attention: its `proj` layer projects.
        query: (B, heads, n, d).
        key: (B, heads, M, d).
        value: (B, heads, M, d).
        mask: bool, broadcastable to (B, heads, n, M); False: must not be looked at.

    Returns:
        (B, n, D).
    """
    if query.shape[2] == 1:
        found = _attend_alone(query * attention.scale, key, value, mask)  # (B, heads, 1, d)
    else:
        found = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return attention.proj_drop(attention.proj(found.transpose(1, 2).flatten(2)))


def _attend_alone(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of one query, scaled already.

    The fused kernel on a processor would do; but for so few queries its last bit depends on the
    thread that an image falls to, hence on the other images of the batch.
    """
    scores = query @ key.mT  # (B, heads, 1, M)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return scores.softmax(dim=-1).to(value.dtype) @ value


def add_mlp(block: Block, tokens: Tensor) -> Tensor:
    """The second half of a block on tokens (B, n, D)."""
    changed: Tensor = tokens + block.drop_path2(block.mlp(block.norm2(tokens)))
    return changed


def first_token_of(block: Block, tokens: Tensor) -> Tensor:
    """`block(tokens)[:, 0]` at a sixth of the cost: only the first token asks.

    Args:
        block: a plain block (no scale, no norm of queries and keys).
        tokens: (B, N, D), the class token first.

    Returns:
        (B, D).
    """
    attention = block.attn
    assert isinstance(attention, Attention)
    query, key, value = query_key_value(attention, block.norm1(tokens), askers=1)
    first = tokens[:, :1] + block.drop_path1(attend(attention, query, key, value))  # (B, 1, D)
    return add_mlp(block, first).squeeze(1)
