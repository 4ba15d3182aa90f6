"""The experiment `quadratic`: every number against a second implementation, the discrete derivatives against theory, the
sign of the second one, resuming after SIGKILL, and bad input."""
import copy
import json
import os
import time

import h5py
import numpy as np

import quadratic_reference as reference
from harness import (Workspace, check, kill_everything, run, start, store_differences, wait_for_store, write_sweep)

SMALL = {
    "name": "quadratic-small",
    "experiment": {"name": "quadratic", "dataset": {"examples": 6, "parameters": 8, "seed": 3},
                   "curvature": {"name": "shaped", "variance": 0.25, "exponent": 1.5}, "residual_variance": 2.0,
                   "replicas": 8, "replicas_per_curvature": 4},
    "grid": [{"batch": [2, 6], "eta": [0.0625], "steps": 5}],
    "seeds": 1,
    "measure": {"loss": {}, "kernel_norm": {}, "eigenvalues": {"top": 3}, "derivatives": {"top": 3}},
}


def changed(sweep, **experiment):
    sweep = copy.deepcopy(sweep)
    sweep["experiment"].update(experiment)
    return sweep


def check_every_number(folder):
    """One step and several steps of whole trials against numpy with an explicit D x P x P tensor."""
    worst, numbers = 0, 0
    wide = {"examples": 8, "parameters": 5, "seed": 4}
    for index, sweep in enumerate((SMALL, changed(SMALL, sampler="epoch", antithetic=False),
                                   changed(SMALL, dataset=wide, curvature={"name": "flat", "variance": 0.125}))):
        store = os.path.join(folder, f"small{index}.h5")
        run("run", write_sweep(folder, sweep), "--store", store)
        with h5py.File(store, "r", locking=False) as file:
            experiment = json.loads(file.attrs["sweep_json"])["experiment"]
            for cell, batch in enumerate(file["batch"][()]):
                eta, steps = float(file["eta"][cell, 0]), 5
                key = reference.trial_key(experiment, int(batch), eta, steps, 0)
                paths = reference.trajectories(experiment, key, int(batch), eta, steps)
                for step in range(steps + 1):
                    check(file["step"][cell, 0, 0, step] == step, "not every step is recorded")
                    for name, expected in reference.record(experiment, paths, step, 3).items():
                        error = np.abs(file[name][cell, 0, 0, step] - expected).max()
                        check(error < 1e-12, f"{name} of B = {batch} at step {step} is off by {error}")
                        worst, numbers = max(worst, error), numbers + expected.size
    print(f"{numbers} numbers equal to the explicit model's to {worst:.1e}")


def check_derivatives(folder):
    examples = 26
    sweep = {
        "name": "quadratic-derivatives",
        "experiment": {"name": "quadratic", "dataset": {"examples": examples, "parameters": 32},
                       "curvature": {"name": "flat", "variance": 0.1}, "replicas": 4096, "replicas_per_curvature": 64},
        "grid": [{"batch": [2, 6, 24, examples], "eta": [0.08], "steps": 2}],
        "seeds": 4,
        "measure": {"derivatives": {"top": 3}},
    }
    store = os.path.join(folder, "derivatives.h5")
    run("run", write_sweep(folder, sweep), "--store", store, ranks=3)
    with h5py.File(store, "r", locking=False) as file:
        def over_seeds(name, step):
            mean, error = file[name][:, 0, :, step], file[name + "_sem"][:, 0, :, step]
            return mean.mean(1), np.sqrt((error**2).sum(1)) / mean.shape[1]

        batches = file["batch"][()]
        first, first_error = over_seeds("lambda_hat_d1", 1)
        second, second_error = over_seeds("sigma_hat_d2", 2)
        first_theory, second_theory, second_exact = (
            file[name][:, 0, 0, 0] for name in ("lambda_hat_d1_theory", "sigma_hat_d2_theory", "sigma_hat_d2_exact"))
    for b, batch in enumerate(batches):
        print(f"B = {batch:2}: first derivative / theory {np.round(first[b] / first_theory[b], 3)}, "
              f"error {np.round(first_error[b] / first_theory[b], 3)}; second {second[b]}, error {second_error[b]}, "
              f"theory {second_theory[b]}, exact {second_exact[b]}")
        check((np.abs(first[b] - first_theory[b]) < 3 * first_error[b]).all(), f"first derivative at B = {batch}")
        check((first_error[b] < 0.03 * first_theory[b]).all(), f"error of the first derivative at B = {batch}")
        check((np.abs(second[b] - second_exact[b]) < 3 * second_error[b]).all(), f"second derivative at B = {batch}")
        # The top mode's sign, by 3 standard errors wherever theory says that it is not close to 0.
        if batch != 6:
            check(second[b][0] * (-1 if batch == 2 else 1) > 3 * second_error[b][0],
                  f"sign of the second derivative at B = {batch}")


def check_resume(folder):
    sweep = changed(SMALL, dataset={"examples": 20, "parameters": 30}, replicas=64, replicas_per_curvature=16,
                    curvature={"name": "flat", "variance": 0.05})
    sweep["grid"] = [{"batch": [2, 20], "eta": [0.01, 0.02], "steps": 1500}]
    path = write_sweep(folder, sweep)
    whole, killed = os.path.join(folder, "whole.h5"), os.path.join(folder, "killed.h5")
    run("run", path, "--store", whole, ranks=3)
    process = start("run", path, "--store", killed, "--checkpoint-interval", "0.1", ranks=3)
    wait_for_store(process, killed)
    folder_of_checkpoints = killed + ".checkpoints"
    end = time.monotonic() + 60
    while not (os.path.isdir(folder_of_checkpoints) and os.listdir(folder_of_checkpoints)):
        check(process.poll() is None and time.monotonic() < end, "no checkpoint was written")
        time.sleep(0.01)
    time.sleep(0.2)
    kill_everything(process)
    process.stderr.close()
    with open(killed + ".events.jsonl") as events:
        check("finished" not in events.read(), "a trial was done before the kill")
    run("run", path, "--store", killed, "--resume", ranks=3)
    with open(killed + ".events.jsonl") as events:
        check("checkpointed" in events.read(), "no checkpoint was used")
    differences = store_differences(whole, killed)
    check(not differences, f"after SIGKILL and --resume: {differences}")
    print("killed and resumed: the same bits")


def check_refusals(folder):
    def refused(sweep, *says):
        done = run("run", write_sweep(folder, sweep), "--store", os.path.join(folder, "none.h5"), expect=2)
        lines = done.stderr.strip().splitlines()
        check(len(lines) == 1 and all(text in lines[0] for text in says), f"{says} not in one line: {done.stderr}")

    def measured(**measure):
        sweep = copy.deepcopy(SMALL)
        sweep["measure"] = measure
        return sweep

    refused(changed(SMALL, replicas=7), "experiment.replicas", "is 7", "even")
    refused(changed(SMALL, replicas_per_curvature=3), "experiment.replicas_per_curvature", "is 3", "even")
    refused(changed(SMALL, replicas=10), "experiment.replicas_per_curvature", "divide", "10")
    refused(changed(SMALL, dataset={"examples": 2000, "parameters": 2000}), "experiment.replicas", "GB")
    refused(changed(SMALL, curvature={"name": "flat", "variance": 1, "exponent": 2}), "experiment.curvature.exponent")
    refused(changed(SMALL, curvature={"name": "round", "variance": 1}), "experiment.curvature.name", "shaped")
    refused(changed(SMALL, curvature={"name": "shaped", "variance": 1}), "experiment.curvature.exponent")
    refused(changed(SMALL, residual_variance=0), "experiment.residual_variance")
    refused(changed(SMALL, model={"name": "mlp"}), "experiment.model")
    refused(measured(derivatives={"top": 7}), "measure.derivatives.top", "is 7", "at most 6")
    refused(measured(eigenvalues={"top": 9}), "measure.eigenvalues.top")
    refused(measured(eigenvalues={"replicas": 6}), "measure.eigenvalues.replicas", "is 6", "multiple")
    refused(measured(kernel_norm={"replicas": 12}), "measure.kernel_norm.replicas", "12")
    refused(measured(hessian={}), "measure.hessian")
    print("bad input refused")


with Workspace() as workspace:
    check_refusals(workspace)
    check_every_number(workspace)
    check_resume(workspace)
    check_derivatives(workspace)
