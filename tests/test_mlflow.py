"""The recipe of the documentation for MLflow."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdropout import DropoutMLPClassifier

pytest.importorskip("skops.io")
mlflow = pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    # What MLflow says of itself.
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("skdropout")
    yield
    mlflow.set_tracking_uri(before)


def test_recipe_of_the_documentation(store, iris):
    X, y = iris
    mlp = DropoutMLPClassifier((8,), batch_norm=True, max_iter=3, random_state=0)
    pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)
    text = (Path(__file__).parents[1] / "docs" / "serving.rst").read_text("utf-8")
    (recipe,) = re.findall(r"\n   import mlflow\n(?:\n|   .*\n)+", text)
    namespace = {"pipe": pipe}
    exec(textwrap.dedent(recipe), namespace)
    loaded, logged = namespace["loaded"], namespace["logged"]
    np.testing.assert_array_equal(loaded.predict_proba(X), pipe.predict_proba(X))
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(X), pipe.predict(X))
