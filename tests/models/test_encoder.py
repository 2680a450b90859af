"""The encoder must be EfficientNet-Lite2, and the adapters must not change it until they learn."""

from __future__ import annotations

import pytest
import torch
from skimage import data as sample

from skingpt_r1.models.encoder import IMAGE_SIZE, Encoder, Tuning, to_pixels
from skingpt_r1.models.preprocess import centre_square
from skingpt_r1.models.weights import encoder_weights

CATS = {281, 282, 283, 284, 285}  # ImageNet-1k: tabby, tiger cat, Persian, Siamese, Egyptian


@pytest.fixture(scope="module")
def cat() -> torch.Tensor:
    return to_pixels(torch.from_numpy(centre_square(sample.chelsea(), IMAGE_SIZE).copy())[None])


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    built = Encoder(adapted=True).eval()
    built.load_published(encoder_weights())
    return built


@torch.inference_mode()
def test_recognises_a_cat_with_the_published_classifier(encoder: Encoder, cat: torch.Tensor) -> None:
    state = encoder_weights()
    logits = encoder(cat).mean((2, 3)) @ state["_fc.weight"].T + state["_fc.bias"]
    assert int(logits.argmax()) in CATS
    assert float(logits.softmax(1)[0, sorted(CATS)].sum()) > 0.5


@torch.inference_mode()
def test_fresh_adapters_change_nothing(encoder: Encoder, cat: torch.Tensor) -> None:
    plain = Encoder(adapted=False).eval()
    plain.load_published(encoder_weights())
    assert torch.allclose(plain(cat), encoder(cat), atol=1e-5)


@torch.inference_mode()
def test_many_pictures_give_the_maps_of_each(encoder: Encoder) -> None:
    pictures = torch.rand(5, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    many, each = encoder.pyramid(pictures), [encoder.pyramid(one[None]) for one in pictures]
    assert [m.shape[:2] for m in many] == [(5, 24), (5, 48), (5, 88)]
    for maps, ones in zip(many, zip(*each, strict=True), strict=True):
        assert maps.is_contiguous()  # else a file of them would hold another order
        assert torch.allclose(maps, torch.cat(ones), atol=1e-4)
    assert torch.equal(encoder.lower(pictures), many[-1])
    assert [m.shape[0] for m in encoder.pyramid(pictures[:0])] == [0, 0, 0]


def test_tuning_says_what_learns(encoder: Encoder) -> None:
    assert not list(encoder.trainable(Tuning.FROZEN))
    adapters = dict(encoder.trainable(Tuning.ADAPTERS))
    assert all("conv" not in n or n.startswith("adapters.") for n in adapters)
    assert not any(n.startswith("_blocks.10.") for n, _ in encoder.trainable(Tuning.ALL))  # cached below here
    assert sum(p.numel() for p in adapters.values()) < 250_000


def test_refuses_another_checkpoint(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match="not an EfficientNet-Lite2"):
        encoder.load_published({"conv.weight": torch.zeros(1)})
