"""The ONNX graph of MiniLM-L6 (a BERT encoder of 6 layers), from token ids to one unit vector per text.

Architecture: Devlin et al. 2019 (arXiv:1810.04805); sizes from the publisher's config.json; pooling from its
1_Pooling/config.json (mean over the tokens), then L2.

int8 is 7-bit weights with one scale per output, and activations quantised afresh, each token by its own range:

    x ≈ low + step · q,  q in 0..255;   x·W ≈ step · scale · (q·Wq) + low · (column sums of scale · Wq)

One range per token, and not per batch as `DynamicQuantizeLinear` takes, because then a text's vector does not depend on
the texts beside it, and because it is closer: the cosine to fp32 is .997 in the mean where one range per batch gives
.992. 7 bits, because processors with AVX2 and without VNNI add two products in 16 bits, and saturate with 8: simulated,
that took the cosine down to .90. 255 · 64 · 2 fits.

How this is computed may change only where every bit of it stays: a value that is rounded otherwise in its last place takes
another level now and then, and by the sixth layer the vector is as much as .004 of a cosine from the one that is stored.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from layers.embedder.source import Weights

Precision = Literal["int8", "fp32"]

HIDDEN = 384
LAYERS = 6
HEADS = 12
MAX_TOKENS = 256
NORM_EPSILON = 1e-12
LARGEST_WEIGHT = 64
LARGEST_ROW_WEIGHT = 127
OPSET = 20
IR_VERSION = 9
RUNTIME_DOMAIN = "com.microsoft"

FloatArray = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


def build_graph(weights: Weights, precision: Precision) -> ModelProto:
    """Return the model: `input_ids`, `attention_mask` (int64, [batch, tokens]) → `embedding` (float32, [batch, 384]).

    `attention_mask` is 1 for a token and 0 for padding, with at least one token in each text; tokens ≤ 256. All texts are
    one segment, so its embedding is folded into that of the positions.
    """
    return _Builder(weights, precision).model()


def quantise_columns(weight: FloatArray, largest: int = LARGEST_WEIGHT) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Return int8 of [inputs, outputs] and the float32 scale of each output: weight ≈ int8 · scale, |int8| ≤ largest."""
    scale = (np.abs(weight).max(axis=0) / largest).astype(np.float32)
    return np.clip(np.rint(weight / scale), -largest, largest).astype(np.int8), scale


class _Builder:
    """Collects nodes and weights; every method returns the name of the value that it computes."""

    def __init__(self, weights: Weights, precision: Precision) -> None:
        self._weights = weights
        self._precision = precision
        self._nodes: list[Any] = []
        self._initializers: dict[str, TensorProto] = {}

    def model(self) -> ModelProto:
        mask = self._op("Cast", ["attention_mask"], to=TensorProto.INT32)
        states = self._norm(self._op("Add", [self._words(), self._positions()]), "embeddings.LayerNorm")
        for layer in range(LAYERS):
            states = self._layer(states, mask, f"encoder.layer.{layer}")
        self._pool(states)
        ids, attention = (
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        )
        embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])
        initializers = list(self._initializers.values())
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", [ids, attention], [embedding], initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME_DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="memorysync")

    def _words(self) -> str:
        table = self._weights["embeddings.word_embeddings.weight"]
        if self._precision == "fp32":
            return self._op("Gather", [self._constant("word", table), "input_ids"])
        quantised, scale = quantise_columns(table.T, LARGEST_ROW_WEIGHT)
        rows = self._op("Gather", [self._constant("word", quantised.T), "input_ids"])
        steps = self._op("Gather", [self._constant("word.scale", scale[:, np.newaxis]), "input_ids"])
        return self._op("Mul", [self._op("Cast", [rows], to=TensorProto.FLOAT), steps])

    def _positions(self) -> str:
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        table = self._weights["embeddings.position_embeddings.weight"][:MAX_TOKENS] + segment
        count = self._op("Shape", ["input_ids"], start=1, end=2)
        zero = self._constant("zero", np.array([0]))
        return self._op("Slice", [self._constant("position", table), zero, count, zero])

    def _layer(self, states: str, mask: str, name: str) -> str:
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        joined = self._dense(states, weight, bias, f"{name}.attention.self")
        query, key, value = self._split(joined, len(parts))
        mixed = self._op("MultiHeadAttention", [query, key, value, "", mask], domain=RUNTIME_DOMAIN, num_heads=HEADS)
        attended = self._dense_named(mixed, f"{name}.attention.output.dense")
        states = self._norm(self._op("Add", [attended, states]), f"{name}.attention.output.LayerNorm")
        wide = self._op("Gelu", [self._dense_named(states, f"{name}.intermediate.dense")])
        narrow = self._dense_named(wide, f"{name}.output.dense")
        return self._norm(self._op("Add", [narrow, states]), f"{name}.output.LayerNorm")

    def _pool(self, states: str) -> None:
        """Sum over the tokens, then L2: dividing by their count first would change nothing."""
        axis = self._constant("one", np.array([1]))
        row = self._op("Unsqueeze", [self._op("Cast", ["attention_mask"], to=TensorProto.FLOAT), axis])
        total = self._op("Squeeze", [self._op("MatMul", [row, states]), axis])
        self._nodes.append(helper.make_node("LpNormalization", [total], ["embedding"], name="embedding", axis=-1, p=2))

    def _dense_named(self, states: str, name: str) -> str:
        return self._dense(states, self._weights[f"{name}.weight"].T, self._weights[f"{name}.bias"], name)

    def _dense(self, states: str, weight: FloatArray, bias: FloatArray, name: str) -> str:
        if self._precision == "fp32":
            product = self._op("MatMul", [states, self._constant(f"{name}.weight", weight)])
            return self._op("Add", [product, self._constant(f"{name}.bias", bias)])
        quantised, scale = quantise_columns(weight)
        sums = (quantised * scale.astype(np.float64)).sum(axis=0).astype(np.float32)
        low, step, levels = self._quantise_tokens(states)
        # It scales a tile of the product while that is in the cache, and gives the bits that Cast and Mul would.
        factors = [self._constant("unit", np.float32(1)), self._constant(f"{name}.scale", scale)]
        parts = [levels, self._constant(f"{name}.weight", quantised), *factors]
        scaled = self._op("MatMulIntegerToFloat", parts, domain=RUNTIME_DOMAIN)
        offset = self._op("Mul", [low, self._constant(f"{name}.sums", sums)])
        product = self._op("Add", [self._op("Mul", [scaled, step]), offset])
        return self._op("Add", [product, self._constant(f"{name}.bias", bias)])

    def _quantise_tokens(self, states: str) -> tuple[str, str, str]:
        """Return each token's lowest value, its step, and its values as 0..255."""
        last = self._constant("last", np.array([-1]))
        low = self._op("ReduceMin", [states, last], keepdims=1)
        span = self._op("Sub", [self._op("ReduceMax", [states, last], keepdims=1), low])
        # The tiny term keeps a token whose values are all equal from dividing by zero.
        spread = self._op("Add", [span, self._constant("tiny", np.float32(1e-9))])
        step = self._op("Mul", [spread, self._constant("level.size", np.float32(1 / 255))])
        raised = self._op("Mul", [self._op("Sub", [states, low]), self._op("Reciprocal", [step])])
        unit, zero = self._constant("unit", np.float32(1)), self._constant("level.zero", np.uint8(0))
        return low, step, self._op("QuantizeLinear", [raised, unit, zero])

    def _norm(self, states: str, name: str) -> str:
        scale, bias = (self._constant(f"{name}.{part}", self._weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self._op("LayerNormalization", [states, scale, bias], axis=-1, epsilon=NORM_EPSILON)

    def _split(self, states: str, count: int) -> list[str]:
        names = [f"{states}.{part}" for part in range(count)]
        self._nodes.append(helper.make_node("Split", [states], names, name=f"{states}.split", axis=-1, num_outputs=count))
        return names

    def _op(self, kind: str, inputs: list[str], **attributes: str | float) -> str:
        name = f"{kind}.{len(self._nodes)}"
        options: dict[str, Any] = {"name": name, **attributes}
        self._nodes.append(helper.make_node(kind, inputs, [name], **options))
        return name

    def _constant(self, name: str, value: Array | np.generic) -> str:
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        return name
