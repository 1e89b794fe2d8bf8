"""Converters of the two estimators for ``skl2onnx``, which must be installed."""

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
)
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from skl2onnx.common.utils_classifier import get_label_classes
from skl2onnx.proto import TensorProto

from ._onnx_activations import Operators, activated
from .classifier import DropoutMLPClassifier
from .network.folding import folded
from .regressor import DropoutMLPRegressor


def register() -> None:
    """Tell ``skl2onnx`` of both estimators."""
    update_registered_converter(
        DropoutMLPClassifier,
        "SkdropoutDropoutMLPClassifier",
        _classifier_shapes,
        _convert_classifier,
        # Those of scikit-learn's own MLP.
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    update_registered_converter(
        DropoutMLPRegressor,
        "SkdropoutDropoutMLPRegressor",
        _regressor_shapes,
        _convert_regressor,
    )


def _classifier_shapes(operator) -> None:
    calculate_linear_classifier_output_shapes(operator)
    estimator = operator.raw_operator
    n_rows = operator.inputs[0].get_first_dimension()
    if estimator._is_multilabel:
        operator.outputs[0].set_type(Int64TensorType([n_rows, estimator.n_outputs_]))
    elif len(estimator.classes_) == 1:
        operator.outputs[1].type.shape = [n_rows, 2]


def _regressor_shapes(operator) -> None:
    calculate_linear_regressor_output_shapes(operator)
    n_rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [n_rows, operator.raw_operator.n_outputs_]


def _convert_regressor(scope, operator, container) -> None:
    op = _operators(operator, container)
    outputs = _network_outputs(operator, op)
    op.Identity(outputs, output_names=operator.outputs).add_to(scope, container)


def _convert_classifier(scope, operator, container) -> None:
    estimator = operator.raw_operator
    op = _operators(operator, container)
    for_labels, for_probabilities = ([output] for output in operator.outputs)
    outputs = _network_outputs(operator, op)
    if estimator.n_outputs_ == 1:
        of_first = op.Sub(1, outputs)
        probabilities = op.Concat(
            of_first, outputs, axis=1, output_names=for_probabilities
        )
    else:
        probabilities = op.Identity(outputs, output_names=for_probabilities)
    if estimator._is_multilabel:
        applies = op.Greater(outputs, 0.5)
        labels = op.Cast(applies, to=TensorProto.INT64, output_names=for_labels)
    else:
        places = op.ArgMax(probabilities, axis=1, keepdims=0)
        found = op.ArrayFeatureExtractor(_classes(scope, estimator), places)
        labels = op.Reshape(found, np.array([-1]), output_names=for_labels)
    labels.add_to(scope, container)
    probabilities.add_to(scope, container)


def _operators(operator, container) -> Operators:
    is_double = isinstance(operator.inputs[0].type, DoubleTensorType)
    return Operators(np.float64 if is_double else np.float32, container.target_opset)


def _classes(scope, estimator) -> np.ndarray:
    """Labels of the columns of the probabilities, as integers or strings."""
    classes = np.asarray(get_label_classes(scope, estimator))
    classes = classes.astype(np.int64 if classes.dtype.kind in "biuf" else str)
    # Of a single class there are the probabilities of two columns.
    return np.repeat(classes, 2) if len(classes) == 1 else classes


def _network_outputs(operator, op: Operators):
    """The graph from the inputs to the outputs of the network."""
    estimator = operator.raw_operator
    network = estimator._architecture
    dense = folded(network, estimator._weights(), estimator._rescaling())
    if dense.center is not None:
        # What is lost in rounding it goes to the intercepts.
        dense = dense.moved_to(_finite(dense.center, op.dtype, "means of the inputs"))
    center, coefs, intercepts = dense
    values = operator.inputs[0]
    if not isinstance(values.type, (FloatTensorType, DoubleTensorType)):
        values = op.Cast(values, to=TensorProto.FLOAT)
    if center is not None:
        values = op.Sub(values, center)
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        values = op.MatMul(values, _finite(coef, op.dtype, "coefs_"))
        values = op.Add(values, _finite(intercept, op.dtype, "intercepts_"))
        is_last = i == len(coefs) - 1
        name = network.out_activation if is_last else network.activation
        values = activated(name, op, values, len(intercept))
    return values


def _finite(values: np.ndarray, dtype: type, name: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        cast: np.ndarray = values.astype(dtype)
    if not np.isfinite(cast).all():
        raise ValueError(
            f"The {name}, with batch normalisation and the unit of the targets folded "
            f"in, go up to {np.abs(values).max():.3g}: not finite in single precision. "
            "Convert with inputs of DoubleTensorType, or fit to targets of another unit."
        )
    return cast
