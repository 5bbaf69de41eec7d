"""What a learner may hand in instead of an answer: every check must bear it and say one line."""

import math
from typing import Any

import numpy as np
import pytest
import torch

MALFORMED = {
    "None": None,
    "dots": ...,
    "text": "text",
    "int": 3,
    "float": 3.0,
    "bool": True,
    "complex": 1j,
    "nan": math.nan,
    "huge": 10**400,
    "list": [1, 2],
    "tuple": (1, 2),
    "four": [1, 2, 3, 4],
    "ragged list": [[1], [1, 2]],
    "pair of None": (None, None),
    "dict": {},
    "set": {1, 2},
    "array": np.arange(3.0),
    "array of words": np.array(["blurred", "cannot tell"]),
    "numpy's float": np.float64(3.0),
    "object": object(),
    "class": int,
    "wrong arity": lambda: 3,
    "tensor": torch.zeros(2, 3, 4),
    "NaN tensor": torch.tensor(math.nan),
    "complex tensor": torch.tensor(1j),
    "bool tensor": torch.tensor(True),
    "empty tensor": torch.zeros(0),
    "meta tensor": torch.zeros((), device="meta"),
    "sparse tensor": torch.eye(3).to_sparse(),
}


@pytest.fixture(params=MALFORMED.values(), ids=MALFORMED.keys())
def malformed(request: pytest.FixtureRequest) -> Any:
    return request.param
