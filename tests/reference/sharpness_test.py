"""Curvatures along a trial, recomputed in PyTorch in float64 from the parameters that the sweep has kept at every record: batch
and mini-batch sharpness, gradient-noise interaction, Gauss-Newton matrix, traces, kernels, distances and spectral density.
Expectations over mini-batches are exact here, as means over all of them. What is compared to rounding has a relative tolerance;
what is an average over random draws in the program is compared within four standard errors of it."""
import itertools
import os

import h5py
import numpy as np
import torch
from harness import Workspace, check, run, write_sweep
from models_test import SMALL, TRAIN, Cnn2, ResNet, examples, largest_eigenvalue, loss_of, write_cifar
from torch import nn
from torch.nn import functional as F

D, ETA, MOMENTUM = 6, 0.02, 0.5
BATCHES = (3, D)
STEPS, RECORDS = 3, 2
check(D <= TRAIN, "more examples than the file has")


class Mlp(nn.Module):
    def __init__(self, sizes, act):
        super().__init__()
        self.layers, self.act = nn.ModuleList([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]), act

    def forward(self, x):
        x = x.flatten(1)
        for k, layer in enumerate(self.layers):
            x = layer(x if k == 0 else self.act(x))
        return x


TARGETS = [1, -1, 0.5, -2, 1.5, -0.7]
UNIT = {"name": "unit_vectors", "targets": TARGETS, "size": D}
CIFAR = {"name": "cifar10", "train": D, "test": 0}
# Name, data set, model of the sweep file, the same here, loss.
CASES = [
    ("dense", UNIT, {"name": "mlp", "hidden": [5, 4], "activation": "tanh", "init_scale": 1.5}, lambda: Mlp([D, 5, 4, 1], torch.tanh), "mse"),
    ("mlp", CIFAR, {"name": "mlp", "hidden": [9, 8], "activation": "gelu"}, lambda: Mlp([3072, 9, 8, 10], F.gelu), "cross_entropy"),
    ("cnn", CIFAR, {"name": "cnn", "activation": "tanh", "pool": "average"}, Cnn2, "mse"),
    ("resnet", CIFAR, {"name": "resnet", "depth": 8, "norm": "layer", "activation": "tanh"},
     lambda: ResNet(SMALL, 1, ("layer",), torch.tanh, "pad"), "mse_sum"),
]
WIDE = {"precision": "float64"}
MEASURED = {
    "batch_sharpness": {"draws": 400, "tolerance": 0, **WIDE},
    "minibatch_sharpness": {"draws": 40, "tolerance": 0, "eigenvalue_tolerance": 1e-5, "max_matvecs": 200, **WIDE},
    "gni": {"draws": 200, "tolerance": 0, **WIDE},
    "hessian": {"tolerance": 1e-7, "max_matvecs": 400, "trace_probes": 60, **WIDE},
    "hessian_density": {"steps": 12, "probes": 8, **WIDE},
    "gauss_newton": {"tolerance": 1e-7, "max_matvecs": 400, "trace_probes": 60, **WIDE},
    "kernel_trace": WIDE,
    "distance": {},
}


class Curvature:
    """Gradient and Hessian of the mean loss of some examples at the parameters of `net`."""

    def __init__(self, net, loss, x, y):
        self.parameters = list(net.parameters())
        self.value = loss_of(loss, net(x), y)
        self.g = self.flat(torch.autograd.grad(self.value, self.parameters, create_graph=True))

    @staticmethod
    def flat(parts):
        return torch.cat([t.flatten() for t in parts])

    def times(self, v):
        return self.flat(torch.autograd.grad(self.g, self.parameters, v, retain_graph=True))

    def gradient(self):
        return self.g.detach()

    def lambda_max(self):
        return largest_eigenvalue(self.value, self.parameters)


class Values:
    """One record of the store."""

    def __init__(self, file, batch_index, record):
        self.file, self.at = file, (batch_index, 0, 0, record)

    def __contains__(self, name):
        return name in self.file

    def __getitem__(self, name):
        value = self.file[name][self.at]
        return float(value) if np.ndim(value) == 0 else np.asarray(value)


worst = {}


def exact(case, name, mine, theirs, tolerance):
    error = abs(mine - theirs) / max(abs(mine), 1e-300)
    check(error <= tolerance, f"{case}, {name}: recomputed {mine:.12g}, stored {theirs:.12g}, relative difference {error:.2g}")
    worst[name] = max(worst.get(name, 0), error)


def sampled(case, name, mine, theirs, standard_error, most=np.inf):
    """`most`: how large the standard error may be beside the value, so that the comparison says something."""
    check(abs(mine - theirs) <= 4 * standard_error,
          f"{case}, {name}: recomputed {mine:.8g}, stored {theirs:.8g}, four standard errors are {4 * standard_error:.2g}")
    check(standard_error < most * abs(mine), f"{case}, {name}: a standard error of {standard_error:.2g} beside {mine:.2g}")
    deviations.append(abs(mine - theirs) / standard_error)


deviations = []


def mean_over_batches(net, loss, x, y, batch):
    """Means over all batches of what the three expectations have of each, with their standard deviations."""
    whole = Curvature(net, loss, x, y)
    full = whole.gradient()
    rows = []
    for chosen in itertools.combinations(range(D), batch):
        part = Curvature(net, loss, x[list(chosen)], y[list(chosen)])
        g = part.gradient()
        own, of_all = (g @ part.times(g)).item(), (g @ whole.times(g)).item()
        square = (g @ g).item()
        rows.append((own / square, part.lambda_max(), of_all / (full @ full).item(), of_all / square, own, square))
    table = np.array(rows)
    return table.mean(0), table.std(0)


def check_batches(case, net, loss, x, y, batch, stored):
    mean, deviation = mean_over_batches(net, loss, x, y, batch)
    names = ("batch_sharpness", "minibatch_sharpness", "gni", "step_sharpness")
    for k, name in enumerate(names):
        if name not in stored:
            continue
        if batch == D:
            exact(case, name, mean[k], stored[name], 1e-6)
            check(stored[name + "_sem"] == 0, f"{case}, {name}: at full batch it has an error")
            continue
        draws = stored[("gni" if name == "step_sharpness" else name) + "_count"]
        sampled(case, name, mean[k], stored[name], deviation[k] / np.sqrt(draws), most=0.5)
        error = stored[name + "_sem"] * np.sqrt(draws)  # a sample's deviation, of 40 draws at least
        check(0.6 * deviation[k] < error < 1.5 * deviation[k], f"{case}, {name}_sem: {error:.3g} of a draw, exactly {deviation[k]:.3g}")
    if batch == D:
        exact(case, "batch_sharpness_ratio", mean[4] / mean[5], stored["batch_sharpness_ratio"], 1e-8)


def jacobian(net, x):
    f = net(x)
    rows = [Curvature.flat(torch.autograd.grad(value, list(net.parameters()), retain_graph=True)) for value in f.flatten()]
    return f.detach(), torch.stack(rows).view(len(x), f.shape[1], -1)


def output_roots(loss, f):
    """A root of the curvature of every example's loss, by a symmetric eigensolver."""
    eye = torch.eye(f.shape[1], dtype=torch.float64).expand(len(f), -1, -1)
    if loss != "cross_entropy":
        return eye * (1 if loss == "mse" else 2) ** 0.5
    p = torch.softmax(f, 1)
    values, vectors = torch.linalg.eigh(torch.diag_embed(p) - p[:, :, None] * p[:, None, :])
    return vectors @ torch.diag_embed(values.clamp(min=0).sqrt()) @ vectors.mT


def kernel_values(net, loss, x, batch):
    """What kernel_trace and gauss_newton have, from a dense Jacobian; and the standard error of a probe of G's trace."""
    f, j = jacobian(net, x)
    curved = output_roots(loss, f) @ j
    blocks = curved @ curved.mT
    rows = curved.flatten(0, 1)
    kernel = rows @ rows.T / D
    trace = kernel.trace().item()
    noise = (D - batch) / (batch * (D - 1)) * ETA / (2 * (1 - MOMENTUM))
    diagonal = rows.square().sum(0) / D
    return {
        "ntk_trace": j.square().sum().item() / D,
        "gn_trace": trace,
        "K_gn" if loss == "cross_entropy" else "K_tr": noise * trace / (1 if loss == "cross_entropy" else f.shape[1]),
        "K_block": noise * blocks.square().sum().item() / (D * trace),
        "gn_lambda_max": torch.linalg.eigvalsh(kernel).max().item(),
    }, (2 * (kernel.square().sum() - diagonal.square().sum()).item()) ** 0.5


def check_kernels(case, net, loss, x, batch, stored):
    values, of_probe = kernel_values(net, loss, x, batch)
    for name, value in values.items():
        if value == 0:
            check(stored[name] == 0, f"{case}, {name}: {stored[name]} at full batch")
        else:
            exact(case, name, value, stored[name], 1e-6 if name == "gn_lambda_max" else 1e-9)
    sampled(case, "gn_trace_estimate", values["gn_trace"], stored["gn_trace_estimate"],
            of_probe / np.sqrt(MEASURED["gauss_newton"]["trace_probes"]))
    return values


def check_spectrum(case, net, loss, x, y, stored):
    whole = Curvature(net, loss, x, y)
    size = len(whole.g)
    top = whole.lambda_max()
    exact(case, "hessian_lambda_max", top, stored["hessian_lambda_max"], 1e-6)
    nodes, weights = stored["hessian_density_nodes"], stored["hessian_density_weights"]
    exact(case, "hessian_density_weights", 1.0, weights.sum(), 1e-12)
    check(nodes.max() <= top * (1 + 1e-9), f"{case}: a node of {nodes.max()} above the largest eigenvalue, {top}")
    # Of a network of a few parameters all is known; of others as many draws as in the program, or more, from other numbers.
    if size < 100:
        h = torch.stack([whole.times(v) for v in torch.eye(size, dtype=torch.float64)])
        trace, square = h.trace().item(), h.square().sum().item()
        by_signs = (2 * (square - h.diagonal().square().sum().item())) ** 0.5
        by_sphere = (2 * (size * square - trace**2) / (size + 2)) ** 0.5
        own_error = 0
        probes, steps = MEASURED["hessian_density"]["probes"], MEASURED["hessian_density"]["steps"]
        of_probes = [(p * w * len(n)).sum() for n, w in zip(nodes.reshape(probes, steps), weights.reshape(probes, steps))
                     for p in [n**2 * probes / len(n)]]
        sampled(case, "hessian_density, second moment", square / size, np.mean(of_probes), np.std(of_probes, ddof=1) / np.sqrt(probes))
        if size <= steps:
            exact(case, "hessian_density_nodes", torch.linalg.eigvalsh(h).min().item(), nodes.min(), 1e-8)
    else:
        torch.manual_seed(11)
        draws = 60
        signs = [torch.randint(0, 2, (size,)).double() * 2 - 1 for _ in range(draws)]
        estimates = np.array([(u @ whole.times(u)).item() for u in signs])
        trace, by_signs = estimates.mean(), estimates.std(ddof=1)
        own_error, by_sphere = by_signs / np.sqrt(draws), by_signs
    both = lambda of_draw, count: np.hypot(of_draw / np.sqrt(count), own_error)
    sampled(case, "hessian_trace", trace, stored["hessian_trace"], both(by_signs, MEASURED["hessian"]["trace_probes"]))
    sampled(case, "hessian_density_trace", trace, stored["hessian_density_trace"],
            both(by_sphere, MEASURED["hessian_density"]["probes"]))
    exact(case, "hessian_density_trace of its nodes", size * (nodes * weights).sum(), stored["hessian_density_trace"], 1e-9)


def mode_gain(lam, kappa):
    gain = (1 + MOMENTUM) / (1 - MOMENTUM) * ETA * lam / (2 * (1 + MOMENTUM) - ETA * lam)
    return gain / (1 + kappa * gain)


def check_part(case, net, loss, x, batch, stored, count):
    """kernel_norm of the first `count` examples: kappa of all D, means over these."""
    f, j = jacobian(net, x[:count])
    rows = j.flatten(0, 1).numpy() * (1 if loss == "mse" else 2) ** 0.5
    lam, v = np.linalg.eigh(rows @ rows.T / count)
    kappa = (D - batch) / (batch * (D - 1))
    keep = lam > len(lam) * np.finfo(float).eps * lam.max()
    lam, v = lam[keep], v[:, keep]
    per_example = v.reshape(count, f.shape[1], -1)
    overlaps = (np.einsum("ica,icb->iab", per_example, per_example) ** 2).sum(0)
    K = kappa * count * np.abs(np.linalg.eigvals(overlaps * mode_gain(lam, kappa))).max()
    if kappa == 0:
        check(stored["K"] == 0, f"{case}: K of a part is {stored['K']} at full batch")
    else:
        exact(case, "K of a part", K, stored["K"], 1e-7)
    exact(case, "ntk_trace of a part", j.square().sum().item() / count, stored["ntk_trace"], 1e-9)


def sweep_of(case, dataset, model, loss, measured):
    return {"name": case, "experiment": {"dataset": dataset, "model": model, "loss": loss, "optimizer": {"momentum": MOMENTUM}},
            "grid": [{"batch": list(BATCHES), "eta": [ETA], "steps": STEPS}],
            "records": {"count": RECORDS, "spacing": "linear"}, "keep_parameters": "all", "measure": {"loss": {}, **measured}}


def trial(folder, sweep):
    path = os.path.join(folder, sweep["name"] + ".h5")
    run("run", write_sweep(folder, sweep), "--store", path, "--data", folder)
    return path


def load(net, store, batch, record):
    kept = torch.jit.load(os.path.join(store + ".parameters", f"b{batch}-p0-s0-r{record}.pt")).state_dict()
    net.load_state_dict({name: value.double() for name, value in kept.items()})
    return Curvature.flat(list(net.parameters())).detach()


def compare(case, dataset, model, network, loss, folder):
    global ETA
    net = network().double()
    if dataset is UNIT:
        x, y = torch.eye(D, dtype=torch.float64), torch.tensor(TARGETS, dtype=torch.float32).double()[:, None]
    else:
        x, y = (t[:D] for t in examples(folder, "data_batch_1.bin"))
    given_eta = ETA
    ETA = given_eta if case != "resnet" else given_eta / 20  # its curvature is larger: K of a part is to be finite
    # Eigenvalues of forty mini-batches of a residual network alone would take minutes.
    whole_set = {name: given for name, given in MEASURED.items() if case != "resnet" or name != "minibatch_sharpness"}
    store = trial(folder, sweep_of(case, dataset, model, loss, whole_set))
    measured = {"kernel_trace": {"method": "signs", "draws": 40, **WIDE}}
    signs = trial(folder, sweep_of(case + "-signs", dataset, model, loss, measured))
    part = None if loss == "cross_entropy" else trial(folder, sweep_of(case + "-part", dataset, model, loss, {"kernel_norm": {"examples": 4}}))
    with h5py.File(store) as file, h5py.File(signs) as signs_file:
        for b, batch in enumerate(BATCHES):
            check(file["records"][b, 0, 0] == RECORDS, f"{case}: {file['records'][b, 0, 0]} records of B = {batch}")
            first = load(net, store, batch, 0)
            for record in range(RECORDS):
                theta, stored = load(net, store, batch, record), Values(file, b, record)
                whole = Curvature(net, loss, x, y)
                exact(case, "train_loss", whole.value.item(), stored["train_loss"], 1e-9)
                exact(case, "grad_norm", whole.gradient().norm().item(), stored["grad_norm"], 1e-4)  # it is in float32
                exact(case, "param_norm", theta.norm().item(), stored["param_norm"], 1e-12)
                exact(case, "param_distance", (theta - first).norm().item() or 1e-300, stored["param_distance"] or 1e-300, 1e-5)
                if record != RECORDS - 1:
                    continue
                check_batches(case, net, loss, x, y, batch, stored)
                values = check_kernels(case, net, loss, x, batch, stored)
                check_spectrum(case, net, loss, x, y, stored)
                by_signs = Values(signs_file, b, record)
                for name in ("ntk_trace", "gn_trace", "K_block"):
                    if by_signs[name + "_sem"] > 1e-9 * values[name]:
                        sampled(case, name + " by signs", values[name], by_signs[name], by_signs[name + "_sem"], most=0.2)
                    else:  # one output, or K at full batch
                        check(abs(by_signs[name] - values[name]) <= 1e-9 * values[name], f"{case}, {name} by signs: {by_signs[name]}")
                if part:
                    with h5py.File(part) as part_file:
                        check_part(case, net, loss, x, batch, Values(part_file, b, record), 4)
    ETA = given_eta
    print(f"{case}: done", flush=True)


if __name__ == "__main__":
    with Workspace() as folder:
        write_cifar(folder)
        for case in CASES:
            compare(*case, folder)
    print("largest relative differences:", {name: f"{value:.1e}" for name, value in worst.items()})
    print(f"{len(deviations)} averages over draws, root mean square of their deviations {np.sqrt(np.mean(np.square(deviations))):.2f} standard errors")
