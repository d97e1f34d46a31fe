import numpy as np
import pytest

from rasa_bert_intent.products import products


@pytest.mark.parametrize("vectors", [0, 1, 16, 17, 300])
@pytest.mark.parametrize("order", ["C", "F"])
def test_products_of_few_and_many_vectors_are_alike(vectors, order):
    random = np.random.default_rng(0)
    left, rows = (random.normal(size=(n, 20)).astype(np.float32) for n in (vectors, 7))
    found = products(left, np.asarray(rows, order=order))
    np.testing.assert_allclose(found, left.astype(np.float64) @ rows.T.astype(np.float64), atol=1e-5)
    assert found.dtype == np.float32
