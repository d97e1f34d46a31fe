import pytest
import torch
from torch import nn

from rasa_bert_intent.training.dropout import ByteDropout, use_byte_dropout

ROWS = torch.ones(500, 400)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_drops_the_share_it_is_told_and_keeps_the_mean(p):
    dropped = ByteDropout(p)(ROWS)
    assert float((dropped == 0).float().mean()) == pytest.approx(p, abs=0.005)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.01)


def test_gradients_pass_where_values_do():
    x = ROWS.clone().requires_grad_()
    y = ByteDropout(0.3)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_every_mask_is_another_and_torchs_seed_fixes_them():
    def masks() -> torch.Tensor:
        torch.manual_seed(7)
        dropout = ByteDropout(0.1)
        return torch.stack([dropout(ROWS), dropout(ROWS)])

    first = masks()
    assert not torch.equal(first[0], first[1])
    assert torch.equal(masks(), first)


def test_an_odd_number_of_elements_keeps_its_shape():
    assert ByteDropout(0.1)(torch.ones(3, 5, 7)).shape == (3, 5, 7)


def test_changes_nothing_outside_training():
    assert torch.equal(ByteDropout(0.5).eval()(ROWS), ROWS)


def test_takes_the_place_of_every_dropout_that_drops():
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.0)))
    use_byte_dropout(network)
    assert [type(module) for module in network[1]] == [ByteDropout, nn.Dropout]
