"""Linear algebra on the last two axes, batched over the leading ones, in the names of ``numpy.linalg``.

Nothing here raises for the values of a matrix: what does not exist is NaN or infinite, on every
backend and for that matrix of a stack alone.
"""

from typing import TYPE_CHECKING

from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.tensor.linalg.block_diagonal import block_diag
    from workbench.tensor.linalg.decompositions import QRResult, SVDResult, cholesky, qr, svd
    from workbench.tensor.linalg.determinants import SlogDetResult, det, slogdet
    from workbench.tensor.linalg.eigenvalues import EighResult, EigResult, eig, eigh, eigvalsh
    from workbench.tensor.linalg.linear_systems import LstsqResult, cho_solve, inv, lstsq, pinv, solve
    from workbench.tensor.linalg.lu_decomposition import lu, lu_factor, lu_solve
    from workbench.tensor.linalg.matrix_equations import (
        SchurResult,
        qz,
        schur,
        solve_continuous_lyapunov,
        solve_discrete_are,
        solve_discrete_lyapunov,
        solve_sylvester,
    )
    from workbench.tensor.linalg.matrix_functions import expm, matrix_power
    from workbench.tensor.linalg.norms import norm, trace
    from workbench.tensor.linalg.products import matrix_transpose
    from workbench.tensor.linalg.triangular_systems import solve_triangular

LATER = {
    "workbench.tensor.linalg.block_diagonal": "block_diag",
    "workbench.tensor.linalg.decompositions": "QRResult SVDResult cholesky qr svd",
    "workbench.tensor.linalg.determinants": "SlogDetResult det slogdet",
    "workbench.tensor.linalg.eigenvalues": "EighResult EigResult eig eigh eigvalsh",
    "workbench.tensor.linalg.linear_systems": "LstsqResult cho_solve inv lstsq pinv solve",
    "workbench.tensor.linalg.lu_decomposition": "lu lu_factor lu_solve",
    "workbench.tensor.linalg.matrix_equations":
        "SchurResult qz schur solve_continuous_lyapunov solve_discrete_are solve_discrete_lyapunov solve_sylvester",
    "workbench.tensor.linalg.matrix_functions": "expm matrix_power",
    "workbench.tensor.linalg.norms": "norm trace",
    "workbench.tensor.linalg.products": "matrix_transpose",
    "workbench.tensor.linalg.triangular_systems": "solve_triangular",
}  # fmt: skip
"""Loaded when first used."""

__getattr__, __dir__ = answers(__name__, LATER), listing(__name__)

__all__ = [
    "EigResult", "EighResult", "LstsqResult", "QRResult", "SVDResult", "SlogDetResult", "block_diag", "cho_solve",
    "cholesky", "det", "eig", "eigh", "eigvalsh", "expm", "inv", "lstsq", "lu", "lu_factor", "lu_solve", "matrix_power", "matrix_transpose", "norm",
    "SchurResult", "pinv", "qr", "qz", "schur", "slogdet", "solve", "solve_continuous_lyapunov", "solve_discrete_are", "solve_discrete_lyapunov",
    "solve_sylvester", "solve_triangular", "svd", "trace",
]  # fmt: skip
