"""Dense reference for the noise kernel norm: theory.md sections 2 and 3, written down a second time.

Nothing here shares a line or a shortcut with the program: eigenvalues come from dense non-symmetric solvers, the
second-moment operator acts on all (2n)² entries of residuals and velocities.
"""

import numpy as np


def kappa(examples, batch):
    return 0.0 if examples == 1 else (examples - batch) / (batch * (examples - 1))


def random_jacobian(rng, examples, outputs, parameters, kind="flat"):
    """Rows (example, output); kinds as in theory.md section 5."""
    jacobian = rng.standard_normal((examples * outputs, parameters))
    if kind == "localised":
        jacobian *= np.repeat(np.exp(0.6 * rng.standard_normal(examples)), outputs)[:, None]
    if kind == "dispersed":
        u, s, vt = np.linalg.svd(jacobian, full_matrices=False)
        jacobian = (u * (np.arange(1, len(s) + 1.0) ** -0.5) * s[0]) @ vt
    return jacobian


def overlaps(vectors, outputs):
    """C_{alpha nu} = sum_i (v_{alpha,i} . v_{nu,i})²."""
    n = vectors.shape[1]
    blocks = vectors.reshape(-1, outputs, n)
    return np.einsum("iab,iab->ab", *(2 * [np.einsum("ica,icb->iab", blocks, blocks)]))


def spectrum(ntk):
    values, vectors = np.linalg.eigh(ntk)
    keep = values > len(values) * np.finfo(float).eps * values[-1]
    return values, np.where(keep, values, 0.0), vectors


def dense_a_and_n(ntk, eta, batch, outputs=1):
    """A and N of equation (8), on the modes that are not zero."""
    _, values, vectors = spectrum(ntk)
    live = values > 0
    lam = values[live]
    examples = len(ntk) // outputs
    k = kappa(examples, batch)
    a = np.diag(1 - 2 * eta * lam + (1 - k) * eta**2 * lam**2)
    c = overlaps(vectors[:, live], outputs)
    return a, k * examples * eta**2 * lam[:, None] * c * lam[None, :]


def radius(matrix):
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if matrix.size else 0.0


def mode_response(lam, eta, momentum, l2):
    """m0 of a mode: the stationary E z² that unit gradient noise causes, from the exact linear recursion of the second
    moments (z², z v, v²) of z <- z - eta v', v' = mu v + (lam + rho) z + noise, solved as a 3 x 3 system.

    The residual's mode moves by -eta * lam in each unit of gradient of the parameters' mode; noise enters with lam too.
    """
    h = lam + l2
    # (z, u) with u = eta v: u' = mu u + eta h z + eta lam xi, z' = z - u'.
    step = np.array([[1 - eta * h, -momentum], [eta * h, momentum]])
    push = eta * lam * np.array([-1.0, 1.0])
    pairs = [(0, 0), (0, 1), (1, 1)]
    system = np.zeros((3, 3))
    source = np.zeros(3)
    for row, (a, b) in enumerate(pairs):
        source[row] = push[a] * push[b]
        for i in range(2):
            for j in range(2):
                system[row, pairs.index((min(i, j), max(i, j)))] += step[a, i] * step[b, j]
    return float(np.linalg.solve(np.eye(3) - system, source)[0])


def norms(ntk, eta, batch, momentum=0.0, l2=0.0, outputs=1):
    """All scalars of theory.md section 3, K from dense eigenvalues."""
    raw, values, vectors = spectrum(ntk)
    examples = len(ntk) // outputs
    k = kappa(examples, batch)
    result = {"ntk_lambda_max": raw[-1], "ntk_trace": np.trace(ntk)}
    result["K_tr"] = k / outputs * eta / (2 * (1 - momentum)) * np.trace(ntk)
    blocks = [examples * ntk[i : i + outputs, i : i + outputs] for i in range(0, len(ntk), outputs)]
    traces = sum(np.trace(b) for b in blocks)
    squares = sum((b * b).sum() for b in blocks)
    result["K_block"] = k * eta / (2 * (1 - momentum)) * squares / traces if traces > 0 else 0.0
    if eta * (raw[-1] + l2) >= 2 * (1 + momentum):
        return result | {"K": np.inf, "K_hd": np.inf}
    live = values > 0
    gains = np.array([mode_response(lam, eta, momentum, l2) for lam in values[live]])
    gains = gains / (1 + k * gains)
    result["K_hd"] = k / outputs * gains.sum()
    # diag(m) C has the eigenvalues of diag(sqrt m) C diag(sqrt m), and is not symmetric.
    c = overlaps(vectors[:, live], outputs)
    result["K"] = radius(k * examples * gains[:, None] * c)
    return result


def pair_responses(lam, eta, kappa, momentum, l2):
    """E z_a z_b that unit covariance of the gradient noise of modes a and b causes in the stationary state, for all pairs.

    The noise of a step is kappa (source - Z), Z the covariance of z itself: solved with it, as a 4 x 4 system in
    (z z, z w, w z, w w) for each pair, from z' = z - eta w', w' = mu w + rho z + lam (z + noise).
    """
    h = lam + l2
    step = np.empty((len(lam), 2, 2))
    step[:, 0, 0], step[:, 0, 1] = 1 - eta * h, -eta * momentum
    step[:, 1, 0], step[:, 1, 1] = h, momentum
    push = lam[:, None] * np.array([-eta, 1.0])
    both = np.einsum("aij,bkl->abikjl", step, step).reshape(len(lam), len(lam), 4, 4)
    noise = np.einsum("ai,bk->abik", push, push).reshape(len(lam), len(lam), 4)
    system = np.eye(4) - both
    system[:, :, :, 0] += kappa * noise
    return np.linalg.solve(system, noise[..., None])[:, :, 0, 0]


def k_full(ntk, eta, batch, momentum=0.0, l2=0.0, outputs=1):
    """Spectral radius of Y -> blocks of X, where X is the stationary second moment of z under a noise of covariance
    kappa (D Y - X) and Y is zero outside of the outputs x outputs blocks; the dense matrix of that map."""
    raw, values, vectors = spectrum(ntk)
    examples = len(ntk) // outputs
    k = kappa(examples, batch)
    if eta * (raw[-1] + l2) >= 2 * (1 + momentum):
        return np.inf
    live = values > 0
    v = vectors[:, live]
    response = k * examples * pair_responses(values[live], eta, k, momentum, l2)
    entries = [(i + a, i + b) for i in range(0, len(ntk), outputs) for a in range(outputs) for b in range(outputs)]
    rows, columns = np.array(entries).T
    columns_of_map = [((v @ (np.outer(v[r], v[c]) * response)) @ v.T)[rows, columns] for r, c in entries]
    return radius(np.array(columns_of_map).T)


def second_moment_operator(ntk, eta, batch, momentum=0.0, l2=0.0, outputs=1):
    """T as a dense 4n² x 4n² matrix on the second moments of (z, w), from the definition: batches of B distinct examples,
    drawn evenly. w' = mu w + rho z + Theta S z / beta, z' = z - eta w', S the projection on the batch.
    """
    n = len(ntk)
    examples = n // outputs
    beta = batch / examples
    example_of = np.arange(n) // outputs
    both = np.full((n, n), beta * (batch - 1) / (examples - 1) if examples > 1 else 1.0)
    both[example_of[:, None] == example_of[None, :]] = beta  # E[s_i s_j]
    identity, zero = np.eye(n), np.zeros((n, n))
    quiet = np.block([[(1 - eta * l2) * identity, -eta * momentum * identity], [l2 * identity, momentum * identity]])
    kick = np.block([[-eta * ntk, zero], [ntk, zero]]) / beta
    weights = np.block([[both, zero], [zero, zero]]).ravel()
    return (np.kron(quiet, quiet) + beta * (np.kron(quiet, kick) + np.kron(kick, quiet))
            + np.kron(kick, kick) * weights[None, :])


def root(function, low, high):
    """Where an increasing function passes 1."""
    while low < (middle := 0.5 * (low + high)) < high:
        if function(middle) < 1:
            low = middle
        else:
            high = middle
    return middle
