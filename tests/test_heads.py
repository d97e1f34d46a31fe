import numpy as np
import pytest
import torch

from rasa_bert_intent.heads import logits_of
from rasa_bert_intent.torch_heads import HEADS


@pytest.mark.parametrize("kind", HEADS)
def test_logits_are_those_of_the_layer_that_was_trained(kind):
    torch.manual_seed(0)
    layer = HEADS[kind](6, 4).eval()
    features = torch.randn(5, 6)
    arrays = {name: value.numpy() for name, value in layer.state_dict().items()}
    found = logits_of(arrays, kind, features.numpy())
    np.testing.assert_allclose(found, layer(features).detach().numpy(), atol=1e-5)
    assert found.dtype == np.float32
