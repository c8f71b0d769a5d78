"""Attention in generated C and for Numba: blocks of keys, with a running softmax, so that no matrix of all scores is made.

In C, vectors run over queries: the scores of a block of keys are laid out keys first, so that the
largest score and the sum of a query are vertical sums, and an element of a key or a value is met by
whole vectors. All threads call the function, each for its share of the blocks of queries.

The running softmax is that of Milakov and Gimelshein, "Online normalizer calculation for softmax"
(2018); in blocks, and with a gradient that computes the scores again, it is Dao, Fu, Ermon, Rudra and
Re, "FlashAttention" (2022), algorithms 1 and 4.
"""

from __future__ import annotations

OPERANDS = ("q", "k", "v", "mask", "bias")
SIZES = (
    *(f"batch{i}" for i in range(4)), *(f"{x}_batch{i}" for x in OPERANDS for i in range(4)),
    "mask_rows", "mask_columns", "bias_rows", "bias_columns", "queries", "keys", "width", "value_width", "causal", "scale_bits", "fill_bits",
)  # fmt: skip
"""The numbers that the functions take, before the arrays: lengths of batch axes, of the result and of each operand (the same, or 1),
and the two numbers that are no integers as the bits of a double."""

_PRODUCTS = """\
#ifndef WB_ATTENTION_NAME
#define WB_ATTENTION_NAME
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
#ifndef WB_BYTES
void *aligned_alloc(__SIZE_TYPE__, __SIZE_TYPE__);  // A built-in function of gcc alone.
#if defined(__AVX512F__)
enum { WB_BYTES = 64, WB_WIDE = 4 };
#define WB_BYTES WB_BYTES
#elif defined(__AVX__)
enum { WB_BYTES = 32, WB_WIDE = 2 };
#define WB_BYTES WB_BYTES
#else
enum { WB_BYTES = 16, WB_WIDE = 2 };
#define WB_BYTES WB_BYTES
#endif
typedef struct {
    int64_t batch, queries, keys, width, value_width, causal;
    double scale, fill;
    int64_t lengths[4], strides[5][4], mask_row, mask_column, bias_row, bias_column, has_mask, has_bias;
} wb_attention_sizes;
static double wb_double_of(int64_t bits) {
    double x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}
// Where the matrix of an operand is that belongs to matrix number `at` of the batch.
static int64_t wb_matrix_at(const wb_attention_sizes *z, int operand, int64_t at) {
    int64_t place = 0;
    for (int axis = 3; axis >= 0; axis--) {
        place += at % z->lengths[axis] * z->strides[operand][axis];
        at /= z->lengths[axis];
    }
    return place;
}
#endif
typedef REAL wb_vec_NAME __attribute__((vector_size(WB_BYTES), aligned(WB_BYTES)));
typedef WHOLE wb_bits_NAME __attribute__((vector_size(WB_BYTES), aligned(WB_BYTES)));
enum { wb_lanes_NAME = WB_BYTES / sizeof(REAL), wb_block_NAME = 2 * WB_WIDE, wb_keys_NAME = 64 };

// c (rows x vectors) = or += a b: element (r, p) of a is a[r * row + p * step]; b and c have vectors along their rows.
#define WB_TILE(name, ROWS, WIDE) \\
    static inline __attribute__((always_inline)) void name(int64_t inner, const REAL *a, int64_t row, int64_t step, const wb_vec_NAME *b, \\
                                                           int64_t across, wb_vec_NAME *c, int64_t across_c, int add) { \\
        wb_vec_NAME sum[ROWS][WIDE]; \\
        for (int r = 0; r < ROWS; r++) \\
            for (int w = 0; w < WIDE; w++) sum[r][w] = add ? c[r * across_c + w] : (wb_vec_NAME){0}; \\
        for (int64_t p = 0; p < inner; p++, b += across, a += step) \\
            for (int r = 0; r < ROWS; r++) \\
                for (int w = 0; w < WIDE; w++) sum[r][w] += a[r * row] * b[w]; \\
        for (int r = 0; r < ROWS; r++) \\
            for (int w = 0; w < WIDE; w++) c[r * across_c + w] = sum[r][w]; \\
    }
WB_TILE(wb_tile_4_NAME, 4, WB_WIDE)
WB_TILE(wb_tile_1_NAME, 1, WB_WIDE)
WB_TILE(wb_thin_4_NAME, 4, 1)
WB_TILE(wb_thin_1_NAME, 1, 1)
#undef WB_TILE
static __attribute__((noinline)) void wb_product_NAME(int64_t rows, int64_t vectors, int64_t inner, const REAL *a, int64_t row, int64_t step,
                            const wb_vec_NAME *b, int64_t across, wb_vec_NAME *c, int64_t across_c, int add) {
    int64_t w = 0;
    for (; w + WB_WIDE <= vectors; w += WB_WIDE) {
        int64_t r = 0;
        for (; r + 4 <= rows; r += 4) wb_tile_4_NAME(inner, a + r * row, row, step, b + w, across, c + r * across_c + w, across_c, add);
        for (; r < rows; r++) wb_tile_1_NAME(inner, a + r * row, row, step, b + w, across, c + r * across_c + w, across_c, add);
    }
    for (; w < vectors; w++) {
        int64_t r = 0;
        for (; r + 4 <= rows; r += 4) wb_thin_4_NAME(inner, a + r * row, row, step, b + w, across, c + r * across_c + w, across_c, add);
        for (; r < rows; r++) wb_thin_1_NAME(inner, a + r * row, row, step, b + w, across, c + r * across_c + w, across_c, add);
    }
}

static inline __attribute__((always_inline)) wb_vec_NAME wb_chosen_NAME(wb_bits_NAME which, wb_vec_NAME a, wb_vec_NAME b) {
    return (wb_vec_NAME)((which & (wb_bits_NAME)a) | (~which & (wb_bits_NAME)b));
}

// exp of numbers that are not positive: 2**n times the Taylor polynomial of the rest; below the least normal number, 0.
static inline __attribute__((always_inline)) wb_vec_NAME wb_exp_NAME(wb_vec_NAME x) {
    const wb_bits_NAME none = x < (REAL)LOWEST;
    const wb_vec_NAME y = wb_chosen_NAME(none, (wb_vec_NAME){0} + (REAL)LOWEST, x);
    const wb_vec_NAME t = y * (REAL)1.4426950408889634 + (REAL)MAGIC;
    const wb_vec_NAME n = t - (REAL)MAGIC;
    const wb_vec_NAME r = (y - n * (REAL)LN2_HIGH) - n * (REAL)LN2_LOW;
    wb_vec_NAME p = (wb_vec_NAME){0} + (REAL)FIRST;
    POLYNOMIAL
    const wb_bits_NAME power = ((wb_bits_NAME)t - (WHOLE)MAGIC_BITS + EXPONENT) << SHIFT;
    const wb_vec_NAME value = p * (wb_vec_NAME)power;
    return wb_chosen_NAME(none, (wb_vec_NAME){0}, value);
}

static inline int64_t wb_least_NAME(int64_t a, int64_t b) { return a < b ? a : b; }

// What is added to, and left out of, the scores of a block: keys first, from `first` key and `top` query on.
static __attribute__((noinline)) void wb_masked_NAME(const wb_attention_sizes *z, int64_t first, int64_t keys, int64_t top, int64_t rows, const BOOL *mask,
                           const REAL *bias, wb_vec_NAME *scores, int64_t vectors, REAL fill, REAL beyond, int add) {
    const int64_t across = vectors * wb_lanes_NAME;
    REAL *const s = (REAL *)scores;
    if (z->has_bias && add)
        for (int64_t i = 0; i < rows; i++) {
            const REAL *const of = bias + (top + i) * z->bias_row + first * z->bias_column;
            for (int64_t j = 0; j < keys; j++) s[j * across + i] += of[j * z->bias_column];
        }
    if (z->has_mask)
        for (int64_t i = 0; i < rows; i++) {
            const BOOL *const of = mask + (top + i) * z->mask_row + first * z->mask_column;
            for (int64_t j = 0; j < keys; j++)
                if (!of[j * z->mask_column]) s[j * across + i] = fill;
        }
    if (z->causal && first + keys > top)
        for (int64_t j = 0; j < keys; j++)
            for (int64_t i = 0; i < wb_least_NAME(rows, first + j - top); i++) s[j * across + i] = beyond;
}
// Rows of a matrix, as columns: `to` (width x vectors), times a factor; rows that there are not are zero.
static __attribute__((noinline)) void wb_turned_NAME(int64_t rows, int64_t width, const REAL *of, REAL factor, wb_vec_NAME *to, int64_t vectors) {
    const int64_t across = vectors * wb_lanes_NAME;
    REAL *const t = (REAL *)to;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < width; c++) t[c * across + i] = factor * of[i * width + c];
    for (int64_t c = 0; c < width; c++)
        for (int64_t i = rows; i < across; i++) t[c * across + i] = 0;
}
"""

_FORWARD = """
static void wb_attention_rows_NAME(const wb_attention_sizes *z, int64_t rows, int64_t top, const REAL *q, const REAL *k, const REAL *v,
                                   const BOOL *mask, const REAL *bias, REAL *out, REAL *highest, REAL *logs, wb_vec_NAME *work) {
    const int64_t vectors = (rows + wb_lanes_NAME - 1) / wb_lanes_NAME, width = z->width, value_width = z->value_width;
    wb_vec_NAME *const turned = work, *const sums = turned + width * vectors, *const scores = sums + value_width * vectors;
    wb_vec_NAME most[wb_block_NAME], total[wb_block_NAME];
    const REAL infinity = (REAL)__builtin_inf();
    wb_turned_NAME(rows, width, q, (REAL)z->scale, turned, vectors);
    for (int64_t w = 0; w < vectors; w++) most[w] = (wb_vec_NAME){0} - infinity, total[w] = (wb_vec_NAME){0};
    for (int64_t w = 0; w < value_width * vectors; w++) sums[w] = (wb_vec_NAME){0};
    const int64_t last = z->causal ? wb_least_NAME(z->keys, top + rows) : z->keys;
    for (int64_t first = 0; first < last; first += wb_keys_NAME) {
        const int64_t keys = wb_least_NAME(wb_keys_NAME, last - first);
        wb_product_NAME(keys, vectors, width, k + first * width, width, 1, turned, vectors, scores, vectors, 0);
        wb_masked_NAME(z, first, keys, top, rows, mask, bias, scores, vectors, (REAL)z->fill, -infinity, 1);
        for (int64_t w = 0; w < vectors; w++) {
            wb_vec_NAME high = most[w], sum = {0};
            for (int64_t j = 0; j < keys; j++) {
                const wb_vec_NAME s = scores[j * vectors + w];
                high = wb_chosen_NAME(s > high, s, high);
            }
            // Where all scores are minus infinity, nothing is subtracted: their exponentials are zero.
            const wb_vec_NAME shift = wb_chosen_NAME(high == -infinity, (wb_vec_NAME){0}, high);
            const wb_vec_NAME before = wb_exp_NAME(most[w] - shift);
            for (int64_t j = 0; j < keys; j++) {
                const wb_vec_NAME p = wb_exp_NAME(scores[j * vectors + w] - shift);
                scores[j * vectors + w] = p;
                sum += p;
            }
            total[w] = total[w] * before + sum;
            most[w] = high;
            for (int64_t c = 0; c < value_width; c++) sums[c * vectors + w] *= before;
        }
        wb_product_NAME(value_width, vectors, keys, v + first * value_width, 1, value_width, scores, vectors, sums, vectors, 1);
    }
    const REAL *const flat = (const REAL *)sums;
    for (int64_t i = 0; i < rows; i++) {
        const REAL all = ((const REAL *)total)[i];
        const REAL factor = all == 0 ? (REAL)0 : 1 / all;
        for (int64_t c = 0; c < value_width; c++) out[i * value_width + c] = flat[c * vectors * wb_lanes_NAME + i] * factor;
        highest[i] = ((const REAL *)most)[i];
        logs[i] = all == 0 ? 0 : (REAL)__builtin_log(all);
    }
}
static void wb_attention_NAME(void *const *library, int64_t thread, int64_t threads, PARAMETERS, const REAL *q, const REAL *k, const REAL *v,
                              const BOOL *mask, const REAL *bias, REAL *out, REAL *most, REAL *logs) {
    wb_attention_sizes z;
    SET_SIZES
    const int64_t block = wb_block_NAME * wb_lanes_NAME, blocks = (queries + block - 1) / block;
    const int64_t needed = wb_block_NAME * (width + value_width + wb_keys_NAME);
    wb_vec_NAME *const work = aligned_alloc(WB_BYTES, needed * WB_BYTES);
    for (int64_t unit = thread; unit < z.batch * blocks; unit += threads) {
        const int64_t at = unit / blocks, top = unit % blocks * block, rows = wb_least_NAME(block, queries - top);
        REAL *const here = out + (at * queries + top) * value_width;
        if (work)
            wb_attention_rows_NAME(&z, rows, top, q + wb_matrix_at(&z, 0, at) + top * width, k + wb_matrix_at(&z, 1, at), v + wb_matrix_at(&z, 2, at),
                                   mask + wb_matrix_at(&z, 3, at), bias + wb_matrix_at(&z, 4, at), here, most + at * queries + top, logs + at * queries + top, work);
        else
            for (int64_t i = 0; i < rows * value_width; i++) here[i] = (REAL)__builtin_nan("");
    }
    __builtin_free(work);
}
"""

_GRADIENT = """
static void wb_attention_gradient_NAME(void *const *library, int64_t thread, int64_t threads, PARAMETERS, const REAL *q, const REAL *k, const REAL *v,
                                       const BOOL *mask, const REAL *bias, const REAL *highest, const REAL *logs, const REAL *g, const REAL *delta,
                                       REAL *of_q, REAL *of_k, REAL *of_v) {
    wb_attention_sizes z;
    SET_SIZES
    enum { most = wb_block_NAME };
    const int64_t wide = (width + wb_lanes_NAME - 1) / wb_lanes_NAME, value_wide = (value_width + wb_lanes_NAME - 1) / wb_lanes_NAME;
    const int64_t block = most * wb_lanes_NAME;
    const int64_t needed = (most + keys) * (wide + value_wide) * 1 + most * (2 * width + value_width + 2 * wb_keys_NAME) + most * (wb_lanes_NAME - 1) * (wide + value_wide);
    wb_vec_NAME *const work = aligned_alloc(WB_BYTES, needed * WB_BYTES);
    const REAL infinity = (REAL)__builtin_inf();
    for (int64_t at = thread; at < z.batch; at += threads) {
        REAL *const to_q = of_q + at * queries * width, *const to_k = of_k + at * keys * width, *const to_v = of_v + at * keys * value_width;
        if (!work) {
            for (int64_t i = 0; i < queries * width; i++) to_q[i] = (REAL)__builtin_nan("");
            for (int64_t i = 0; i < keys * width; i++) to_k[i] = (REAL)__builtin_nan("");
            for (int64_t i = 0; i < keys * value_width; i++) to_v[i] = (REAL)__builtin_nan("");
            continue;
        }
        const REAL *const kk = k + wb_matrix_at(&z, 1, at), *const vv = v + wb_matrix_at(&z, 2, at);
        wb_vec_NAME *const sum_k = work, *const sum_v = sum_k + keys * wide, *const rest = sum_v + keys * value_wide;
        for (int64_t i = 0; i < keys * (wide + value_wide); i++) work[i] = (wb_vec_NAME){0};
        for (int64_t top = 0; top < queries; top += block) {
            const int64_t rows = wb_least_NAME(block, queries - top), vectors = (rows + wb_lanes_NAME - 1) / wb_lanes_NAME, across = vectors * wb_lanes_NAME;
            const REAL *const qq = q + wb_matrix_at(&z, 0, at) + top * width, *const gg = g + (at * queries + top) * value_width;
            wb_vec_NAME *const turned = rest, *const turned_g = turned + width * vectors, *const sum_q = turned_g + value_width * vectors;
            wb_vec_NAME *const scores = sum_q + width * vectors, *const slopes = scores + wb_keys_NAME * vectors;
            wb_vec_NAME *const padded = slopes + wb_keys_NAME * vectors, *const padded_g = padded + across * wide;
            wb_vec_NAME shifts[most], totals[most], shares[most];
            wb_turned_NAME(rows, width, qq, (REAL)z.scale, turned, vectors);
            wb_turned_NAME(rows, value_width, gg, 1, turned_g, vectors);
            for (int64_t i = 0; i < across * (wide + value_wide); i++) padded[i] = (wb_vec_NAME){0};
            for (int64_t i = 0; i < rows; i++) {
                for (int64_t c = 0; c < width; c++) ((REAL *)(padded + i * wide))[c] = (REAL)z.scale * qq[i * width + c];
                for (int64_t c = 0; c < value_width; c++) ((REAL *)(padded_g + i * value_wide))[c] = gg[i * value_width + c];
            }
            for (int64_t i = 0; i < across; i++) {
                const REAL one = i < rows ? highest[at * queries + top + i] : -infinity;
                ((REAL *)shifts)[i] = one == -infinity ? infinity : one;  // A query that meets no key: exponentials of zero.
                ((REAL *)totals)[i] = i < rows ? logs[at * queries + top + i] : 0;
                ((REAL *)shares)[i] = i < rows ? delta[at * queries + top + i] : 0;
            }
            for (int64_t w = 0; w < width * vectors; w++) sum_q[w] = (wb_vec_NAME){0};
            const int64_t last = z.causal ? wb_least_NAME(keys, top + rows) : keys;
            for (int64_t first = 0; first < last; first += wb_keys_NAME) {
                const int64_t some = wb_least_NAME(wb_keys_NAME, last - first);
                wb_product_NAME(some, vectors, width, kk + first * width, width, 1, turned, vectors, scores, vectors, 0);
                wb_masked_NAME(&z, first, some, top, rows, mask + wb_matrix_at(&z, 3, at), bias + wb_matrix_at(&z, 4, at), scores, vectors, (REAL)z.fill, -infinity, 1);
                wb_product_NAME(some, vectors, value_width, vv + first * value_width, value_width, 1, turned_g, vectors, slopes, vectors, 0);
                for (int64_t j = 0; j < some; j++)
                    for (int64_t w = 0; w < vectors; w++) {
                        const wb_vec_NAME p = wb_exp_NAME((scores[j * vectors + w] - shifts[w]) - totals[w]);
                        scores[j * vectors + w] = p;
                        slopes[j * vectors + w] = p * (slopes[j * vectors + w] - shares[w]);
                    }
                // Scores that are left out do not depend on queries and keys.
                wb_masked_NAME(&z, first, some, top, rows, mask + wb_matrix_at(&z, 3, at), bias, slopes, vectors, 0, 0, 0);
                wb_product_NAME(some, value_wide, rows, (const REAL *)scores, across, 1, padded_g, value_wide, sum_v + first * value_wide, value_wide, 1);
                wb_product_NAME(some, wide, rows, (const REAL *)slopes, across, 1, padded, wide, sum_k + first * wide, wide, 1);
                wb_product_NAME(width, vectors, some, kk + first * width, 1, width, slopes, vectors, sum_q, vectors, 1);
            }
            for (int64_t i = 0; i < rows; i++)
                for (int64_t c = 0; c < width; c++) to_q[(top + i) * width + c] = (REAL)z.scale * ((const REAL *)sum_q)[c * across + i];
        }
        for (int64_t j = 0; j < keys; j++) {
            for (int64_t c = 0; c < width; c++) to_k[j * width + c] = ((const REAL *)(sum_k + j * wide))[c];
            for (int64_t c = 0; c < value_width; c++) to_v[j * value_width + c] = ((const REAL *)(sum_v + j * value_wide))[c];
        }
    }
    __builtin_free(work);
}
"""

_END = """
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC pop_options
#endif
#endif
"""


def _set_sizes() -> str:
    """C that fills in the struct: a stride is 0 along an axis of length 1."""
    lines = ["z.batch = batch0 * batch1 * batch2 * batch3;"]
    lines += [f"z.{n} = {n};" for n in ("queries", "keys", "width", "value_width", "causal")]
    lines += ["z.scale = wb_double_of(scale_bits);", "z.fill = wb_double_of(fill_bits);"]
    lines += [f"z.lengths[{i}] = batch{i};" for i in range(4)]
    cores = ["queries * width", "keys * width", "keys * value_width", "mask_rows * mask_columns", "bias_rows * bias_columns"]
    for operand, (name, core) in enumerate(zip(OPERANDS, cores)):
        step = core
        for axis in (3, 2, 1, 0):
            lines.append(f"z.strides[{operand}][{axis}] = {name}_batch{axis} == 1 ? 0 : {step};")
            step = f"{step} * {name}_batch{axis}"
    for name in ("mask", "bias"):
        lines += [f"z.{name}_row = {name}_rows == 1 ? 0 : {name}_columns;", f"z.{name}_column = {name}_columns == 1 ? 0 : 1;"]
        whole = " * ".join([*(f"{name}_batch{i}" for i in range(4)), f"{name}_rows", f"{name}_columns"])
        lines.append(f"z.has_{name} = {whole} > 1 || {'!' if name == 'mask' else ''}{name}[0];")
    return "\n    ".join(lines)


def _polynomial(degree: int) -> str:
    """Horner's scheme of the Taylor polynomial of exp."""
    factorials = [1.0]
    for i in range(1, degree + 1):
        factorials.append(factorials[-1] * i)
    return " ".join(f"p = p * r + (REAL){1.0 / f!r};" for f in factorials[-2::-1])


def c_code(dtype: str, boolean: str) -> str:
    """Return the C functions for numbers of a dtype; `boolean` is C's type of an element of a mask."""
    single = dtype == "float32"
    degree = 7 if single else 13
    first = 1.0
    for i in range(1, degree + 1):
        first /= i
    numbers = {
        "POLYNOMIAL": _polynomial(degree), "FIRST": repr(first), "LOWEST": "-87.3" if single else "-708.0", "EXPONENT": "127" if single else "1023",
        "SHIFT": "23" if single else "52", "MAGIC_BITS": "0x4B400000" if single else "0x4338000000000000LL", "MAGIC": "12582912.0" if single else "6755399441055744.0",
        "LN2_HIGH": "0.693145751953125" if single else "0.69314718036912381649", "LN2_LOW": "1.42860677e-06" if single else "1.9082149292705877e-10",
    }  # fmt: skip
    text = _PRODUCTS + _FORWARD + _GRADIENT + _END
    text = text.replace("SET_SIZES", _set_sizes()).replace("PARAMETERS", ", ".join(f"int64_t {n}" for n in SIZES))
    for name, value in numbers.items():
        text = text.replace(name, value)
    return text.replace("REAL", "float" if single else "double").replace("WHOLE", "int32_t" if single else "int64_t").replace("BOOL", boolean).replace("NAME", "f" if single else "d")


# Numba ------------------------------------------------------------------------------------------

_MATRIX_AT = """\
def wb_matrix_at(at, lengths, own, core):
    place, step = 0, core
    for axis in range(3, -1, -1):
        if own[axis] != 1:
            place += at % lengths[axis] * step
        step *= own[axis]
        at //= lengths[axis]
    return place
"""

_SCORES = """\
def wb_attention_scores(i, keys, width, causal, scale, fill, mask_rows, mask_columns, bias_rows, bias_columns, q, k, mask, bias, scores):
    most = -np.inf
    for j in range(keys):
        total = 0.0
        for c in range(width):
            total += q[i * width + c] * k[j * width + c]
        total *= scale
        total += bias[(i * bias_columns if bias_rows != 1 else 0) + (j if bias_columns != 1 else 0)]
        if not mask[(i * mask_columns if mask_rows != 1 else 0) + (j if mask_columns != 1 else 0)]:
            total = fill
        if causal and j > i:
            total = -np.inf
        scores[j] = total
        if total > most:
            most = total
    return most
"""

_BATCH = """\
    scale, fill = np.full(1, scale_bits, np.int64).view(np.float64)[0], np.full(1, fill_bits, np.int64).view(np.float64)[0]
    lengths = (batch0, batch1, batch2, batch3)
    for at in range(batch0 * batch1 * batch2 * batch3):
        q_at = after(q, wb_matrix_at(at, lengths, (q_batch0, q_batch1, q_batch2, q_batch3), queries * width))
        k_at = after(k, wb_matrix_at(at, lengths, (k_batch0, k_batch1, k_batch2, k_batch3), keys * width))
        v_at = after(v, wb_matrix_at(at, lengths, (v_batch0, v_batch1, v_batch2, v_batch3), keys * value_width))
        mask_at = after(mask, wb_matrix_at(at, lengths, (mask_batch0, mask_batch1, mask_batch2, mask_batch3), mask_rows * mask_columns))
        bias_at = after(bias, wb_matrix_at(at, lengths, (bias_batch0, bias_batch1, bias_batch2, bias_batch3), bias_rows * bias_columns))
"""

_FORWARD_PYTHON = f"""\
def wb_attention(library, {", ".join(SIZES)}, q, k, v, mask, bias, out, highest, logs):
    scores, sums = np.empty(keys), np.empty(value_width)
{_BATCH}\
        for i in range(queries):
            most = wb_attention_scores(i, keys, width, causal, scale, fill, mask_rows, mask_columns, bias_rows, bias_columns, q_at, k_at, mask_at, bias_at, scores)
            shift = 0.0 if most == -np.inf else most
            total = 0.0
            sums[:] = 0.0
            for j in range(keys):
                p = math.exp(scores[j] - shift)
                total += p
                for c in range(value_width):
                    sums[c] += p * v_at[j * value_width + c]
            row = at * queries + i
            for c in range(value_width):
                out[row * value_width + c] = 0.0 if total == 0.0 else sums[c] / total
            highest[row], logs[row] = most, 0.0 if total == 0.0 else math.log(total)
"""

_GRADIENT_PYTHON = f"""\
def wb_attention_gradient(library, {", ".join(SIZES)}, q, k, v, mask, bias, highest, logs, g, delta, of_q, of_k, of_v):
    scores, sum_q, sum_k, sum_v = np.empty(keys), np.empty(width), np.empty(keys * width), np.empty(keys * value_width)
{_BATCH}\
        sum_k[:] = 0.0
        sum_v[:] = 0.0
        for i in range(queries):
            wb_attention_scores(i, keys, width, causal, scale, fill, mask_rows, mask_columns, bias_rows, bias_columns, q_at, k_at, mask_at, bias_at, scores)
            row = at * queries + i
            sum_q[:] = 0.0
            for j in range(keys):
                p = 0.0 if highest[row] == -np.inf else math.exp((scores[j] - highest[row]) - logs[row])
                slope = 0.0
                for c in range(value_width):
                    slope += g[row * value_width + c] * v_at[j * value_width + c]
                    sum_v[j * value_width + c] += p * g[row * value_width + c]
                slope = p * (slope - delta[row]) * scale
                if not mask_at[(i * mask_columns if mask_rows != 1 else 0) + (j if mask_columns != 1 else 0)] or (causal and j > i):
                    slope = 0.0
                for c in range(width):
                    sum_q[c] += slope * k_at[j * width + c]
                    sum_k[j * width + c] += slope * q_at[i * width + c]
            for c in range(width):
                of_q[row * width + c] = sum_q[c]
        for i in range(keys * width):
            of_k[at * keys * width + i] = sum_k[i]
        for i in range(keys * value_width):
            of_v[at * keys * value_width + i] = sum_v[i]
"""

PYTHON = {
    "wb_attention": (_MATRIX_AT, _SCORES, _FORWARD_PYTHON),
    "wb_attention_gradient": (_MATRIX_AT, _SCORES, _GRADIENT_PYTHON),
}
"""Functions in the Python that Numba compiles, by name, each after those that it calls: a query at a time."""
