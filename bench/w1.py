#!/usr/bin/env python3
"""W1: edgesweep against PyTorch eager in the same run, one thread each.

usage: w1.py BENCH_W1 [--rounds N] [--section NAME]... [--json]

MLP 784-256-256-1, erf, MSE, 2560 random examples; lambda_max: the 2500 MNIST images of sweeps/data, ZCA-whitened. How it
is compared: side_by_side.py.
"""
import subprocess
import tempfile

from side_by_side import compare, median_seconds, parse, seconds_now  # before numpy: one thread

import numpy
import torch

EXAMPLES, FEATURES, ETA = 2560, 784, 1e-3


def data():
    torch.manual_seed(1)
    return torch.randn(EXAMPLES, FEATURES), torch.randn(EXAMPLES, 1).sign()


def parameters():
    sizes = [FEATURES, 256, 256, 1]
    result = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        result.append((torch.randn(fan_out, fan_in) / fan_in**0.5).requires_grad_())
        result.append(torch.zeros(fan_out, requires_grad=True))
    return result


def loss_of(p, x, y):
    return (outputs_of(p, x) - y).square().sum() / (2 * x.shape[0])


def trial(step):
    """Ours of lambda_max, so that values can be compared: parameters as one vector, inputs, targets."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([PROGRAM, "--trial", file.name, str(step)], check=True)
        values = torch.tensor(numpy.fromfile(file.name, numpy.float32))
    count = sum(p.numel() for p in parameters())
    examples = (len(values) - count) // (FEATURES + 1)
    theta, x, y = values.split([count, examples * FEATURES, examples])
    return theta, x.view(examples, FEATURES), y.view(examples, 1)


def unflatten(theta):
    sizes = [FEATURES, 256, 256, 1]
    shapes = [s for fan_in, fan_out in zip(sizes, sizes[1:]) for s in ((fan_out, fan_in), (fan_out,))]
    parts = theta.split([numpy.prod(s) for s in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes)]


def outputs_of(p, x):
    h = x
    for k in range(0, len(p) - 2, 2):
        h = torch.erf(torch.nn.functional.linear(h, p[k], p[k + 1]))
    return torch.nn.functional.linear(h, p[-2], p[-1])


def training():
    """Steps a second by batch size: eager autograd and SGD written by hand, the fastest plain PyTorch at B = 1."""
    x, y = data()
    result = {}
    for batch in (1, 8, 32, 128, 512):
        p = parameters()
        steps = max(20, 1000 // (batch + 1))
        batches = torch.arange(EXAMPLES * batch).mul_(997).remainder_(EXAMPLES).view(-1, batch)  # ours gathers these too
        state = {"at": 0}

        def some_steps():
            for _ in range(steps):
                rows = batches[state["at"]]
                state["at"] = (state["at"] + 1) % len(batches)
                gradients = torch.autograd.grad(loss_of(p, x[rows], y[rows]), p)
                with torch.no_grad():
                    for value, gradient in zip(p, gradients):
                        value.sub_(gradient, alpha=ETA)

        result[str(batch)] = steps / median_seconds(5, some_steps)
    return result


def hessian_product():
    """Seconds, full batch: a gradient, and a double backward with the graph kept."""
    x, y = data()
    p = parameters()
    v = [torch.randn_like(t) for t in p]
    gradients = torch.autograd.grad(loss_of(p, x, y), p, create_graph=True)
    dot = sum((g * u).sum() for g, u in zip(gradients, v))
    return {
        "gradient": median_seconds(3, lambda: torch.autograd.grad(loss_of(p, x, y), p)),
        "product": median_seconds(3, lambda: torch.autograd.grad(dot, p, retain_graph=True)),
    }


def ntk():
    """Seconds of the Jacobian that the naive NTK needs, one backward pass an example: 64 examples timed, scaled to all."""
    result = {}
    timed = 64
    for name, dtype in (("Double", torch.float64), ("Float", torch.float32)):
        x = data()[0].to(dtype)
        p = [t.detach().to(dtype).requires_grad_() for t in parameters()]

        def whole():
            h = x
            for k in range(0, len(p) - 2, 2):
                h = torch.erf(torch.nn.functional.linear(h, p[k], p[k + 1]))
            f = torch.nn.functional.linear(h, p[-2], p[-1])
            rows = []
            for i in range(timed):
                g = torch.autograd.grad(f[i, 0], p, retain_graph=True)
                rows.append(torch.cat([t.flatten() for t in g]))
            return torch.stack(rows)

        result[name] = median_seconds(1, whole) / timed * EXAMPLES
    return result


def kernel_norm():
    """Seconds of K the naive way in float64: Jacobian by functorch, J J^T, eigenvectors, dense eigenvalues of
    (I - A)^-1 N."""
    import functorch

    batch = 8
    x = data()[0].double()
    theta = tuple(unflatten(trial(0)[0].double()))

    def output(p, example):
        return outputs_of(p, example).squeeze()

    start = seconds_now()
    jacobian = functorch.vmap(functorch.grad(output), in_dims=(None, 0))(theta, x)
    matrix = sum(j.flatten(1) @ j.flatten(1).T for j in jacobian).numpy() / EXAMPLES
    del jacobian
    has_ntk = seconds_now()
    values, vectors = numpy.linalg.eigh(matrix)
    has_eigenvectors = seconds_now()
    values = values.clip(0)
    kappa = (EXAMPLES - batch) / (batch * (EXAMPLES - 1))
    contraction = 2 * ETA * values - (1 - kappa) * ETA**2 * values**2  # the diagonal of I - A
    overlaps = (vectors**2).T @ vectors**2
    noise = kappa * EXAMPLES * ETA**2 * values[:, None] * overlaps * values
    used = contraction > 0
    growth = noise[used][:, used] / contraction[used][:, None]
    norm = abs(numpy.linalg.eigvals(growth)).max()
    end = seconds_now()
    return {
        "ntk": has_ntk - start,
        "eigenvectors": has_eigenvectors - has_ntk,
        "norm": end - has_eigenvectors,
        "total": end - start,
        "value": norm,
    }


def curvature(step):
    """The product v -> H v by double backward with the graph kept, and the seconds that the graph took."""
    theta, x, y = trial(step)
    theta = theta.clone().requires_grad_()
    start = seconds_now()
    loss = (outputs_of(unflatten(theta), x) - y).square().sum() / (2 * len(x))
    (gradient,) = torch.autograd.grad(loss, theta, create_graph=True)
    seconds = seconds_now() - start
    return lambda v: torch.autograd.grad(gradient, theta, v, retain_graph=True)[0], seconds


def lanczos(product, vector, steps, good_enough):
    """Full reorthogonalisation. The largest Ritz value, its vector, and the products that made good_enough(value)."""
    basis, images = [], []
    vector = vector / vector.norm()
    while True:
        basis.append(vector)
        images.append(product(vector))
        v, w = torch.stack(basis), torch.stack(images)
        projected = (v @ w.T).double()
        values, coefficients = torch.linalg.eigh((projected + projected.T) / 2)
        value = values[-1].item()
        if len(basis) == steps or good_enough(value):
            return value, coefficients[:, -1].float() @ v, len(basis)
        vector = images[-1]
        for _ in range(2):
            vector = vector - v.T @ (v @ vector)
        vector = vector / vector.norm()


def power_iteration(product, vector, steps, good_enough):
    for n in range(1, steps + 1):
        vector = vector / vector.norm()
        image = product(vector)
        value = (vector @ image).item()
        if good_enough(value):
            break
        vector = image
    return value, vector, n


def lambda_max():
    """Products and seconds to 1e-3 by double backward. Both ways stop at the very product that brings them within 1e-3
    of the converged value, as if told: no stopping rule can do better. Warm: from the converged vector after 74 steps."""
    torch.manual_seed(2)
    result = {}
    vector = None
    for name, step in (("cold_", 0), (None, 74), ("warm_", 115)):
        product, setup = curvature(step)
        start_vector = torch.randn(sum(p.numel() for p in parameters())) if vector is None or name is None else vector
        exact, converged, _ = lanczos(product, torch.randn_like(start_vector), 70, lambda value: False)
        if name is None:
            vector = converged
            continue
        for way, solve, limit in (("", lanczos, 70), ("power_", power_iteration, 400)):
            start = seconds_now()
            value, _, products = solve(product, start_vector, limit, lambda value: abs(value - exact) <= 1e-3 * exact)
            result[name + way + "seconds"] = setup + seconds_now() - start
            result[name + way + "products"] = products
        result[name + "value"] = exact
    return result


PEERS = {
    "training": training,
    "hessian_product": hessian_product,
    "ntk": ntk,
    "kernel_norm": kernel_norm,
    "lambda_max": lambda_max,
}
PROGRAM = None  # bench_w1, from the command line
HIGHER_IS_BETTER = {"training"}


def main():
    global PROGRAM
    arguments = parse(__doc__, PEERS)
    PROGRAM = arguments.program
    compare(arguments, PEERS, HIGHER_IS_BETTER, ["training"])


if __name__ == "__main__":
    main()
