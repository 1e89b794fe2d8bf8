"""The regressor."""

from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d, validate_data

from ._base import BaseDropoutMLP, can_fit_partially
from ._checks import as_float32
from ._names import unknown_name
from ._scoring import PredictedRegressor
from ._sklearn_callbacks import with_callbacks
from ._targets import as_given, mean_and_scale, restored, standardized

_LOSSES = ("squared_error", "absolute_error", "huber", "poisson")


class DropoutMLPRegressor(RegressorMixin, BaseDropoutMLP):
    """Multi-layer perceptron regressor with dropout and batch normalisation.

    Takes what :class:`sklearn.neural_network.MLPRegressor` takes, except for `solver` and
    `max_fun`, and dropout [1]_, batch normalisation [2]_, initializers and optimizers
    besides. Trained in float32 by Keras on TensorFlow; the fitted estimator is plain
    NumPy.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_hidden_layers,) or int, default=(256,)
        Units of each hidden layer. ``()`` is a linear model.

    activation : str or callable, default='relu'
        Activation of the hidden layers: scikit-learn's ``'identity'``, ``'logistic'``,
        ``'tanh'`` and ``'relu'``, the name of any other Keras activation that keeps the
        shape, or Keras's function itself.

    loss : {'squared_error', 'absolute_error', 'huber', 'poisson'}, \
            default='squared_error'
        What is minimised: half the squared error, the absolute error, Huber's loss
        (quadratic up to an error of one), or half the Poisson deviance, whose output is
        an exponential and whose targets must not be negative. Several outputs are
        summed.

    normalize_y : bool or 'auto', default='auto'
        Whether the network is trained on standardised targets: each output less its
        mean, over its standard deviation. Predictions, and the exported network, are in
        the unit of the targets; `loss_` and the other losses, `tol` on them, the unit of
        Huber's loss, and `coefs_` and `intercepts_` are of the standardised targets, and
        so is what `callbacks` see. Mean and standard deviation are those of the rows of
        the first call, by their `sample_weight`; ``partial_fit`` and warm starts keep
        them, but for an output that has been constant so far, which is predicted
        exactly. ``'auto'`` stands for ``loss != 'poisson'``.

    dropout_rate : float or array-like of shape (n_hidden_layers,), default=0.3
        Fraction of the units dropped after each hidden layer, in [0, 1). The units kept
        are scaled by ``1 / (1 - dropout_rate)``; in prediction nothing is dropped. Rates
        are realised in steps of 2**-16.

    input_dropout_rate : float, default=0.0
        Fraction of the inputs dropped, in [0, 1).

    batch_norm : bool or {'before_activation', 'after_activation', 'after_dropout'}, \
            default=False
        Where batch normalisation stands at each hidden layer. True means
        ``'before_activation'``. Predictions use moving averages of the batches' means
        and variances, as in Keras's layer, but without the start from 0 and 1, which
        would count for hundreds of steps.

    input_batch_norm : bool, default=False
        Whether the first layer is a batch normalisation of the inputs, ahead of their
        dropout.

    initializer : str, callable or keras.initializers.Initializer, \
            default='glorot_uniform'
        How kernels are drawn; biases start at zero. Names are Keras's; those that start
        with ``'xavier_'`` and ``'kaiming_'`` stand for ``'glorot_'`` and ``'he_'``. An
        instance without a seed of its own draws from `random_state`.

    use_bias : bool, default=True
        Whether the dense layers have biases. `intercepts_` are zero without.

    optimizer : str, type or keras.optimizers.Optimizer, default='adam'
        Keras optimizer by name or class, which takes the hyperparameters below, or a
        configured instance, whose configuration is copied and goes before them.

    alpha : float, default=0.0001
        Strength of the L2 penalty. Half of it times the squares of the kernels is added
        to the loss, divided by the batch's sum of sample weights, as in scikit-learn.

    weight_decay : float, default=0.0
        Decoupled weight decay [3]_: each step also takes its learning rate times this off
        the kernels, whatever the optimizer. Above 0 it takes the place of the optimizer's
        own, which is 0.004 of all weights in Keras's AdamW.

    batch_size : int or 'auto', default=32
        Rows of a mini-batch, and no more than there are. ``'auto'`` means
        ``min(200, n_samples)``.

    learning_rate : {'constant', 'invscaling', 'adaptive'} or \
            keras.optimizers.schedules.LearningRateSchedule, default='adaptive'
        - ``'constant'``: `learning_rate_init`.
        - ``'invscaling'``: ``learning_rate_init / (t_ + 1) ** power_t``, each epoch.
        - ``'adaptive'``: divided by 5 each time that training would stop for want of
          progress, until it is at most 1e-6. In ``partial_fit``, to which rows may come
          without end, it is constant.
        - a schedule: a function of the number of steps done.

        Other than in scikit-learn, all apply to every optimizer.

    learning_rate_init : float, default=0.001
        Initial learning rate.

    power_t : float, default=0.5
        Exponent of ``'invscaling'``.

    max_iter : int, default=200
        Number of epochs at most.

    shuffle : bool, default=True
        Whether the rows are put in a new order each epoch.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the rows, what is dropped, and the
        validation split. An int gives the same weights at every call, whatever the
        number of jobs and the joblib backend are, up to float32 rounding.

    tol : float, default=1e-4
        Training stops, or an adaptive rate is divided, when the loss, or with
        `early_stopping` the validation score, has not improved by `tol` for more than
        `n_iter_no_change` epochs. With dropout or batch normalisation, which make an
        epoch's loss noisy, the mean of the last `n_iter_no_change` losses stands for it.
        Without, the rule is scikit-learn's.

    verbose : bool or int, default=False
        Whether the loss of each epoch is printed.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous call. With
        `early_stopping` the best score so far stands, and its weights are kept unless a
        later epoch is better; with other validation rows than those of the previous
        call, or another `scoring`, the best is sought anew.

    momentum : float, default=0.9
        Momentum, in [0, 1], where the optimizer takes one: SGD, but RMSprop and Muon
        too.

    nesterovs_momentum : bool, default=True
        Whether SGD uses Nesterov's momentum.

    early_stopping : bool or 'auto', default='auto'
        Whether training goes by the score on validation rows and keeps the weights of
        the best epoch. ``'auto'``: in ``fit`` of at least 3,000 rows. The validation rows
        are `X_val`, at least two of them if R2 is the score, or else a
        `validation_fraction` of the training rows, which keep their `sample_weight` in
        score and loss, as in scikit-learn.

    scoring : str, callable or None, default=None
        What the validation rows are judged by with `early_stopping`, greater being
        better; not used without. None: R2. ``'loss'``: the negative validation loss.
        Else a name of :func:`sklearn.metrics.get_scorer_names` or a scorer, called after
        each epoch as ``scorer(estimator, X, y)``, with `sample_weight` besides where the
        rows set aside have any. That estimator knows
        the predictions for `X` (``predict``), and nothing else; they are in the unit of
        the targets, as is `y`.

    validation_fraction : float, default=0.1
        Fraction of the training rows set aside, in [0, 1); at least two rows if R2 is the
        score. Used with `early_stopping` and without `X_val`. Rows of weight zero are not
        counted.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the moment estimates, in [0, 1), where the optimizer takes them.

    epsilon : float, default=1e-8
        Numerical stability, where the optimizer takes it.

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are put up with.

    callbacks : keras.callbacks.Callback or list of them, default=None
        Called during training. `early_stopping` and `X_val` add ``val_loss`` and
        ``val_r2_score`` to what they are told, and `scoring` ``val_score``.

    device : str, default='auto'
        ``'auto'`` (the first GPU, else the CPU), ``'cpu'``, ``'gpu'`` or ``'gpu:1'``.

    Attributes
    ----------
    loss_ : float
        Loss of the last epoch, with the penalty.

    best_loss_ : float or None
        Least loss of an epoch; None with `early_stopping`.

    loss_curve_ : list of float
        Loss of each epoch.

    validation_scores_ : list of float or None
        With `early_stopping`, the R2 on the validation rows after each epoch, or the
        score that `scoring` asks for.

    best_validation_score_ : float or None
        The best of them, on the validation rows of the last call; `coefs_` and
        `intercepts_` are of that epoch.

    history_ : dict of list of float
        Figures of each epoch: ``'loss'``, ``'learning_rate'`` and, where there are
        validation rows, ``'val_loss'`` (without the penalty) and ``'val_r2_score'``;
        with `early_stopping` and a `scoring` also ``'val_score'``.

    t_ : int
        Number of training rows seen, epochs together.

    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernel of each dense layer, in the type of `X`.

    intercepts_ : list of ndarray of shape (fan_out,)
        Bias of each dense layer.

    y_mean_ : ndarray of shape (n_outputs,)
        What the targets are centred by: their mean, or 0 where `normalize_y` says no.

    y_scale_ : ndarray of shape (n_outputs,)
        What they are divided by: their standard deviation, which is 0 for a constant, or
        1 where `normalize_y` says no.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` has string names.

    n_iter_ : int
        Number of epochs of the last call.

    n_layers_ : int
        Number of layers, the inputs included.

    n_outputs_ : int
        Number of outputs.

    out_activation_ : str
        Output activation, by scikit-learn's name.

    See Also
    --------
    DropoutMLPClassifier : The same for classification.
    sklearn.neural_network.MLPRegressor : Without dropout and batch normalisation.

    References
    ----------
    .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov,
       "Dropout: a simple way to prevent neural networks from overfitting", Journal of
       Machine Learning Research 15 (2014), 1929-1958.
    .. [2] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.
    .. [3] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization",
       ICLR 2019.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from skdropout import DropoutMLPRegressor
    >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
    >>> mlp = DropoutMLPRegressor((64,), dropout_rate=0.1, max_iter=500, random_state=0)
    >>> mlp.fit(X, y).predict(X[:2]).shape
    (2,)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseDropoutMLP._parameter_constraints,
        "loss": "no_validation",
        "normalize_y": ["boolean", StrOptions({"auto"})],
    }

    y_mean_: np.ndarray
    y_scale_: np.ndarray

    def __init__(
        self,
        hidden_layer_sizes=(256,),
        activation="relu",
        *,
        loss="squared_error",
        normalize_y="auto",
        dropout_rate=0.3,
        input_dropout_rate=0.0,
        batch_norm=False,
        input_batch_norm=False,
        initializer="glorot_uniform",
        use_bias=True,
        optimizer="adam",
        alpha=0.0001,
        weight_decay=0.0,
        batch_size=32,
        learning_rate="adaptive",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping="auto",
        scoring=None,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        callbacks=None,
        device="auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.normalize_y = normalize_y
        self.dropout_rate = dropout_rate
        self.input_dropout_rate = input_dropout_rate
        self.batch_norm = batch_norm
        self.input_batch_norm = input_batch_norm
        self.initializer = initializer
        self.use_bias = use_bias
        self.optimizer = optimizer
        self.alpha = alpha
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.callbacks = callbacks
        self.device = device

    @_fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, not negative. A row of weight zero is left
            out. But for `alpha`, only their ratios matter.

        X_val, y_val : array-like of shapes (n_val, n_features) and (n_val,) or \
                (n_val, n_outputs), default=None
            Validation rows, measured after each epoch; `early_stopping` goes by them.
            Through a pipeline they pass with ``Pipeline(transform_input=["X_val"])``
            and metadata routing.

        Returns
        -------
        self : DropoutMLPRegressor
            Fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or an input is not valid, before any training; and if
            training diverges, unless `early_stopping` has a network to keep. After
            these and any other error, the estimator is as it was before the call.

        Warns
        -----
        ConvergenceWarning
            If training ends by `max_iter`; and if it diverges with `early_stopping`
            after an epoch with a score, of which the best is kept then.

        Examples
        --------
        >>> from sklearn.datasets import make_regression
        >>> from skdropout import DropoutMLPRegressor
        >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
        >>> mlp = DropoutMLPRegressor((16,), early_stopping=True, random_state=0)
        >>> mlp = mlp.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
        >>> len(mlp.validation_scores_) == mlp.n_iter_
        True
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @available_if(can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one more epoch on the given rows. Not with `early_stopping`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, not negative.

        Returns
        -------
        self : DropoutMLPRegressor
            Trained estimator.

        Examples
        --------
        >>> from sklearn.datasets import make_regression
        >>> from skdropout import DropoutMLPRegressor
        >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
        >>> mlp = DropoutMLPRegressor((16,), random_state=0)
        >>> for rows in (slice(100), slice(100, 200)):
        ...     mlp = mlp.partial_fit(X[rows], y[rows])
        >>> mlp.t_
        200
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X, return_std=False, *, n_draws=100, random_state=None):
        """Predict target values, on request with their spread under dropout.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        return_std : bool, default=False
            Whether to leave dropout on for `n_draws` predictions, as `mc_predict` does,
            and return their mean and standard deviation. The latter is the uncertainty
            about the network; the noise of the targets comes on top of it.

        n_draws : int, default=100
            Number of draws, at least 1; used with `return_std`.

        random_state : int, RandomState instance or None, default=None
            Determines what is dropped; used with `return_std`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted values; with `return_std` the means of the draws.

        std : ndarray of the same shape
            Standard deviations of the draws (divided by `n_draws`), in the unit of the
            targets. Only with `return_std`.

        Raises
        ------
        ValueError
            If `n_draws` is not an integer of at least 1, or `X` is not valid.

        Warns
        -----
        UserWarning
            With `return_std`, if the network was fitted without dropout.

        Examples
        --------
        >>> from sklearn.datasets import make_regression
        >>> from skdropout import DropoutMLPRegressor
        >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
        >>> mlp = DropoutMLPRegressor((16,), random_state=0).fit(X, y)
        >>> mlp.predict(X[:2]).shape
        (2,)
        >>> mean, std = mlp.predict(X, return_std=True, n_draws=50, random_state=0)
        >>> mean.shape, bool((std > 0).all())
        ((200,), True)
        """
        if return_std:
            mean, std = self._drop_single_output(
                self._monte_carlo(X, n_draws, random_state, self._mean_and_std, "predict")
            )
            return mean, std
        return self._drop_single_output(self._restored(self._network_outputs(X)))

    def mc_predict(self, X, n_draws=100, random_state=None):
        """Draw predictions with dropout left on: Monte Carlo dropout [1]_.

        Each draw drops other units, at the rates of the fit, for each row by itself.
        Batch normalisation keeps its moving statistics, as in `predict`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        n_draws : int, default=100
            Number of draws, at least 1.

        random_state : int, RandomState instance or None, default=None
            Determines what is dropped. An int gives the same draws for the same rows at
            every call.

        Returns
        -------
        y : ndarray of shape (n_draws, n_samples) or (n_draws, n_samples, n_outputs)
            Predicted values of each draw.

        Raises
        ------
        ValueError
            If `n_draws` is not an integer of at least 1, or `X` is not valid.

        Warns
        -----
        UserWarning
            If the network was fitted without dropout, so that all draws are the same.

        References
        ----------
        .. [1] Y. Gal and Z. Ghahramani, "Dropout as a Bayesian approximation:
           representing model uncertainty in deep learning", ICML 2016.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import make_regression
        >>> from skdropout import DropoutMLPRegressor
        >>> X, y = make_regression(n_samples=200, n_features=5, random_state=0)
        >>> mlp = DropoutMLPRegressor((16,), random_state=0).fit(X, y)
        >>> draws = mlp.mc_predict(X, n_draws=50, random_state=0)
        >>> draws.shape
        (50, 200)
        >>> lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
        >>> bool((lower < upper).all())
        True
        """
        return self._drop_single_output(
            self._monte_carlo(X, n_draws, random_state, self._restored, "mc_predict")
        )

    def _mean_and_std(self, draws):
        """Over the first axis, stacked along it, in the unit of the targets."""
        mean, std = draws.mean(axis=0), draws.std(axis=0)
        return np.stack([self._restored(mean), self._restored(std, offset=0.0)])

    def _restored(self, outputs, offset=None):
        """Outputs of the network, along the last axis, in the unit of the targets."""
        if not self._has_standardized_targets:
            return outputs
        offset = self.y_mean_ if offset is None else offset
        return restored(outputs, offset, self.y_scale_)

    def _drop_single_output(self, outputs):
        """Outputs without their last axis, where there is one output."""
        return outputs[..., 0] if outputs.shape[-1] == 1 else outputs

    # What the base class asks for

    def _checked_params(self):
        if not (isinstance(self.loss, str) and self.loss in _LOSSES):
            raise unknown_name("loss", self.loss, _LOSSES)
        if self.loss == "poisson" and self._asks_for_standardized_targets:
            raise ValueError(
                f"normalize_y={self.normalize_y!r} does not go with loss='poisson', of "
                "which targets must not be negative; allowed are 'auto' and False."
            )
        return super()._checked_params()

    @property
    def _asks_for_standardized_targets(self):
        if isinstance(self.normalize_y, str):  # "auto"
            return self.loss != "poisson"
        return bool(self.normalize_y)

    def _validate_targets(self, X, y, *, reset, incremental, classes=None):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if sparse.issparse(y):
            raise TypeError("y is a sparse matrix of target values; pass y.toarray().")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if reset:
            self._n_network_outputs = n_outputs
        elif n_outputs != self._n_network_outputs:
            raise ValueError(
                f"y has {n_outputs} columns, but the network was fitted with "
                f"{self._n_network_outputs}."
            )
        y = self._checked_target_values(y, "y")
        if X.dtype == np.float32:  # of which predictions have the type, too
            as_float32(y, "y")
        return X, y

    def _encode_targets(self, y, weight, *, reset):
        if reset:
            initial = 0.0 if self._asks_for_standardized_targets else 1.0
            mean = np.zeros(self._n_network_outputs)
            scale = np.full_like(mean, initial)
        else:
            mean, scale = self.y_mean_, self.y_scale_
        unknown = scale == 0  # of a constant it is not known, either
        if unknown.any():
            new_mean, new_scale = mean_and_scale(y, weight.of_rows)
            mean = np.where(unknown, new_mean, mean)
            scale = np.where(unknown, new_scale, scale)
        self.y_mean_, self.y_scale_ = mean, scale
        if self.loss == "poisson" and self._has_standardized_targets:
            raise ValueError(
                "loss='poisson' cannot go on from a fit with standardised targets (see "
                "normalize_y). Fit with warm_start=False first."
            )
        return self._as_trained(y, "y")

    @property
    def _has_standardized_targets(self):
        return bool(self.y_mean_.any() or (self.y_scale_ != 1).any())

    def _as_trained(self, y, name):
        """Target values in single precision, standardised as those of the fit."""
        if self._has_standardized_targets:
            y = standardized(y, self.y_mean_, self.y_scale_)
        return as_float32(y, name)

    def _decode_targets(self, y):
        return self._drop_single_output(as_given(y, self.y_mean_, self.y_scale_))

    def _as_predicted(self, X, outputs):
        return PredictedRegressor(X, self._drop_single_output(self._restored(outputs)))

    def _rescaling(self):
        if not self._has_standardized_targets:
            return None
        return self.y_scale_, self.y_mean_

    def _float32_rescaling(self):
        rescaling = self._rescaling()
        if rescaling is not None:
            as_float32(np.stack(rescaling), "The mean or standard deviation of y")
        return rescaling

    def _check_arrays(self):
        super()._check_arrays()
        of_targets = [getattr(self, name, None) for name in ("y_mean_", "y_scale_")]
        shapes = [np.shape(values) for values in of_targets]
        if shapes != [(self._n_network_outputs,)] * 2:
            raise ValueError(
                f"This {type(self).__name__} was not saved whole: y_mean_ and y_scale_ "
                f"have the shapes {shapes}, for {self._n_network_outputs} outputs."
            )

    def _encode_validation_targets(self, y_val):
        y_val = check_array(y_val, ensure_2d=False, dtype=None, input_name="y_val")
        n_outputs = 1 if y_val.ndim == 1 else y_val.shape[1]
        if n_outputs != self._n_network_outputs:
            raise ValueError(
                f"y_val has {n_outputs} columns and y has {self._n_network_outputs}."
            )
        return self._as_trained(self._checked_target_values(y_val, "y_val"), "y_val")

    def _checked_target_values(self, y, name):
        if y.dtype.kind not in "biufO":
            raise ValueError(f"{name} must hold numbers; its type is {y.dtype}.")
        if y.dtype.kind == "O":
            try:
                y = y.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} must hold numbers: {error}.") from error
            if np.isnan(y).any():  # of None
                raise ValueError(f"{name} contains a value that is missing.")
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"loss='poisson' needs {name} >= 0; got {name}.min()={y.min()}."
            )
        return y

    @property
    def _loss_name(self):
        return str(self.loss)

    def _class_weights(self, y, *, incremental):
        return None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
