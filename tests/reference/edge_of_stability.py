"""What the edge-of-stability papers saw, on 1000 digits and a small tanh network (Cohen et al. 2021; Andreyev & Beneventano 2024):
full-batch gradient descent sharpens until the largest Hessian eigenvalue is 2/η and stays there; after a drop of the learning rate at the
new 2/η; with momentum at 2(1+μ)/η. The gradient flow sharpens beyond. SGD settles the lower the smaller its batches are, while the
sharpness of its batches is never below that of the full set."""
import copy
import os

import h5py
import numpy as np
from harness import Workspace, check, run, write_sweep

SWEEP = {
    "name": "edge",
    "experiment": {
        "dataset": {"name": "mnist", "train": 1000, "test": 20, "target": "parity", "preprocess": "standardize"},
        "model": {"name": "mlp", "hidden": [40, 40], "activation": "tanh", "init_scale": 0.5},
        "loss": "mse",
    },
    "grid": [{"batch": [1000], "eta": [0.1, 0.15, 0.3], "steps": 900}],
    "records": {"count": 31, "spacing": "linear"},
    "measure": {"loss": {}, "hessian": {"tolerance": 1e-3}},
}


def trajectories(name, experiment={}, **changes):
    """(B, η) → column → values of the records, of a sweep run here."""
    sweep = copy.deepcopy(SWEEP)
    sweep["experiment"].update(experiment)
    sweep.update(changes)
    run("run", write_sweep(".", sweep, f"{name}.json"), "--store", f"{name}.h5", ranks=3)
    found = {}
    with h5py.File(f"{name}.h5") as store:
        for b, batch in enumerate(store["batch"][()]):
            for p, eta in enumerate(store["eta"][b]):
                if np.isfinite(eta):
                    found[int(batch), float(eta)] = {c: store[c][b, p, 0] for c in store if store[c].ndim == 4}
    return found


def settles(what, values, edge):
    """Within 10 % of the edge over the last third, after it was well below."""
    last = values[-(len(values) // 3):] / edge
    print(f"{what}: from {values[0] / edge:.2f} of the edge to {last.min():.3f} … {last.max():.3f} in the last third")
    check(values[0] < 0.7 * edge, f"{what}: starts at {values[0]}")
    check(np.all(np.abs(last - 1) < 0.1), f"{what}: {last} of the edge")


with Workspace() as folder:
    os.chdir(folder)
    for (_, eta), columns in trajectories("descent").items():
        settles(f"gradient descent, η = {eta}", columns["hessian_lambda_max"], 2 / eta)
        check(columns["train_loss"][-1] < 0.1 * columns["train_loss"][0], f"η = {eta}: it does not learn")

    drop, = trajectories("drop", {"schedule": {"name": "step", "at": [100], "factor": 0.5}},
                         grid=[{"batch": [1000], "eta": [0.3], "steps": 900}]).values()
    check(drop["hessian_lambda_max"][drop["step"] <= 100][-1] < 1.3 * 2 / 0.3, f"before the drop: {drop['hessian_lambda_max']}")
    settles("after the drop to η = 0.15", drop["hessian_lambda_max"], 2 / 0.15)

    momentum, = trajectories("momentum", {"optimizer": {"momentum": 0.5}}, grid=[{"batch": [1000], "eta": [0.25], "steps": 900}]).values()
    settles("momentum 0.5, η = 0.25", momentum["hessian_lambda_max"], 2 * 1.5 / 0.25)

    flow, = trajectories("flow", {"optimizer": {"name": "gradient_flow"}}, grid=[{"batch": [1000], "eta": [0.3], "steps": 150}],
                         records={"count": 16, "spacing": "linear"}).values()
    check(np.nanmax(flow["hessian_lambda_max"]) > 1.5 * 2 / 0.3, f"gradient flow sharpens to {np.nanmax(flow['hessian_lambda_max'])} only")
    check(np.all(np.diff(flow["train_loss"]) < 0), "the loss falls all along the gradient flow")

    sgd = trajectories("sgd", grid=[{"batch": [4, 16, 64], "eta": [0.1], "steps": 2000}], records={"count": 17, "spacing": "linear"},
                       measure={"loss": {}, "hessian": {"tolerance": 1e-3}, "minibatch_sharpness": {"draws": 12}})
    settled = {batch: np.mean(columns["hessian_lambda_max"][-5:]) for (batch, _), columns in sgd.items()}
    print("SGD settles at, of 2/η: " + ", ".join(f"B = {batch}: {value / 20:.2f}" for batch, value in settled.items()))
    check(settled[4] < 0.8 * settled[16] and settled[16] < 0.8 * settled[64] and settled[64] < 20, f"{settled}")
    for (batch, _), columns in sgd.items():
        low = columns["minibatch_sharpness"] + 4 * columns["minibatch_sharpness_sem"] < columns["hessian_lambda_max"]
        check(not low.any(), f"B = {batch}: mini-batches less sharp than the full set")
print("the edge of stability is where it should be")
