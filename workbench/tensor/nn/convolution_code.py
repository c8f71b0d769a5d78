"""Convolutions in generated C and for Numba.

In C no matrix of all windows is made. A block of rows of the padded input is copied so that each element of the kernel meets it at an
offset of its own: what the windows of neighbouring places have for it lies side by side, also where they overlap, and where the stride is
not 1, as rows and columns are laid out by their remainders. A tile of some rows of the result, of several vectors each, then takes the
kernel's elements one after the other, in registers. The gradient by the input is the same with the kernel turned; that by the kernel has
vectors along the results' channels, of a transposed copy. All threads call the functions, each for its share of blocks.

The tiles are those of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008).
"""

from __future__ import annotations

from workbench.tensor.elementwise import C_TYPES

SIZES = ("n", "groups", "cg", "og", "h", "w", "kh", "kw", "ho", "wo", "sh", "sw", "top", "left", "dh", "dw")
"""The numbers that the functions take: images, groups, channels of a group in and out; lengths in, of the kernel and out; strides, padding
before, dilation."""

_BEGIN = """\
#ifndef WB_CONV_NAME
#define WB_CONV_NAME
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
#ifndef WB_CONV_BYTES
#if defined(__AVX512F__)
#define WB_CONV_BYTES 64
enum { wb_conv_rows = 8, wb_conv_wide = 3, wb_conv_turned = 12 };
#elif defined(__AVX__)
#define WB_CONV_BYTES 32
enum { wb_conv_rows = 4, wb_conv_wide = 3, wb_conv_turned = 6 };
#else
#define WB_CONV_BYTES 16
enum { wb_conv_rows = 4, wb_conv_wide = 3, wb_conv_turned = 6 };
#endif
enum { wb_conv_slab = 384 * 1024 };  // Bytes of the copied input that a block works on.
static int64_t wb_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t wb_down(int64_t a, int64_t b) { return a >= 0 ? a / b : -wb_up(-a, b); }
static int64_t wb_least(int64_t a, int64_t b) { return a < b ? a : b; }
// How many rows a block has: as many as fit, and so that there are blocks for all threads.
static int64_t wb_conv_block(int64_t images, int64_t rows, int64_t bytes_a_row, int64_t more, int64_t threads) {
    const int64_t fit = wb_conv_slab / (bytes_a_row + 1) - more;
    int64_t blocks = wb_up(rows, fit < 1 ? 1 : fit);
    if (images * blocks % threads && images * blocks < 4 * threads) blocks = wb_up(blocks * images, threads) * threads;
    blocks = wb_least(blocks, rows);
    return blocks > 0 ? wb_up(rows, blocks) : 1;
}
#endif
typedef REAL wb_cv_NAME __attribute__((vector_size(WB_CONV_BYTES), aligned(sizeof(REAL)), may_alias));
enum { wb_cl_NAME = WB_CONV_BYTES / sizeof(REAL), wb_ct_NAME = wb_conv_wide * wb_cl_NAME };

// Rows `first` and on of padded channels: element (c, a, b, r, q) is x[c, (first + r) sh + a - top, q sw + b - left], or 0 outside.
static void wb_conv_copy_NAME(const REAL *x, int64_t channels, int64_t h, int64_t w, int64_t sh, int64_t sw, int64_t na, int64_t nb,
                              int64_t top, int64_t left, int64_t first, int64_t rows, int64_t wide, REAL *slab) {
    if (w == 1 && wide == 1 && sw == 1 && left == 0) {  // Signals: a column each.
        for (int64_t c = 0; c < channels; c++, x += h)
            for (int64_t a = 0; a < na; a++, slab += rows) {
                const int64_t off = first * sh + a - top, none = wb_least(rows, off < 0 ? wb_up(-off, sh) : 0);
                const int64_t end = wb_least(rows, off < h ? wb_up(h - off, sh) : 0);
                for (int64_t r = 0; r < none; r++) slab[r] = 0;
                if (sh == 1) for (int64_t r = none; r < end; r++) slab[r] = x[off + r];
                else for (int64_t r = none; r < end; r++) slab[r] = x[off + r * sh];
                for (int64_t r = end < none ? none : end; r < rows; r++) slab[r] = 0;
            }
    } else for (int64_t c = 0; c < channels; c++)
        for (int64_t a = 0; a < na; a++)
            for (int64_t b = 0; b < nb; b++)
                for (int64_t r = 0; r < rows; r++, slab += wide) {
                    const int64_t row = (first + r) * sh + a - top, off = b - left;
                    const int64_t none = wb_least(wide, off < 0 ? wb_up(-off, sw) : 0);
                    int64_t end = wb_least(wide, off < w ? wb_up(w - off, sw) : 0);
                    if (row < 0 || row >= h || end < none) end = none;
                    const REAL *from = x + (c * h + row) * w + off;
                    for (int64_t q = 0; q < none; q++) slab[q] = 0;
                    if (sw == 1) for (int64_t q = none; q < end; q++) slab[q] = from[q];
                    else for (int64_t q = none; q < end; q++) slab[q] = from[q * sw];
                    for (int64_t q = end; q < wide; q++) slab[q] = 0;
                }
    for (int64_t q = 0; q < wide + wb_ct_NAME; q++) slab[q] = 0;  // What the last tile meets beyond the last place.
}

// out (ROWS x a tile) = sum over p of kernel[p, row] times the tile at offset[p].
#define WB_CONV_TILE(ROWS) \\
    static void wb_conv_tile##ROWS##_NAME(int64_t inner, const REAL *kernel, const int64_t *offset, const REAL *slab, REAL *out) { \\
        wb_cv_NAME sum[ROWS][wb_conv_wide]; \\
        for (int r = 0; r < ROWS; r++) \\
            for (int v = 0; v < wb_conv_wide; v++) sum[r][v] = (wb_cv_NAME){0}; \\
        for (int64_t p = 0; p < inner; p++, kernel += wb_conv_rows) { \\
            const wb_cv_NAME *at = (const wb_cv_NAME *)(slab + offset[p]); \\
            wb_cv_NAME tile[wb_conv_wide]; \\
            for (int v = 0; v < wb_conv_wide; v++) tile[v] = at[v]; \\
            for (int r = 0; r < ROWS; r++) \\
                for (int v = 0; v < wb_conv_wide; v++) sum[r][v] += kernel[r] * tile[v]; \\
        } \\
        for (int r = 0; r < ROWS; r++) \\
            for (int v = 0; v < wb_conv_wide; v++) ((wb_cv_NAME *)(out + r * wb_ct_NAME))[v] = sum[r][v]; \\
    }
WB_CONV_TILE(1)
WB_CONV_TILE(2)
WB_CONV_TILE(4)
WB_CONV_TILE(8)
#undef WB_CONV_TILE

// Results (channels x rows x columns), steps apart, of packed kernels (tiles of channels, inner, rows of a tile) and a copied input.
static void wb_conv_rows_NAME(int64_t channels, int64_t inner, const REAL *packed, const int64_t *offset, const REAL *slab, int64_t wide,
                              int64_t rows, int64_t columns, REAL *y, int64_t of_channel, int64_t of_row, int64_t of_column) {
    REAL out[wb_conv_rows * wb_ct_NAME];
    int64_t from[wb_ct_NAME], to[wb_ct_NAME], length[wb_ct_NAME];
    for (int64_t p = 0; p < rows * wide; p += wb_ct_NAME) {
        int spans = 0;
        if (columns == wide && of_row == wide * of_column) {
            from[0] = 0, to[0] = p * of_column, length[0] = wb_least(rows * wide - p, wb_ct_NAME), spans = 1;
        } else for (int64_t q = p; q < p + wb_ct_NAME && q < rows * wide;) {
            const int64_t row = q / wide, column = q % wide;
            if (column < columns) {
                from[spans] = q - p, to[spans] = row * of_row + column * of_column;
                length[spans++] = wb_least(columns - column, p + wb_ct_NAME - q);
            }
            q += wide - column;
        }
        if (!spans) continue;
        for (int64_t c = 0; c < channels; c += wb_conv_rows) {
            const int64_t some = wb_least(wb_conv_rows, channels - c);
            const REAL *kernel = packed + c * inner;
            if (some > 4) wb_conv_tile8_NAME(inner, kernel, offset, slab + p, out);
            else if (some > 2) wb_conv_tile4_NAME(inner, kernel, offset, slab + p, out);
            else if (some > 1) wb_conv_tile2_NAME(inner, kernel, offset, slab + p, out);
            else wb_conv_tile1_NAME(inner, kernel, offset, slab + p, out);
            for (int64_t r = 0; r < some; r++)
                for (int s = 0; s < spans; s++) {
                    REAL *target = y + (c + r) * of_channel + to[s];
                    const REAL *source = out + r * wb_ct_NAME + from[s];
                    if (of_column == 1) for (int64_t i = 0; i < length[s]; i++) target[i] = source[i];
                    else for (int64_t i = 0; i < length[s]; i++) target[i * of_column] = source[i];
                }
        }
    }
}
"""

_SIZES = ", ".join(f"int64_t {s}" for s in SIZES)
_HEAD = f"void *const *library, int64_t thread, int64_t threads, {_SIZES}"
_NONE = "for (int64_t i = thread; i < all && {failed}; i += threads) out[i] = __builtin_nan(\"\");"

_FORWARD = f"""\
static void wb_conv_NAME({_HEAD}, const REAL *x, const REAL *k, REAL *out) {{
    const int64_t inner = cg * kh * kw, tall = wb_up(og, wb_conv_rows) * wb_conv_rows, all = n * groups * og * ho * wo;
    const int64_t na = wb_least(sh, dh * (kh - 1) + 1), nb = wb_least(sw, dw * (kw - 1) + 1);
    const int64_t more = dh * (kh - 1) / sh, wide = wo + dw * (kw - 1) / sw, row = cg * na * nb * wide;
    // Where there is more of kernels than of images, threads share out channels, so that each packs its own; else blocks of images.
    const int64_t own = og * inner > n * row * ho && og >= threads * wb_conv_rows, all_threads = own ? 1 : threads;
    const int64_t block = wb_conv_block(n * groups, ho, row * (int64_t)sizeof(REAL), more, all_threads), blocks = wb_up(ho, block);
    const int64_t tiles = tall / wb_conv_rows, low = own ? tiles * thread / threads * wb_conv_rows : 0, high = own ? tiles * (thread + 1) / threads * wb_conv_rows : tall;
    const int64_t some = wb_least(high, og) - low, size = (high - low) * inner;
    if (!all) return;
    REAL *const packed = __builtin_malloc(sizeof(REAL) * (__SIZE_TYPE__)(groups * size + row * (block + more) + wide + 2 * wb_ct_NAME));
    int64_t *const offset = __builtin_malloc(sizeof(int64_t) * (__SIZE_TYPE__)(inner + 1));
    {_NONE.format(failed="!(packed && offset)")}
    if (packed && offset && some > 0) {{
        REAL *const slab = packed + groups * size;
        REAL *next = packed;
        for (int64_t g = 0; g < groups; g++)
            for (int64_t o = low; o < high; o += wb_conv_rows)
                for (int64_t p = 0; p < inner; p++, next += wb_conv_rows)
                    for (int64_t r = 0; r < wb_conv_rows; r++) next[r] = o + r < og ? k[(g * og + o + r) * inner + p] : 0;
        for (int64_t it = own ? 0 : thread; it < n * groups * blocks; it += all_threads) {{
            const int64_t image = it / blocks, g = image % groups, first = it % blocks * block, rows = wb_least(block, ho - first), tallest = rows + more;
            if (rows <= 0) continue;
            for (int64_t p = 0; p < inner; p++) {{
                const int64_t c = p / (kh * kw), i = p / kw % kh * dh, j = p % kw * dw;
                offset[p] = (((c * na + i % sh) * nb + j % sw) * tallest + i / sh) * wide + j / sw;
            }}
            wb_conv_copy_NAME(x + image * cg * h * w, cg, h, w, sh, sw, na, nb, top, left, first, tallest, wide, slab);
            wb_conv_rows_NAME(some, inner, packed + g * size, offset, slab, wide, rows, wo, out + (image * og + low) * ho * wo + first * wo, ho * wo, wo, 1);
        }}
    }}
    __builtin_free(packed);
    __builtin_free(offset);
}}
"""

# Row sh t + a of the input has a share of row t + (a + top - i dh) / sh of the results, for the i of which that is whole.
_INPUT = f"""\
static void wb_conv_input_NAME({_HEAD}, const REAL *y, const REAL *k,NUMBERS REAL *out) {{
    const int64_t taps = kh * kw, tall = wb_up(cg, wb_conv_rows) * wb_conv_rows, all = n * groups * cg * h * w;
    const int64_t down = wb_down(top - (kh - 1) * dh, sh), up = wb_down(sh - 1 + top, sh), begin = wb_down(left - (kw - 1) * dw, sw), end = wb_down(sw - 1 + left, sw);
    const int64_t th = wb_up(h, sh), tw = wb_up(w, sw), more = up - down, wide = tw + end - begin, row = og * wide;
    const int64_t block = wb_conv_block(n * groups, th, row * (int64_t)sizeof(REAL), more, threads), blocks = wb_up(th, block);
    if (!all) return;
    REAL *const packed = __builtin_malloc(sizeof(REAL) * (__SIZE_TYPE__)(groups * tall * og * taps + row * (block + more) + wide + 2 * wb_ct_NAME));
    int64_t *const offset = __builtin_malloc(sizeof(int64_t) * (__SIZE_TYPE__)(og * taps + 1));
    {_NONE.format(failed="!(packed && offset)")}
    if (packed && offset) {{
        REAL *const slab = packed + groups * tall * og * taps;
        REAL *next = packed;
        for (int64_t g = 0; g < groups; g++)
            for (int64_t a = 0; a < sh; a++)
                for (int64_t b = 0; b < sw; b++)
                    for (int64_t c0 = 0; c0 < tall; c0 += wb_conv_rows)
                        for (int64_t o = 0; o < og; o++)
                            for (int64_t i = 0; i < kh; i++)
                                for (int64_t j = 0; j < kw; j++)
                                    if ((a + top - i * dh) % sh == 0 && (b + left - j * dw) % sw == 0)
                                        for (int64_t c = c0; c < c0 + wb_conv_rows; c++) *next++ = c < cg ? k[(((g * og + o) * cg + c) * kh + i) * kw + j] : 0;
        for (int64_t it = thread; it < n * groups * blocks; it += threads) {{
            const int64_t image = it / blocks, g = image % groups, first = it % blocks * block, rows = wb_least(block, th - first), tallest = rows + more;
            if (rows <= 0) continue;
            wb_conv_copy_NAME(y + image * og * ho * wo, og, ho, wo, 1, 1, 1, 1, -down, -begin, first, tallest, wide, slab);
            const REAL *kernels = packed + g * tall * og * taps;
            for (int64_t a = 0; a < sh; a++)
                for (int64_t b = 0; b < sw; b++) {{
                    int64_t inner = 0;
                    for (int64_t o = 0; o < og; o++)
                        for (int64_t i = 0; i < kh; i++)
                            for (int64_t j = 0; j < kw; j++)
                                if ((a + top - i * dh) % sh == 0 && (b + left - j * dw) % sw == 0)
                                    offset[inner++] = (o * tallest + (a + top - i * dh) / sh - down) * wide + (b + left - j * dw) / sw - begin;
                    const int64_t here = wb_least(rows, wb_up(h - a, sh) - first), across = wb_up(w - b, sw);
                    if (here > 0 && across > 0)
                        wb_conv_rows_NAME(cg, inner, kernels, offset, slab, wide, here, across, out + image * cg * h * w + (first * sh + a) * w + b, h * w, sh * w, sw);
                    kernels += tall * inner;
                }}
        }}
    }}
    __builtin_free(packed);
    __builtin_free(offset);
}}
"""

_KERNEL = f"""\
// sums (rows x vectors) += over the places of a block: input at each row's offset times the channels of the results.
static void wb_conv_turned_NAME(int64_t rows, int64_t columns, int64_t wide, const int64_t *offset, const REAL *slab, const REAL *turned,
                                int64_t across, REAL *sums) {{
    wb_cv_NAME sum[wb_conv_turned][2];
    for (int r = 0; r < wb_conv_turned; r++)
        for (int v = 0; v < 2; v++) sum[r][v] = ((const wb_cv_NAME *)(sums + r * across))[v];
    for (int64_t i = 0; i < rows; i++, slab += wide)
        for (int64_t j = 0; j < columns; j++, turned += across) {{
            const wb_cv_NAME *at = (const wb_cv_NAME *)turned;
            const wb_cv_NAME first = at[0], second = at[1];
            for (int r = 0; r < wb_conv_turned; r++) {{
                const REAL x = slab[offset[r] + j];
                sum[r][0] += x * first, sum[r][1] += x * second;
            }}
        }}
    for (int r = 0; r < wb_conv_turned; r++)
        for (int v = 0; v < 2; v++) ((wb_cv_NAME *)(sums + r * across))[v] = sum[r][v];
}}
static void wb_conv_kernel_NAME({_HEAD}, const REAL *x, const REAL *y,NUMBERS REAL *out) {{
    const int64_t taps = kh * kw, all = groups * og * cg * taps, across = wb_up(og, 2 * wb_cl_NAME) * 2 * wb_cl_NAME;
    const int64_t na = wb_least(sh, dh * (kh - 1) + 1), nb = wb_least(sw, dw * (kw - 1) + 1);
    const int64_t more = dh * (kh - 1) / sh, wide = wo + dw * (kw - 1) / sw;
    if (!all) return;
    // Items are channels of a group, so many that there is one for each thread.
    const int64_t parts = wb_least(cg, wb_up(threads, groups)), some = wb_up(cg, parts), row = some * na * nb * wide;
    const int64_t block = wb_conv_block(1, ho, (row + wo * across) * (int64_t)sizeof(REAL), more, 1), inner = wb_up(some * taps, wb_conv_turned) * wb_conv_turned;
    REAL *const sums = __builtin_malloc(sizeof(REAL) * (__SIZE_TYPE__)(inner * across + block * wo * across + row * (block + more) + wide + 2 * wb_ct_NAME));
    int64_t *const offset = __builtin_malloc(sizeof(int64_t) * (__SIZE_TYPE__)inner);
    {_NONE.format(failed="!(sums && offset)")}
    if (sums && offset) {{
        REAL *const turned = sums + inner * across, *const slab = turned + block * wo * across;
        for (int64_t it = thread; it < groups * parts; it += threads) {{
            const int64_t g = it / parts, c0 = it % parts * some, channels = wb_least(some, cg - c0), used = channels * taps;
            if (channels <= 0) continue;
            for (int64_t i = 0; i < inner * across; i++) sums[i] = 0;
            for (int64_t q = 0; q < n; q++)
                for (int64_t first = 0; first < ho; first += block) {{
                    const int64_t rows = wb_least(block, ho - first), tallest = rows + more;
                    const REAL *from = y + ((q * groups + g) * og * ho + first) * wo;
                    for (int64_t p = 0; p < rows * wo; p++) {{
                        for (int64_t o = 0; o < og; o++) turned[p * across + o] = from[o * ho * wo + p];
                        for (int64_t o = og; o < across; o++) turned[p * across + o] = 0;
                    }}
                    wb_conv_copy_NAME(x + ((q * groups + g) * cg + c0) * h * w, channels, h, w, sh, sw, na, nb, top, left, first, tallest, wide, slab);
                    for (int64_t p = 0; p < inner; p++) {{
                        const int64_t c = p / taps, i = p / kw % kh * dh, j = p % kw * dw;
                        offset[p] = p < used ? (((c * na + i % sh) * nb + j % sw) * tallest + i / sh) * wide + j / sw : 0;
                    }}
                    for (int64_t o = 0; o < across; o += 2 * wb_cl_NAME)
                        for (int64_t p = 0; p < used; p += wb_conv_turned)
                            wb_conv_turned_NAME(rows, wo, wide, offset + p, slab, turned + o, across, sums + p * across + o);
                }}
            for (int64_t o = 0; o < og; o++)
                for (int64_t p = 0; p < used; p++) out[((g * og + o) * cg + c0) * taps + p] = sums[p * across + o];
        }}
    }}
    __builtin_free(sums);
    __builtin_free(offset);
}}
"""

_END = """\
#if !defined(__clang__)
#pragma GCC pop_options
#endif
#endif
"""


def c_code(dtype: str, numbers: int) -> str:
    """Return the functions in C, those of gradients with so many arguments more, which are lengths and are not read."""
    code = _BEGIN + _FORWARD + _INPUT + _KERNEL + _END
    name = f"{'f' if dtype == 'float32' else 'd'}{numbers or ''}"
    given = "".join(f" const int64_t *length{i}," for i in range(numbers))
    return code.replace("NUMBERS", given).replace("WB_CONV_NAME", f"WB_CONV_{name}").replace("##ROWS##_NAME", f"##ROWS##_{name}").replace("_NAME", f"_{name}").replace("REAL", C_TYPES[dtype])


_LOOPS = """\
def wb_conv{kind}_NAME(library, {sizes}, {given}, out):
    for at in range({size}):
        out[at] = 0.0
    for image in range(n * groups):
        g = image % groups
        for o in range(og):
            for c in range(cg):
                for i in range(kh):
                    for j in range(kw):
                        at = (((g * og + o) * cg + c) * kh + i) * kw + j
                        low, high = max(0, -((j * dw - left) // sw)), min(wo, (w - 1 + left - j * dw) // sw + 1)
                        {begin}
                        for row in range(ho):
                            r = row * sh + i * dh - top
                            if r < 0 or r >= h:
                                continue
                            to = ((image * og + o) * ho + row) * wo
                            source = ((image * cg + c) * h + r) * w + j * dw - left
                            for q in range(low, high):
                                {step}
                        {end}
"""


def python_code(kind: str, dtype: str, numbers: int) -> str:
    """Return a function in Python: plain loops, of which the innermost is over columns."""
    more = "".join(f", length{i}" for i in range(numbers))
    given, size, begin, step, end = {
        "": ("x, k", "n * groups * og * ho * wo", "factor = k[at]", "out[to + q] += factor * x[source + q * sw]", "pass"),
        "_input": ("y, k" + more, "n * groups * cg * h * w", "factor = k[at]", "out[source + q * sw] += factor * y[to + q]", "pass"),
        "_kernel": ("x, y" + more, "groups * og * cg * kh * kw", f"total = np.{dtype}(0)", "total += x[source + q * sw] * y[to + q]", "out[at] += total"),
    }[kind]
    name = f"{'f' if dtype == 'float32' else 'd'}{numbers or ''}"
    return _LOOPS.format(kind=kind, sizes=", ".join(SIZES), given=given, size=size, begin=begin, step=step, end=end).replace("_NAME", f"_{name}")
