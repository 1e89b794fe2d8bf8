"""The data sets."""

import gzip
import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

_PREFIXES = {"train": "train", "test": "t10k"}


def standardised_digits(dtype=np.float64) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's digits: 1,797 rows of 64 standardised features, ten classes."""
    X, y = load_digits(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(dtype), y


def fashion_mnist(part: str, n_rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """First rows of Fashion-MNIST's "train" or "test", 784 float32 pixels in [0, 1]."""
    folder = os.environ.get("SKDROPOUT_DATA")
    if not folder:
        sys.exit(
            "Set the environment variable SKDROPOUT_DATA to a folder that holds "
            "fashion-mnist/train-images-idx3-ubyte.gz and the other three IDX files."
        )
    prefix = Path(folder, "fashion-mnist", _PREFIXES[part])
    pixels = _read_idx(f"{prefix}-images-idx3-ubyte.gz", header=16).reshape(-1, 784)
    labels = _read_idx(f"{prefix}-labels-idx1-ubyte.gz", header=8)
    X = pixels[:n_rows].astype(np.float32) / np.float32(255)
    return X, labels[:n_rows].astype(np.int64)


def _read_idx(path: str, header: int) -> np.ndarray:
    try:
        with gzip.open(path) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)
    except FileNotFoundError:
        sys.exit(f"{path} is not there: SKDROPOUT_DATA must name the folder of the data.")
