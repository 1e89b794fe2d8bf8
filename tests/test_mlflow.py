"""The recipe of the documentation for MLflow."""

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
def store(tmp_path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("skdropout")
    yield
    mlflow.set_tracking_uri(before)


def test_log_and_load(store, iris):
    X, y = iris
    mlp = DropoutMLPClassifier((8,), batch_norm=True, max_iter=3, random_state=0)
    pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            pipe,
            name="model",
            serialization_format="skops",
            skops_trusted_types=["skdropout.classifier.DropoutMLPClassifier"],
            pip_requirements=["skdropout", "skops"],
        )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    np.testing.assert_array_equal(loaded.predict_proba(X), pipe.predict_proba(X))
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(X), pipe.predict(X))
