"""The loaders of the examples: where data come from, and what is said of bad ones."""

import gzip
import importlib.util
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

_PATH = Path(__file__).parents[1] / "examples" / "datasets.py"
_IMAGES = "mnist/t10k-images-idx3-ubyte.gz"
_LABELS = "mnist/t10k-labels-idx1-ubyte.gz"


@pytest.fixture(scope="module")
def datasets():
    """The module, which lies outside the package."""
    spec = importlib.util.spec_from_file_location("datasets", _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of data, named by the variable."""
    monkeypatch.setenv("SKDROPOUT_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "fashion-mnist").mkdir()
    return tmp_path


@pytest.fixture
def no_folder(monkeypatch):
    monkeypatch.delenv("SKDROPOUT_DATA", raising=False)


def idx(shape, magic=None, n_bytes=None):
    """A gzipped IDX file of zeros."""
    header = [0x0800 + len(shape) if magic is None else magic, *shape]
    n_bytes = int(np.prod(shape)) if n_bytes is None else n_bytes
    return gzip.compress(np.array(header, ">u4").tobytes() + bytes(n_bytes), 1)


def write_images(root, name="mnist"):
    for part, n_images in (("train", 60_000), ("t10k", 10_000)):
        for kind, sizes in (("images-idx3", (28, 28)), ("labels-idx1", ())):
            path = root / name / f"{part}-{kind}-ubyte.gz"
            path.write_bytes(idx((n_images, *sizes)))


def table(module, name):
    """A table as it should be, of numbers without meaning."""
    columns, n_rows = {
        "wine": (module._WINE_COLUMNS, 1599),
        "concrete": (module._CONCRETE_COLUMNS, 1030),
        "spotify": (module._SPOTIFY_COLUMNS, 32_833),
    }[name]
    frame = pd.DataFrame(0.5, index=range(n_rows), columns=list(columns))
    for column in frame.columns.intersection(module._SPOTIFY_TEXT):
        frame[column] = "None"
    return frame


FILES = {
    "wine": "winequality-red.csv",
    "concrete": "concrete.csv",
    "spotify": "spotify.csv.gz",
}


def message(load, kind):
    with pytest.raises(kind) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_images_from_files(datasets, folder, name):
    write_images(folder, name)
    load = getattr(datasets, "load_" + name.replace("-", "_"))
    (X_train, y_train), (X_test, y_test) = load()
    assert X_train.shape == (60_000, 784)
    assert X_test.shape == (10_000, 784)
    assert y_train.shape == (60_000,)
    assert y_test.shape == (10_000,)
    assert {a.dtype for a in (X_train, y_train, X_test, y_test)} == {np.dtype("uint8")}


def test_pixels_are_in_the_order_of_the_file(datasets, tmp_path):
    path = tmp_path / "images.gz"
    pixels = np.arange(24, dtype=np.uint8)
    header = np.array([2051, 2, 3, 4], ">u4").tobytes()
    path.write_bytes(gzip.compress(header + pixels.tobytes()))
    np.testing.assert_array_equal(
        datasets._read_idx(path, (2, 3, 4)), pixels.reshape(2, 3, 4)
    )


@pytest.mark.parametrize("name", FILES)
def test_tables_from_files(datasets, folder, name):
    expected = table(datasets, name)
    expected.to_csv(folder / FILES[name], index=False)
    frame = getattr(datasets, f"load_{name}")()
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_only_na_is_a_gap(datasets, folder):
    expected = table(datasets, "spotify")
    expected.loc[7, "track_artist"] = "NA"
    expected.to_csv(folder / FILES["spotify"], index=False)
    frame = datasets.load_spotify()
    assert frame["track_artist"].isna().sum() == 1
    assert len(frame.dropna()) == 32_832


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", *FILES])
def test_variable_names_no_folder(datasets, tmp_path, monkeypatch, name):
    monkeypatch.setenv("SKDROPOUT_DATA", str(tmp_path / "nowhere"))
    text = message(getattr(datasets, f"load_{name}"), FileNotFoundError)
    assert "SKDROPOUT_DATA" in text
    assert "nowhere" in text
    assert "winequality-red.csv" in text


def test_missing_images_are_named(datasets, folder):
    write_images(folder)
    (folder / _LABELS).unlink()
    text = message(datasets.load_mnist, FileNotFoundError)
    assert str(folder / _LABELS) in text
    assert "10,000 labels" in text
    assert "SKDROPOUT_DATA" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wine", "1,599 rows and 12 columns"),
        ("concrete", "1,030 rows and 9 columns"),
        ("spotify", "32,833 rows and 16 columns"),
    ],
)
def test_missing_table_is_named(datasets, folder, name, expected):
    text = message(getattr(datasets, f"load_{name}"), FileNotFoundError)
    assert str(folder / FILES[name]) in text
    assert expected in text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (idx((10_000, 28, 28))[:-100], "truncated"),
        (idx((10_000, 28, 28))[:5], "truncated"),
        (b"", "truncated"),
        (b"no gzip file", "damaged"),
        (idx((10_000, 28, 28), n_bytes=9_000 * 784), "7,056,000 bytes"),
        (idx((10_000, 28, 28), n_bytes=7_840_001), "too long"),
        (idx((10_000, 28, 28), magic=2049), "magic number 2049; expected 2051"),
        (idx((500, 28, 28)), "500 x 28 x 28"),
        (gzip.compress(b"\0\0\x08\x03"), "truncated within its header"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_images_are_named(datasets, folder, content, found):
    write_images(folder)
    (folder / _IMAGES).write_bytes(content)
    text = message(datasets.load_mnist, ValueError)
    assert str(folder / _IMAGES) in text
    assert "10,000 images of 28 x 28" in text
    assert found in text


@pytest.mark.parametrize("n_bytes", [0, 1, 9, 10, 11, 18, 25, 50])
def test_every_truncation_of_a_packed_file_is_told(datasets, tmp_path, n_bytes):
    whole = idx((100,))
    path = tmp_path / "labels.gz"
    path.write_bytes(whole[: min(n_bytes, len(whole) - 1)])
    with pytest.raises(ValueError, match=r"labels\.gz .*truncated.*100 labels"):
        datasets._read_idx(path, (100,))


def test_truncated_tables_are_named(datasets, folder):
    path = folder / FILES["wine"]
    table(datasets, "wine").to_csv(path, index=False)
    lines = path.read_bytes().splitlines(keepends=True)
    for content, found in [
        (b"".join(lines[:1000]), "999 rows"),
        (b"".join(lines)[:-5], "ends within a line"),
        (b"".join(lines)[:1], "ends within a line"),
        (b"", "truncated"),
        (b"\n", "not a CSV file"),
    ]:
        path.write_bytes(content)
        text = message(datasets.load_wine, ValueError)
        assert str(path) in text
        assert found in text
        assert "1,599 rows and 12 columns" in text
    path = folder / FILES["spotify"]
    table(datasets, "spotify").to_csv(path, index=False)
    path.write_bytes(path.read_bytes()[:-50])
    text = message(datasets.load_spotify, ValueError)
    assert str(path) in text
    assert "truncated" in text
    assert "32,833 rows and 16 columns" in text


def test_wrong_columns_are_named(datasets, folder):
    path = folder / FILES["concrete"]
    frame = table(datasets, "concrete")
    frame.rename(columns={"Age": "Days"}).to_csv(path, index=False)
    text = message(datasets.load_concrete, ValueError)
    assert str(path) in text
    assert "FineAggregate, Days" in text
    assert "expected Cement, BlastFurnaceSlag" in text
    # UCI's own separator.
    frame.to_csv(path, index=False, sep=";")
    assert "Cement;BlastFurnaceSlag" in message(datasets.load_concrete, ValueError)


@pytest.mark.parametrize("value", [np.nan, "x"])
def test_values_that_are_no_numbers_are_named(datasets, folder, value):
    path = folder / FILES["concrete"]
    frame = table(datasets, "concrete").astype({"Water": object})
    frame.loc[3, "Water"] = value
    frame.to_csv(path, index=False)
    text = message(datasets.load_concrete, ValueError)
    assert str(path) in text
    assert "column Water" in text


@pytest.mark.parametrize("name", FILES)
def test_tables_without_network(datasets, no_folder, monkeypatch, name):
    def fail(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(datasets, "fetch_openml", fail)
    monkeypatch.setattr(datasets.pd, "read_csv", fail)
    text = message(getattr(datasets, f"load_{name}"), ConnectionError)
    assert FILES[name] in text
    assert "SKDROPOUT_DATA" in text
    assert "no route to host" in text


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_images_without_network(datasets, no_folder, monkeypatch, name):
    from keras import datasets as fetched

    def fail(*args, **kwargs):
        raise Exception("URL fetch failure")  # as Keras raises it

    monkeypatch.setattr(getattr(fetched, name), "load_data", fail)
    text = message(getattr(datasets, f"load_{name}"), ConnectionError)
    assert f"{name.replace('_', '-')}/train-images-idx3-ubyte.gz" in text
    assert "SKDROPOUT_DATA" in text


def test_fetched_images_are_rows(datasets, no_folder, monkeypatch):
    from keras import datasets as fetched

    def part(n_images):
        return np.zeros((n_images, 28, 28), "uint8"), np.zeros(n_images, "uint8")

    monkeypatch.setattr(fetched.mnist, "load_data", lambda: (part(60), part(10)))
    (X_train, y_train), (X_test, y_test) = datasets.load_mnist()
    assert (X_train.shape, y_train.shape) == ((60, 784), (60,))
    assert (X_test.shape, y_test.shape) == ((10, 784), (10,))


OPENML_NAMES = {
    "wine": "fixed_acidity volatile_acidity citric_acid residual_sugar chlorides "
    "free_sulfur_dioxide total_sulfur_dioxide density pH sulphates alcohol quality",
    "concrete": "cement blast_furnace_slag fly_ash water superplasticizer "
    "coarse_aggregate fine_aggregate age strength",
}


@pytest.mark.parametrize("name", OPENML_NAMES)
def test_fetched_tables_have_the_columns_of_the_files(
    datasets, no_folder, monkeypatch, name
):
    expected = table(datasets, name)
    frame = expected.set_axis(OPENML_NAMES[name].split(), axis=1)
    bunch = type("Bunch", (), {"frame": frame})
    monkeypatch.setattr(datasets, "fetch_openml", lambda **_: bunch)
    load = getattr(datasets, f"load_{name}")
    pd.testing.assert_frame_equal(load(), expected)
    bunch.frame = frame.head(7)
    text = message(load, ValueError)
    assert f"fetched for {FILES[name]} has 7 rows" in text


def test_fetched_songs_keep_the_columns_of_the_file(datasets, no_folder, monkeypatch):
    expected = table(datasets, "spotify")
    frame = expected.assign(track_id="x")[["track_id", *expected.columns[::-1]]]
    monkeypatch.setattr(datasets.pd, "read_csv", lambda *args, **kwargs: frame)
    pd.testing.assert_frame_equal(datasets.load_spotify(), expected)
