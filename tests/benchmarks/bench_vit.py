"""Forward rate of ViT-B/16 with JPM at 256×128: ours against plain float32 attention.

Run by hand: ``.venv/bin/python -m tests.benchmarks.bench_vit [DEVICE]``. Both compute the full
vector of the same weights, in turns, so that the ratio holds on a busy machine as well.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, gelu, normalize

from reid_models.crop_runner import twin
from reid_models.devices import find_precision
from reid_models.transreid import TransReID, TransReIDConfig, chunks_of

BATCHES = {"cpu": (1, 8), "cuda": (64,)}
ROUNDS = 7
GOAL, GPU_GOAL = 1.8, 4


@torch.inference_mode()
def plain_embed(network: TransReID, images: Tensor) -> Tensor:
    """The vectors as a first, straightforward version would compute them."""
    trunk = network.backbone
    tokens = trunk.patch_embed.proj(images).flatten(2).mT
    tokens = torch.cat((trunk.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
    tokens = tokens + trunk.pos_embed
    for block in trunk.blocks:
        tokens = plain_block(block, tokens)
    features = [plain_last(network.global_branch, tokens)]
    for chunk in chunks_of(network.config):
        part = tokens[:, [0, *(patch + 1 for patch in chunk)]]
        features.append(plain_last(network.local_branch, part) / network.config.jpm_chunks)
    return normalize(torch.cat(features, dim=1), dim=1)


def plain_last(branch: torch.nn.Module, tokens: Tensor) -> Tensor:
    return branch.norm(plain_block(branch.block, tokens))[:, 0]


def plain_block(block: torch.nn.Module, tokens: Tensor) -> Tensor:
    parts = block.attn.qkv(block.norm1(tokens)).unflatten(2, (3, block.attn.num_heads, -1))
    query, key, value = parts.permute(2, 0, 3, 1, 4)
    weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(dim=-1)
    tokens = tokens + block.attn.proj((weights @ value).transpose(1, 2).flatten(2))
    hidden = gelu(block.mlp.fc1(block.norm2(tokens)))
    return tokens + block.mlp.fc2(hidden)


def ours(
    network: TransReID, precision: torch.dtype, *, compiled: bool = False
) -> Callable[[Tensor], Tensor]:
    """Vectors in the way the predictors compute them, or with the network compiled."""
    reduced = precision != torch.float32
    runner = twin(network, precision) if reduced else network
    compute = torch.compile(runner.embed) if compiled else runner.embed

    @torch.inference_mode()
    def embed(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, precision, enabled=reduced):
            return compute(images)

    return embed


def seconds(compute: Callable[[Tensor], Tensor], images: Tensor) -> float:
    started = time.perf_counter()
    compute(images).cpu()
    return time.perf_counter() - started


def main() -> None:
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(2)
    torch.manual_seed(0)
    config = TransReIDConfig(gallery_vector="full")
    network = TransReID(config).to(device).eval()
    precision = find_precision("auto", device)
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "plain float32": lambda images: plain_embed(network, images),
        "ours float32": ours(network, torch.float32),
        f"ours {precision}".replace("torch.", ""): ours(network, precision),
    }
    if device.type == "cuda":
        ways["… compiled"] = ours(network, precision, compiled=True)
    for batch in BATCHES[device.type]:
        images = torch.randn(batch, 3, *config.image_size, device=device)
        wanted, *found = (way(images) for way in ways.values())  # warms up, too
        closest = [cosine_similarity(wanted, each.float()).min().item() for each in found]
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                times[name].append(seconds(way, images))
        # The fastest of the rounds: the one that other programs disturbed least.
        plain = min(times["plain float32"])
        print(f"batch {batch} on {device}")  # noqa: T201
        for name, cosine in zip(ways, [1.0, *closest], strict=True):
            best = min(times[name])
            print(  # noqa: T201
                f"  {name:15} {batch / best:8.1f} images/s   ×{plain / best:.2f}   "
                f"cosine {cosine:.5f}"
            )
    print(f"goals with bfloat16: ours ×{GOAL} on a processor, ×{GPU_GOAL} on a GPU")  # noqa: T201


if __name__ == "__main__":
    main()
