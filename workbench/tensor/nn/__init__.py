"""Operations of deep learning, in the names of ``torch.nn.functional`` and ``jax.nn``: functions of tensors, and no layers.

Parameters are inputs of the graph, data or random variables. Features and classes stand along the last axis, as in JAX; images as
PyTorch has them, ``(n, channels, rows, columns)``. What is another thing in training than in prediction (dropout, statistics of a
batch, noise) is marked in the graph, and :func:`workbench.for_prediction` makes the other one of it.
"""

from typing import TYPE_CHECKING

from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.tensor.nn.activations import (
        elu,
        gelu,
        leaky_relu,
        log_sigmoid,
        log_softmax,
        relu,
        sigmoid,
        silu,
        softmax,
        softplus,
    )
    from workbench.tensor.nn.attention import scaled_dot_product_attention
    from workbench.tensor.nn.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
    from workbench.tensor.nn.embeddings import embedding, one_hot
    from workbench.tensor.nn.losses import binary_cross_entropy_with_logits, cross_entropy, huber_loss, mse_loss
    from workbench.tensor.nn.normalization import BatchNormResult, batch_norm, layer_norm, rms_norm
    from workbench.tensor.nn.pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
    from workbench.tensor.nn.regularization import dropout, gaussian_noise, in_training, stochastic_depth

LATER = {
    "workbench.tensor.nn.activations": "elu gelu leaky_relu log_sigmoid log_softmax relu sigmoid silu softmax softplus",
    "workbench.tensor.nn.attention": "scaled_dot_product_attention",
    "workbench.tensor.nn.regularization": "dropout gaussian_noise in_training stochastic_depth",
    "workbench.tensor.nn.convolution": "conv1d conv2d conv_transpose1d conv_transpose2d",
    "workbench.tensor.nn.embeddings": "embedding one_hot",
    "workbench.tensor.nn.losses": "binary_cross_entropy_with_logits cross_entropy huber_loss mse_loss",
    "workbench.tensor.nn.pooling": "avg_pool1d avg_pool2d max_pool1d max_pool2d",
    "workbench.tensor.nn.normalization": "BatchNormResult batch_norm layer_norm rms_norm",
}
"""Loaded when first used."""

__getattr__, __dir__ = answers(__name__, LATER), listing(__name__)

__all__ = [
    "BatchNormResult", "avg_pool1d", "avg_pool2d", "batch_norm", "binary_cross_entropy_with_logits", "conv1d", "conv2d", "conv_transpose1d",
    "conv_transpose2d", "cross_entropy", "dropout", "elu", "embedding", "gaussian_noise", "gelu", "huber_loss", "in_training", "layer_norm", "leaky_relu",
    "log_sigmoid", "log_softmax", "max_pool1d", "max_pool2d", "mse_loss", "one_hot", "relu", "rms_norm", "scaled_dot_product_attention", "sigmoid", "silu",
    "softmax", "softplus", "stochastic_depth",
]  # fmt: skip
