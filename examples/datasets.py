"""The data of the experiments: from the files of a folder, or fetched.

The environment variable ``SKDROPOUT_DATA`` names the folder. Where it is not set, the
data are fetched: images by Keras's loaders, tables from OpenML or, for the songs, from
where they were published.
"""

import gzip
import io
import os
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import fetch_openml

_VARIABLE = "SKDROPOUT_DATA"
_SPOTIFY_URL = (
    "https://raw.githubusercontent.com/rfordatascience/tidytuesday/main/"
    "data/2020/2020-01-21/spotify_songs.csv"
)
_WINE_COLUMNS = (
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
    "quality",
)
_CONCRETE_COLUMNS = (
    "Cement",
    "BlastFurnaceSlag",
    "FlyAsh",
    "Water",
    "Superplasticizer",
    "CoarseAggregate",
    "FineAggregate",
    "Age",
    "CompressiveStrength",
)
_SPOTIFY_TEXT = ("track_artist", "playlist_genre", "playlist_subgenre")
_SPOTIFY_COLUMNS = (
    "track_artist",
    "track_popularity",
    "playlist_genre",
    "playlist_subgenre",
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
    "duration_ms",
)


def load_mnist():
    """Handwritten digits.

    Returns
    -------
    (X_train, y_train), (X_test, y_test) : tuples of ndarray
        60,000 and 10,000 rows of 784 pixels in 0..255, and labels in 0..9, all uint8.

    Raises
    ------
    OSError
        If a file is missing, or there is no network.
    ValueError
        If a file is truncated, or not what it should be.
    """
    return _load_images("mnist", "mnist")


def load_fashion_mnist():
    """Articles of clothing, in the form of `load_mnist`."""
    return _load_images("fashion-mnist", "fashion_mnist")


def load_wine():
    """Red wines.

    Returns
    -------
    wine : DataFrame
        1,599 rows: eleven features and ``quality``.

    Raises
    ------
    OSError, ValueError
        As of `load_mnist`.
    """
    return _load_table(
        "winequality-red.csv",
        1599,
        _WINE_COLUMNS,
        lambda: _fetch_openml(44972).rename(columns=lambda name: name.replace("_", " ")),
    )


def load_concrete():
    """Mixtures of concrete.

    Returns
    -------
    concrete : DataFrame
        1,030 rows: eight features and ``CompressiveStrength`` in MPa.

    Raises
    ------
    OSError, ValueError
        As of `load_mnist`.
    """

    def fetch():
        frame = _fetch_openml(44959).rename(columns={"strength": "compressive_strength"})
        frame.columns = [name.title().replace("_", "") for name in frame.columns]
        # The strengths of the file have two decimals.
        return frame.round({"CompressiveStrength": 2})

    return _load_table("concrete.csv", 1030, _CONCRETE_COLUMNS, fetch)


def load_spotify():
    """Songs, once for each playlist that they stand in.

    Returns
    -------
    spotify : DataFrame
        32,833 rows: artist, popularity in 0..100, genre and subgenre of the playlist, and
        twelve audio features. Five artists are missing.

    Raises
    ------
    OSError, ValueError
        As of `load_mnist`.
    """

    def fetch():
        return _read_csv(_SPOTIFY_URL).filter(_SPOTIFY_COLUMNS)

    return _load_table("spotify.csv.gz", 32_833, _SPOTIFY_COLUMNS, fetch, _SPOTIFY_TEXT)


def _load_images(folder, keras_name):
    files = [
        (f"{folder}/{part}-{kind}-ubyte.gz", (n_images, *sizes))
        for part, n_images in (("train", 60_000), ("t10k", 10_000))
        for kind, sizes in (("images-idx3", (28, 28)), ("labels-idx1", ()))
    ]
    root = _root()
    if root is None:
        names = ", ".join(name for name, _ in files)
        arrays = sum(_fetched(names, lambda: _fetch_keras(keras_name)), ())
    else:
        arrays = [_read_idx(root / name, shape) for name, shape in files]
    X_train, y_train, X_test, y_test = arrays
    train = X_train.reshape(len(X_train), -1), y_train
    test = X_test.reshape(len(X_test), -1), y_test
    return train, test


def _load_table(file_name, n_rows, columns, fetch, text_columns=()):
    root = _root()
    if root is None:
        frame, name = _fetched(file_name, fetch), f"What was fetched for {file_name}"
    else:
        name = root / file_name
        expected = f"{n_rows:,} rows and {len(columns)} columns"
        raw = _read_bytes(name, f"a CSV file of {expected}")
        if not raw.endswith(b"\n"):
            raise ValueError(
                f"{name} is truncated: it ends within a line; expected {expected}."
            )
        try:
            frame = _read_csv(io.BytesIO(raw))
        except ValueError as error:
            raise ValueError(
                f"{name} is not a CSV file of {expected}: {error}"
            ) from error
    _check_table(frame, name, n_rows, columns, text_columns)
    return frame


def _check_table(frame, name, n_rows, columns, text_columns):
    if list(frame.columns) != list(columns):
        raise ValueError(
            f"{name} has the columns {', '.join(map(str, frame.columns))}; "
            f"expected {', '.join(columns)}."
        )
    if len(frame) != n_rows:
        raise ValueError(
            f"{name} has {len(frame):,} rows; expected {n_rows:,} rows and "
            f"{len(columns)} columns."
        )
    for column in frame.columns.difference(text_columns, sort=False):
        if not pd.api.types.is_numeric_dtype(frame[column]) or frame[column].hasnans:
            raise ValueError(
                f"{name} has values in the column {column} that are missing or no "
                f"numbers; expected {n_rows:,} numbers."
            )


def _read_csv(source):
    # Only NA is a gap: "None" or "null" may be an artist.
    return pd.read_csv(source, keep_default_na=False, na_values=["NA"])


def _read_idx(path, shape):
    """Read unsigned bytes: a header of 4-byte numbers, then the values."""
    what = f"{shape[0]:,} " + (
        f"images of {shape[1]} x {shape[2]}" if len(shape) == 3 else "labels"
    )
    raw = _read_bytes(path, f"a gzipped IDX file of {what}")
    magic = 0x0800 + len(shape)
    header_size = 4 * (1 + len(shape))
    if len(raw) < header_size:
        raise ValueError(f"{path} is truncated within its header; expected {what}.")
    found, *sizes = np.frombuffer(raw[:header_size], ">u4").tolist()
    if found != magic:
        raise ValueError(
            f"{path} has the magic number {found}; expected {magic}, that is an IDX file "
            f"of {what}."
        )
    if tuple(sizes) != shape:
        found = " x ".join(map(str, sizes))
        raise ValueError(f"{path} has values of shape {found}; expected {what}.")
    values = np.frombuffer(raw, np.uint8, offset=header_size)
    if values.size != np.prod(shape):
        raise ValueError(
            f"{path} is {'truncated' if values.size < np.prod(shape) else 'too long'}: "
            f"it has {values.size:,} bytes after its header; expected "
            f"{np.prod(shape):,}, for {what}."
        )
    return values.reshape(shape)


def _read_bytes(path, expected):
    """Content of a file, unpacked if its name ends in .gz."""
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} is not there; expected {expected}. {_VARIABLE} must name the folder "
            "of the data; without it the data are fetched."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path} is truncated or damaged ({error}); expected {expected}."
        ) from error


def _root():
    """The folder of the files; None if they are to be fetched."""
    name = os.environ.get(_VARIABLE)
    if not name:
        return None
    root = Path(name)
    if not root.is_dir():
        raise FileNotFoundError(
            f"{_VARIABLE} names {name!r}, which is not a folder. Expected a folder with "
            "mnist/*.gz and fashion-mnist/*.gz (IDX files), winequality-red.csv, "
            "concrete.csv and spotify.csv.gz. Without the variable the data are fetched."
        )
    return root


def _fetched(files, fetch):
    try:
        return fetch()
    except OSError as error:
        raise ConnectionError(
            f"Could not fetch the data: {error}. Without a network, set the environment "
            f"variable {_VARIABLE} to a folder that holds {files}."
        ) from error


def _fetch_keras(name):
    import keras

    try:
        return getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras's own errors are of no kind of their own
        raise OSError(str(error)) from error


def _fetch_openml(data_id):
    return fetch_openml(data_id=data_id, as_frame=True).frame
