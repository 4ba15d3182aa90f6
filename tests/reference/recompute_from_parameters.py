"""Kept parameters load in Python's torch.jit.load, and loss, K, tr NTK, lambda_max computed from them there, from scratch
and by other means (autograd Jacobian, dense eigenvalues, dense Hessian), agree with the last record of the store."""
import gzip
import os

import h5py
import numpy as np
import torch

from harness import SOURCE, Workspace, check, run, tiny_sweep, write_sweep

D, TEST = 48, 20


def idx(name, offset, shape):
    with gzip.open(os.path.join(SOURCE, "sweeps", "data", name)) as file:
        return np.frombuffer(file.read(), np.uint8)[offset:offset + int(np.prod(shape))].reshape(shape).astype(np.float64)


def examples(target, preprocess):
    """The preprocessing of docs/sweep-file.md, written again: ZCA fitted on the training subset, 0.1 × mean eigenvalue added."""
    train = idx("train-images-idx3-ubyte.gz", 16, (D, 784)) / 255
    test = idx("t10k-images-idx3-ubyte.gz", 16, (TEST, 784)) / 255
    mean = train.mean(0)
    covariance = (train - mean).T @ (train - mean) / D
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    whiten = vectors @ np.diag((values + 0.1 * values.mean()) ** -0.5) @ vectors.T
    inputs = (train, test) if preprocess == "none" else [(x - mean) @ whiten for x in (train, test)]
    labels = [idx("train-labels-idx1-ubyte.gz", 8, (D,)), idx("t10k-labels-idx1-ubyte.gz", 8, (TEST,))]
    if target == "parity":
        targets = [1 - 2 * (y % 2)[:, None] for y in labels]
    else:
        targets = [np.eye(10)[y.astype(int)] for y in labels]
    # The program keeps its examples in float32.
    to_tensor = lambda a: torch.tensor(np.asarray(a, np.float32).astype(np.float64))
    return [to_tensor(x) for x in inputs], [to_tensor(y) for y in targets]


def forward(weights, x, activation):
    for k, (w, b) in enumerate(weights):
        x = x @ w.T + b
        if k + 1 < len(weights):
            x = activation(x)
    return x


def dense_K(ntk, eta, batch, momentum, l2, outputs):
    """lambda_max[(I − A)^-1 N] of theory.md equations (8), (9) with per-mode m; dense, through numpy's general eigenvalues."""
    d = ntk.shape[0] // outputs
    kappa = (d - batch) / (batch * (d - 1))
    lam, v = np.linalg.eigh(ntk)
    keep = lam > ntk.shape[0] * np.finfo(float).eps * lam.max()
    lam, v = lam[keep], v[:, keep]
    m0 = (1 + momentum) / (1 - momentum) * eta * lam**2 / ((lam + l2) * (2 * (1 + momentum) - eta * (lam + l2)))
    if (2 * (1 + momentum) - eta * (lam + l2) <= 0).any():
        return np.inf
    m = m0 / (1 + kappa * m0)
    per_example = v.reshape(d, outputs, -1)
    c = np.einsum("ica,icb->iab", per_example, per_example)
    c = (c**2).sum(0)
    return kappa * d * np.abs(np.linalg.eigvals(np.sqrt(m)[:, None] * c * np.sqrt(m))).max()


def close(name, mine, theirs, tolerance):
    if np.isinf(theirs) or np.isinf(mine):
        check(mine == theirs, f"{name}: recomputed {mine}, stored {theirs}")
        return
    error = abs(mine - theirs) / max(abs(mine), 1e-300)
    check(error <= tolerance, f"{name}: recomputed {mine:.12g}, stored {theirs:.12g}, relative difference {error:.2g} > {tolerance}")
    worst[name] = max(worst.get(name, 0), error)


worst = {}
# Whitening by another LAPACK gives inputs that differ in their last float32 bit, 6e-8: the outputs then differ as much, and
# losses of 1e-8, whose residuals are 1e-4, by 1e-5 of themselves. Raw pixels are the same to the last bit.
CASES = [("parity", "none", "erf", torch.erf, {}, 1e-9),
         ("onehot", "zca", "tanh", torch.tanh, {"momentum": 0.6, "l2": 1e-3}, 1e-4)]
for target, preprocess, name, activation, optimizer, loss_tolerance in CASES:
    with Workspace() as folder:
        sweep = tiny_sweep(keep_parameters="final", seeds=1)
        sweep["experiment"]["dataset"].update(target=target, preprocess=preprocess)
        sweep["experiment"]["model"]["activation"] = name
        sweep["experiment"]["optimizer"] = optimizer
        sweep["grid"][0]["eta_over_batch"] = {"log": [1e-3, 2e-2], "count": 3}
        sweep["grid"][1]["eta"] = {"log": [1e-2, 3e-1], "count": 3}
        store_path = os.path.join(folder, "s.h5")
        run("run", write_sweep(folder, sweep), "--store", store_path, ranks=3)
        (x, x_test), (y, y_test) = examples(target, preprocess)
        compared = 0
        with h5py.File(store_path, "r") as store:
            done = store["status"].attrs["flag_meanings"].decode().split().index("done")
            for b, p, s in np.argwhere(store["status"][()] == done):
                batch, eta = int(store["batch"][b]), float(store["eta"][b, p])
                last = int(store["records"][b, p, s]) - 1
                stored = lambda column: float(store[column][b, p, s, last])
                file = os.path.join(store_path + ".parameters", f"b{batch}-p{p}-s{int(store['seed'][s])}.pt")
                parameters = dict(torch.jit.load(file).named_parameters())
                weights = [(parameters[f"layers.{k}.weight"].detach().double(), parameters[f"layers.{k}.bias"].detach().double())
                           for k in range(3)]
                sizes = [t.shape for pair in weights for t in pair]
                flat = torch.cat([t.reshape(-1) for pair in weights for t in pair])

                def network(theta, inputs):
                    parts, offset = [], 0
                    for shape in sizes:
                        parts.append(theta[offset:offset + shape.numel()].reshape(shape))
                        offset += shape.numel()
                    return forward(list(zip(parts[::2], parts[1::2])), inputs, activation)

                loss = lambda theta: 0.5 * ((network(theta, x) - y) ** 2).sum() / D
                jacobian = torch.autograd.functional.jacobian(lambda t: network(t, x).reshape(-1), flat).numpy()
                ntk = jacobian @ jacobian.T / D
                close("train_loss", loss(flat).item(), stored("train_loss"), loss_tolerance)
                close("test_loss", (0.5 * ((network(flat, x_test) - y_test) ** 2).sum() / TEST).item(), stored("test_loss"), loss_tolerance)
                close("ntk_trace", np.trace(ntk), stored("ntk_trace"), 1e-5)
                close("ntk_lambda_max", np.linalg.eigvalsh(ntk).max(), stored("ntk_lambda_max"), 1e-5)
                K = dense_K(ntk, eta, batch, optimizer.get("momentum", 0), optimizer.get("l2", 0), y.shape[1])
                if K == 0:
                    check(stored("K") == 0, f"K at full batch is {stored('K')}")
                else:
                    close("K", K, stored("K"), 1e-5)
                compared += 1
                if compared <= 3:  # a dense Hessian of ten thousand parameters takes seconds: its top eigenvalue by ARPACK
                    from scipy.sparse.linalg import LinearOperator, eigsh

                    theta = flat.clone().requires_grad_()
                    gradient = torch.autograd.grad(loss(theta), theta, create_graph=True)[0]
                    hvp = lambda v: torch.autograd.grad(gradient, theta, torch.tensor(v).reshape(-1), retain_graph=True)[0].numpy()
                    top = eigsh(LinearOperator((flat.numel(),) * 2, matvec=hvp, dtype=np.float64), k=1, which="LA", tol=1e-10)[0][0]
                    close("hessian_lambda_max", top, stored("hessian_lambda_max"), 1e-3)
        check(compared >= 6, f"only {compared} trials were done")
print("largest relative differences:", {name: f"{value:.2g}" for name, value in worst.items()})
