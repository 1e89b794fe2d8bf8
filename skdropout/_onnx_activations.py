"""Keras's activations as graphs of ONNX.

ONNX has operators for many of them, but ONNX Runtime has most of those in single
precision alone. So these are made of operators that it has in double precision too, as
they have been since version 13 of ONNX's operators.
"""

from collections.abc import Callable

import numpy as np
from skl2onnx.algebra import onnx_ops
from skl2onnx.proto import TensorProto

from .network.activations import SELU_ALPHA, SELU_SCALE


class Operators:
    """ONNX's operators by their names, of one version; numbers are constants of a type.

    Parameters
    ----------
    dtype : {numpy.float32, numpy.float64}
    version : int
        ``target_opset`` of ``skl2onnx``.
    """

    def __init__(self, dtype: type, version: int):
        self.dtype = dtype
        self._version = version

    def __getattr__(self, name: str) -> Callable:
        operator = getattr(onnx_ops, f"Onnx{name}")

        def make(*inputs, **attributes):
            inputs = [self._as_input(value) for value in inputs]
            return operator(*inputs, op_version=self._version, **attributes)

        return make

    def _as_input(self, value):
        is_number = isinstance(value, (int, float))
        return np.full(1, value, self.dtype) if is_number else value


def activated(name: str, op: Operators, x, n_units: int):
    """The graph of an activation.

    Parameters
    ----------
    name : str
        Keras's.
    op : Operators
    x : graph
        Of values of shape (n_samples, n_units).
    n_units : int

    Raises
    ------
    ValueError
        If there is no activation of that name.
    """
    if name not in _GRAPHS:
        raise ValueError(
            f"activation={name!r} cannot be converted to ONNX; allowed are "
            f"{', '.join(map(repr, sorted(_GRAPHS)))}."
        )
    return _GRAPHS[name](op, x, n_units)


def _clip(op, x, least, most):
    return op.Min(op.Max(x, least), most)


def _elu(op, x, n_units=None, alpha=1.0):
    negative = op.Mul(op.Sub(op.Exp(op.Min(x, 0)), 1), alpha)
    return op.Add(op.Max(x, 0), negative)


def _erf(op, x):
    if op.dtype is np.float32:
        return op.Erf(x)
    # ONNX Runtime has it in single precision alone.
    single = op.Cast(x, to=TensorProto.FLOAT)
    return op.Cast(op.Erf(single), to=TensorProto.DOUBLE)


def _gelu(op, x, n_units):
    return op.Mul(op.Mul(x, 0.5), op.Add(_erf(op, op.Mul(x, 0.5**0.5)), 1))


def _hard_shrink(op, x, n_units):
    return op.Where(op.Greater(op.Abs(x), 0.5), x, 0)


def _hard_sigmoid(op, x, n_units=None):
    return _clip(op, op.Add(op.Div(x, 6), 0.5), 0, 1)


def _hard_silu(op, x, n_units):
    return op.Mul(x, _hard_sigmoid(op, x))


def _mish(op, x, n_units):
    return op.Mul(x, op.Tanh(_softplus(op, x)))


def _silu(op, x, n_units):
    return op.Mul(x, op.Sigmoid(x))


def _soft_shrink(op, x, n_units):
    return op.Mul(op.Sign(x), op.Max(op.Sub(op.Abs(x), 0.5), 0))


def _softplus(op, x, n_units=None):
    return op.Add(op.Max(x, 0), op.Log(op.Add(op.Exp(op.Neg(op.Abs(x))), 1)))


def _sparse_plus(op, x, n_units):
    y = op.Add(_clip(op, x, -1, 1), 1)
    return op.Add(op.Mul(op.Mul(y, y), 0.25), op.Max(op.Sub(x, 1), 0))


def _sparsemax(op, x, n_units):
    ordered = op.TopK(x, np.array([n_units]), axis=1)[0]
    sums = op.CumSum(ordered, np.array(1))
    ranks = np.arange(1, n_units + 1, dtype=op.dtype)
    in_support = op.Greater(op.Sub(ordered, op.Div(op.Sub(sums, 1), ranks)), 0)
    columns = np.array([1])
    total = op.ReduceSum(op.Where(in_support, sums, 0), columns)
    size = op.ReduceSum(op.Where(in_support, np.ones(1, op.dtype), 0), columns)
    return op.Max(op.Sub(x, op.Div(op.Sub(total, 1), size)), 0)


def _squareplus(op, x, n_units):
    root = op.Sqrt(op.Add(op.Mul(x, x), 4))
    return op.Mul(op.Add(x, root), 0.5)


#: Keras's name -> function of the operators, a graph and its number of columns.
_GRAPHS: dict[str, Callable] = {
    "celu": _elu,
    "elu": _elu,
    "exponential": lambda op, x, n: op.Exp(x),
    "gelu": _gelu,
    "hard_shrink": _hard_shrink,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
    "hard_tanh": lambda op, x, n: _clip(op, x, -1, 1),
    "leaky_relu": lambda op, x, n: op.Max(x, op.Mul(x, 0.2)),
    "linear": lambda op, x, n: x,
    "log_sigmoid": lambda op, x, n: op.Neg(_softplus(op, op.Neg(x))),
    "log_softmax": lambda op, x, n: op.LogSoftmax(x, axis=1),
    "mish": _mish,
    "relu": lambda op, x, n: op.Relu(x),
    "relu6": lambda op, x, n: _clip(op, x, 0, 6),
    "selu": lambda op, x, n: op.Mul(_elu(op, x, alpha=SELU_ALPHA), SELU_SCALE),
    "sigmoid": lambda op, x, n: op.Sigmoid(x),
    "silu": _silu,
    "soft_shrink": _soft_shrink,
    "softmax": lambda op, x, n: op.Softmax(x, axis=1),
    "softplus": _softplus,
    "softsign": lambda op, x, n: op.Div(x, op.Add(op.Abs(x), 1)),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda op, x, n: _clip(op, op.Mul(op.Add(x, 1), 0.5), 0, 1),
    "sparsemax": _sparsemax,
    "squareplus": _squareplus,
    "swish": _silu,
    "tanh": lambda op, x, n: op.Tanh(x),
    "tanh_shrink": lambda op, x, n: op.Sub(x, op.Tanh(x)),
}
