"""Prints the golden numbers of kernel_norm_test.cpp: PYTHONPATH=tests/reference python3 kernel_norm_golden.py"""

import numpy as np

import knorm_reference as reference


def jacobian(rows, columns):
    r = np.arange(rows)[:, None]
    p = np.arange(columns)[None, :]
    return (1 + 0.8 * np.sin(1.0 * r)) * np.cos(0.7 * (r + 1) * (p + 1) + 0.3 * r)


for examples, outputs, batch, momentum, l2, eta in [(8, 1, 1, 0, 0, 0.05), (8, 1, 3, 0.9, 0.02, 0.01),
                                                     (5, 3, 2, 0, 0, 0.05), (5, 3, 1, 0.5, 0.1, 0.02)]:
    j = jacobian(examples * outputs, 20)
    ntk = j @ j.T / examples
    n = reference.norms(ntk, eta, batch, momentum, l2, outputs)
    full = reference.k_full(ntk, eta, batch, momentum, l2, outputs)
    print(examples, outputs, batch, momentum, l2, eta,
          *(f"{k}={n[k]:.15g}" for k in ["K", "K_block", "K_hd", "K_tr", "ntk_lambda_max", "ntk_trace"]), f"K_full={full:.15g}")
