"""The classifier."""

from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ._base import BaseDropoutMLP, can_fit_partially
from ._scoring import PredictedClassifier
from ._sklearn_callbacks import with_callbacks
from ._weights import balanced, of_class_dict
from .network.activations import ACTIVATIONS


def _check_indicators(y: np.ndarray, name: str) -> None:
    """Raise unless each value says that a label applies, or that it doesn't."""
    values = np.unique(y)
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            f"{name} is an indicator matrix of labels, in which only 0 and 1 (or False "
            f"and True) are allowed, 1 where a label applies. It has the values "
            f"{values[:5].tolist()}{', ...' * (len(values) > 5)}."
        )


class DropoutMLPClassifier(ClassifierMixin, BaseDropoutMLP):
    """Multi-layer perceptron classifier with dropout and batch normalisation.

    Takes what :class:`sklearn.neural_network.MLPClassifier` takes, except for `solver`
    and `max_fun`, and dropout [1]_, batch normalisation [2]_, initializers and
    optimizers besides. Trained in float32 by Keras on TensorFlow; the fitted estimator
    is plain NumPy.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_hidden_layers,) or int, default=(256,)
        Units of each hidden layer. ``()`` is a linear model.

    activation : str or callable, default='relu'
        Activation of the hidden layers: scikit-learn's ``'identity'``, ``'logistic'``,
        ``'tanh'`` and ``'relu'``, the name of any other Keras activation that keeps the
        shape, or Keras's function itself.

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
        are `X_val`, or else a `validation_fraction` of the training rows, with the
        classes in proportion where each has two rows. These keep their `sample_weight`
        in score and loss, as in scikit-learn; `class_weight` counts in neither.

    scoring : str, callable or None, default=None
        What the validation rows are judged by with `early_stopping`, greater being
        better; not used without. None: the accuracy. ``'loss'``: the negative validation
        loss, which suits few validation rows, where many epochs are equally often right.
        Else a name of :func:`sklearn.metrics.get_scorer_names` or a scorer, called after
        each epoch as ``scorer(estimator, X, y)``, with `sample_weight` besides where the
        rows set aside have any. That estimator knows classes and probabilities of `X`
        (``predict``, ``predict_proba``), and nothing else.

    validation_fraction : float, default=0.1
        Fraction of the training rows set aside, in [0, 1). Used with `early_stopping`
        and without `X_val`. Rows of weight zero are not counted.

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the moment estimates, in [0, 1), where the optimizer takes them.

    epsilon : float, default=1e-8
        Numerical stability, where the optimizer takes it.

    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are put up with.

    class_weight : dict or 'balanced', default=None
        Weight of each class, multiplied into the sample weights in training, not in
        validation. ``'balanced'``: inversely proportional to the classes' numbers of
        rows. A dict may have classes that `y` lacks, as a fold may, or leave out some,
        which have a weight of one; both at once is an error. Labels of an indicator
        matrix take no dict.

    label_smoothing : float, default=0.0
        Share of the targets, in [0, 1), that is spread over all classes [4]_, as by
        Keras's losses. In training the target is ``1 - label_smoothing`` for a row's
        class, and ``label_smoothing / n_classes`` more for each class; for a label it is
        ``1 - label_smoothing / 2`` where that applies, else ``label_smoothing / 2``.
        Validation losses and scores go by the true labels.

    callbacks : keras.callbacks.Callback or list of them, default=None
        Called during training. `early_stopping` and `X_val` add ``val_loss`` and
        ``val_accuracy`` to what they are told, and `scoring` ``val_score``.

    device : str, default='auto'
        ``'auto'`` (the first GPU, else the CPU), ``'cpu'``, ``'gpu'`` or ``'gpu:1'``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel targets the numbers of the labels.

    loss_ : float
        Loss of the last epoch, with the penalty.

    best_loss_ : float or None
        Least loss of an epoch; None with `early_stopping`.

    loss_curve_ : list of float
        Loss of each epoch.

    validation_scores_ : list of float or None
        With `early_stopping`, the accuracy on the validation rows after each epoch, or
        the score that `scoring` asks for.

    best_validation_score_ : float or None
        The best of them, on the validation rows of the last call; `coefs_` and
        `intercepts_` are of that epoch.

    history_ : dict of list of float
        Figures of each epoch: ``'loss'``, ``'learning_rate'`` and, where there are
        validation rows, ``'val_loss'`` (without the penalty) and ``'val_accuracy'``;
        with `early_stopping` and a `scoring` also ``'val_score'``.

    t_ : int
        Number of training rows seen, epochs together.

    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernel of each dense layer, in the type of `X`.

    intercepts_ : list of ndarray of shape (fan_out,)
        Bias of each dense layer.

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
    DropoutMLPRegressor : The same for regression.
    sklearn.neural_network.MLPClassifier : Without dropout and batch normalisation.

    References
    ----------
    .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov,
       "Dropout: a simple way to prevent neural networks from overfitting", Journal of
       Machine Learning Research 15 (2014), 1929-1958.
    .. [2] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", ICML 2015.
    .. [3] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization",
       ICLR 2019.
    .. [4] C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the
       Inception architecture for computer vision", CVPR 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdropout import DropoutMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = DropoutMLPClassifier((32,), dropout_rate=0.2, max_iter=500, random_state=0)
    >>> pipe = make_pipeline(StandardScaler(), mlp).fit(X, y)
    >>> pipe.predict(X[:2])
    array([0, 0])
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseDropoutMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(256,),
        activation="relu",
        *,
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
        class_weight=None,
        label_smoothing=0.0,
        callbacks=None,
        device="auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
            Class labels, or an indicator matrix of labels: 1 where a label applies,
            0 where it doesn't.

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
        self : DropoutMLPClassifier
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
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import train_test_split
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> X, X_val, y, y_val = train_test_split(X, y, stratify=y, random_state=0)
        >>> mlp = DropoutMLPClassifier((16,), early_stopping=True, random_state=0)
        >>> mlp = mlp.fit(X, y, X_val=X_val, y_val=y_val)
        >>> len(mlp.validation_scores_) == mlp.n_iter_
        True
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @available_if(can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one more epoch on the given rows. Not with `early_stopping`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or an indicator matrix of labels: 1 where a label applies,
            0 where it doesn't.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the loss, not negative.

        classes : array-like of shape (n_classes,), default=None
            All classes that there will be; needed at the first call.

        Returns
        -------
        self : DropoutMLPClassifier
            Trained estimator.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), random_state=0)
        >>> order = np.random.default_rng(0).permutation(len(y))
        >>> for rows in np.array_split(order, 3):
        ...     mlp = mlp.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        >>> mlp.t_
        150
        """
        if classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class of each row; for multilabel targets an indicator
            matrix of the labels that are more probable than not.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> names = y.map({0: "setosa", 1: "versicolor", 2: "virginica"})
        >>> mlp = DropoutMLPClassifier((16,), random_state=0).fit(X, names)
        >>> mlp.predict(X[:2])
        array(['setosa', 'setosa'], dtype=object)
        """
        labels = self._as_labels(self._network_outputs(X))
        is_sparse = self._is_multilabel and self._has_sparse_targets
        return sparse.csr_matrix(labels) if is_sparse else labels

    def _as_labels(self, outputs):
        """Outputs as the most probable classes, or as an indicator matrix of labels."""
        if self._is_multilabel:
            return (outputs > 0.5).astype(int)
        if outputs.shape[1] > 1:
            return self.classes_[outputs.argmax(axis=1)]
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(outputs))
        return self.classes_[(outputs[:, 0] > 0.5).astype(int)]

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Probability of each class in the order of `classes_`, or of each label.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), random_state=0).fit(X, y)
        >>> mlp.predict_proba(X[:2]).shape
        (2, 3)
        """
        return self._as_probabilities(self._network_outputs(X))

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Finite where the logarithm of `predict_proba` is minus infinity.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), random_state=0).fit(X, y)
        >>> np.allclose(np.exp(mlp.predict_log_proba(X)), mlp.predict_proba(X))
        True
        """
        check_is_fitted(self)
        if self.n_outputs_ > 1 and not self._is_multilabel:
            return self._network_outputs(X, "log_softmax")
        logits = self._network_outputs(X, "linear")
        if self.n_outputs_ == 1:
            logits = np.hstack([-logits, logits])
        return ACTIVATIONS["log_sigmoid"](logits)

    def mc_predict_proba(self, X, n_draws=100, random_state=None):
        """Draw probabilities with dropout left on: Monte Carlo dropout [1]_.

        Each draw drops other units, at the rates of the fit, for each row by itself.
        Batch normalisation keeps its moving statistics, as in `predict_proba`. The mean
        over the draws is the predictive distribution;
        :func:`skdropout.uncertainty.mutual_information` measures how much the draws
        disagree.

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
        p : ndarray of shape (n_draws, n_samples, n_classes) or \
                (n_draws, n_samples, n_labels)
            Probability of each class in the order of `classes_`, or of each label, in
            each draw.

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
        >>> from sklearn.datasets import load_iris
        >>> from skdropout import DropoutMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> mlp = DropoutMLPClassifier((16,), random_state=0).fit(X, y)
        >>> draws = mlp.mc_predict_proba(X, n_draws=50, random_state=0)
        >>> draws.shape
        (50, 150, 3)
        >>> draws.mean(axis=0).argmax(axis=1)[:2]  # the predictive distribution's mode
        array([0, 0])
        """
        return self._monte_carlo(
            X, n_draws, random_state, self._as_probabilities, "mc_predict_proba"
        )

    def _as_probabilities(self, outputs):
        """Outputs, along the last axis, as probabilities of the classes or labels."""
        if outputs.shape[-1] == 1:
            outputs = np.concatenate([1 - outputs, outputs], axis=-1)
        return outputs

    # What the base class asks for

    def _validate_targets(self, X, y, *, reset, incremental, classes=None):
        if classes is not None:
            classes = unique_labels(classes)
            if reset:
                self.classes_ = classes
            elif not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"`classes={classes}` is not the same as on last call to "
                    f"partial_fit, was: {self.classes_}"
                )
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        is_sparse = sparse.issparse(y)
        if is_sparse:
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            kind = type_of_target(y, input_name="y")
        except TypeError:  # labels that cannot be sorted
            kind = "unknown"
        if kind == "unknown":
            found = sorted({type(label).__name__ for label in np.ravel(y)})
            raise ValueError(
                "Unknown label type: y must hold class labels that are all numbers, all "
                f"text or all booleans. It holds values of {', '.join(found)}."
            )
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns with more than two classes. Multioutput targets "
                "are fitted by sklearn.multioutput.MultiOutputClassifier around this "
                "estimator."
            )
        is_multilabel = kind == "multilabel-indicator"
        if is_multilabel:
            _check_indicators(y, "y")
        seen = np.arange(y.shape[1]) if is_multilabel else np.unique(y)
        if reset:
            self._is_multilabel = is_multilabel
            self._has_sparse_targets = is_sparse
            if classes is None or is_multilabel:
                self.classes_ = seen
        if self._is_multilabel != is_multilabel:
            raise ValueError(
                "y must be an indicator matrix of labels, as at the first call."
                if self._is_multilabel
                else "y must have one column of class labels, as at the first call."
            )
        if not (reset or incremental) and not np.array_equal(seen, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has {seen}."
            )
        if len(np.setdiff1d(seen, self.classes_)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. 'y' has {seen}."
            )
        return X, y

    def _encode_targets(self, y, weight, *, reset):
        return self._as_indices(y)

    def _as_indices(self, y):
        """Labels as indices of `classes_`; an indicator matrix as it is."""
        return y if self._is_multilabel else np.searchsorted(self.classes_, y)

    def _decode_targets(self, y):
        indices = y.astype(int)
        return indices if self._is_multilabel else self.classes_[indices[:, 0]]

    def _as_predicted(self, X, outputs):
        classes = self.classes_
        if self._is_multilabel:
            classes = np.tile([0, 1], (len(classes), 1))
        return PredictedClassifier(
            X, self._as_labels(outputs), self._as_probabilities(outputs), classes
        )

    def _encode_validation_targets(self, y_val):
        y_val = check_array(
            y_val, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y_val"
        )
        if sparse.issparse(y_val):
            y_val = y_val.toarray()
        if self._is_multilabel:
            if y_val.ndim != 2 or y_val.shape[1] != len(self.classes_):
                raise ValueError(
                    f"y_val must be an indicator matrix of {len(self.classes_)} labels."
                )
            _check_indicators(y_val, "y_val")
            return self._as_indices(y_val)
        if y_val.ndim == 2 and y_val.shape[1] > 1:
            raise ValueError(
                f"y_val has the shape {y_val.shape}; it must have one column of class "
                "labels, as y has."
            )
        y_val = y_val.ravel()
        unknown = np.setdiff1d(y_val, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y_val has classes {unknown} that are not among those of y: "
                f"{self.classes_}."
            )
        return self._as_indices(y_val)

    @property
    def _loss_name(self):
        return (
            "binary"
            if self._n_network_outputs < 3 or self._is_multilabel
            else "categorical"
        )

    @property
    def _n_network_outputs(self):
        n_classes = len(self.classes_)
        return n_classes if self._is_multilabel or n_classes > 2 else 1

    def _class_weights(self, y, *, incremental):
        if self.class_weight is None:
            return None
        if isinstance(self.class_weight, dict):
            if self._is_multilabel:
                raise ValueError(
                    f"class_weight={self.class_weight!r} is for one column of classes; "
                    "for an indicator matrix of labels only 'balanced' and None are "
                    "allowed. Weights of rows go by sample_weight."
                )
            return of_class_dict(self.class_weight, self.classes_)
        if incremental:
            raise ValueError(
                "class_weight='balanced' is not known before all rows are, so it does "
                "not go with partial_fit. Give a dict of weights instead."
            )
        encoded = self._as_indices(y).astype(int)
        if self._is_multilabel:
            return balanced(encoded, 2)
        return balanced(encoded[:, None], len(self.classes_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
