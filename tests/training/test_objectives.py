import math

import pytest
import torch
import torch.nn.functional as F

from rasa_bert_intent.config import Options
from rasa_bert_intent.training.objectives import Classification, Contrast, contrastive_loss


class Copies(torch.nn.Module):
    """A network that hands its inputs on, each view with another of `noise` added."""

    def __init__(self, *noise: float) -> None:
        super().__init__()
        self.head = torch.nn.Linear(2, 2)
        self.noise = noise

    def features(self, x: torch.Tensor) -> torch.Tensor:
        views = x.chunk(len(self.noise))
        return torch.cat([view + noise for view, noise in zip(views, self.noise, strict=True)])

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features)


def test_contrastive_loss_is_the_one_computed_by_hand():
    # Cosines: a·b = 0.6, a·c = 0, b·c = 0.8; a and b are alike, c has no partner and does not count.
    views = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    of_a = -math.log(math.exp(0.6 / 0.5) / (math.exp(0.6 / 0.5) + math.exp(0)))
    of_b = -math.log(math.exp(0.6 / 0.5) / (math.exp(0.6 / 0.5) + math.exp(0.8 / 0.5)))
    loss = contrastive_loss(views, torch.tensor([0, 0, 1]), temperature=0.5)
    assert float(loss) == pytest.approx((of_a + of_b) / 2)


def test_several_partners_share_a_rows_loss():
    views = F.normalize(torch.tensor([[1.0, 0.2], [1.0, 0.0], [1.0, -0.3], [-1.0, 0.5]]), dim=-1)
    cosines = (views @ views.T).tolist()
    rows = []
    for i, partners in ((0, (1, 2)), (1, (0, 2)), (2, (0, 1))):
        total = sum(math.exp(cosines[i][j]) for j in range(4) if j != i)
        rows.append(-sum(math.log(math.exp(cosines[i][j]) / total) for j in partners) / 2)
    loss = contrastive_loss(views, torch.tensor([0, 0, 0, 1]), temperature=1.0)
    assert float(loss) == pytest.approx(sum(rows) / 3, rel=1e-5)


def test_a_batch_without_partners_has_no_contrastive_loss():
    views = torch.eye(3, requires_grad=True)
    loss = contrastive_loss(views * 1.0, torch.tensor([0, 1, 2]), temperature=0.1)
    loss.backward()
    assert loss.item() == 0
    assert not views.grad.any()


def test_contrastive_loss_falls_as_partners_come_nearer():
    labels = torch.tensor([0, 0, 1, 1])
    far = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    near = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert contrastive_loss(near, labels, 0.5) < contrastive_loss(far, labels, 0.5)


def test_r_drop_adds_how_far_two_views_are_apart():
    torch.manual_seed(0)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    network = Copies(0.0, 1.0)
    p, q = (F.softmax(network.head(x + noise), dim=-1) for noise in (0.0, 1.0))
    divergence = ((p * (p / q).log()).sum(1).mean() + (q * (q / p).log()).sum(1).mean()) / 2
    entropy = sum(F.cross_entropy(network.head(x + noise), labels) for noise in (0.0, 1.0)) / 2
    options = Options(r_drop=2.0, contrastive_weight=0.0, label_smoothing=0.0)
    loss = Classification(options, torch.ones(2))(network, {"x": x}, labels)
    assert loss.item() == pytest.approx((entropy + 2 * divergence).item(), rel=1e-5)


def test_a_class_weight_is_that_of_an_examples_own_intent_alone():
    torch.manual_seed(0)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    network, weights = Copies(0.0), torch.tensor([0.5, 20.0])
    each = F.cross_entropy(network.head(x), labels, label_smoothing=0.1, reduction="none")
    loss = Classification(Options(contrastive_weight=0.0, label_smoothing=0.1), weights)(network, {"x": x}, labels)
    assert loss.item() == pytest.approx((weights[labels] * each).mean().item(), rel=1e-5)


def test_labels_are_smoothed():
    torch.manual_seed(0)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    network = Copies(0.0)
    expected = F.cross_entropy(network.head(x), labels, label_smoothing=0.3)
    loss = Classification(Options(contrastive_weight=0.0, label_smoothing=0.3), torch.ones(2))(
        network, {"x": x}, labels
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_contrastive_term_stands_beside_cross_entropy():
    torch.manual_seed(0)
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    network = Copies(0.0)
    expected = F.cross_entropy(network.head(x), labels) + 0.3 * contrastive_loss(F.normalize(x, dim=-1), labels, 0.1)
    options = Options(contrastive_weight=0.3, label_smoothing=0.0)
    loss = Classification(options, torch.ones(2))(network, {"x": x}, labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("supervised", [True, False])
def test_a_stage_compares_two_different_views_through_one_projection(supervised):
    torch.manual_seed(0)
    x, labels = torch.randn(3, 2), torch.tensor([0, 1, 0])
    contrast = Contrast(Copies(0.0, 0.5), size=2, temperature=0.2, supervised=supervised)
    views = F.normalize(contrast.projection(torch.cat([x, x + 0.5])), dim=-1)
    alike = labels if supervised else torch.arange(3)
    expected = contrastive_loss(views, torch.cat([alike, alike]), 0.2)
    assert contrast.loss({"x": x}, labels).item() == pytest.approx(expected.item(), rel=1e-5)
