"""Sweeps of the experiment `linear` against SGD on the parameters themselves and against dense operators.

Kernels are made here, with numpy, and given to the program as a `file`; the equations are those of the parameters,
v <- mu v + g + rho theta, theta <- theta - eta v, with every batch listed or drawn.
"""

import itertools
import os
import tempfile
import unittest

import h5py
import numpy as np
import torch

import knorm_reference as reference
import philox
from harness import run, write_sweep

TARGETS, JACOBIAN = 19, 16  # RandomUse::linear_target, linear_jacobian


def targets(seed, examples):
    return np.array(philox.normals(seed, TARGETS, 0, examples))


def expected_losses(jacobian, y, eta, batch, momentum, l2, steps):
    """E ||z||^2 / 2D after 0 ... steps steps: the second moment of (theta, v, 1), averaged over all batches."""
    examples, parameters = jacobian.shape
    size = 2 * parameters + 1
    operator = np.zeros((size * size, size * size))
    batches = list(itertools.combinations(range(examples), batch))
    for chosen in batches:
        rows = jacobian[list(chosen)]
        hessian = rows.T @ rows / batch + l2 * np.eye(parameters)
        step = np.zeros((size, size))
        velocity = np.hstack([hessian, momentum * np.eye(parameters), -(rows.T @ y[list(chosen)] / batch)[:, None]])
        step[parameters:-1] = velocity
        step[:parameters] = -eta * velocity
        step[:parameters, :parameters] += np.eye(parameters)
        step[-1, -1] = 1
        operator += np.kron(step, step) / len(batches)
    residual = np.hstack([jacobian, np.zeros((examples, parameters)), -y[:, None]])
    state = np.zeros(size)
    state[-1] = 1
    moment = np.outer(state, state).ravel()
    losses = []
    for _ in range(steps + 1):
        losses.append(np.einsum("ia,ab,ib->", residual, moment.reshape(size, size), residual) / (2 * examples))
        moment = operator @ moment
    return np.array(losses), operator


def trained_losses(jacobian, y, eta, batch, momentum, l2, steps, runs, seed):
    """The losses of independent runs of torch.optim.SGD after `steps` steps, [runs]."""
    generator = torch.Generator().manual_seed(seed)
    inputs, labels = torch.tensor(jacobian), torch.tensor(y)
    theta = torch.zeros(runs, jacobian.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=eta, momentum=momentum, weight_decay=l2)
    for _ in range(steps):
        chosen = torch.rand(runs, len(y), generator=generator).argsort(1)[:, :batch]
        residuals = (inputs[chosen] * theta.unsqueeze(1)).sum(2) - labels[chosen]
        optimizer.zero_grad()
        (residuals.square().sum() / (2 * batch)).backward()  # runs do not share parameters: each gets its own gradient
        optimizer.step()
    return ((theta.detach() @ inputs.T - labels) ** 2).mean(1).div(2).numpy()


class Linear(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.rng = np.random.default_rng(7)

    def tearDown(self):
        self.folder.cleanup()

    def sweep(self, dataset, grid, momentum=0.0, l2=0.0, measure=None, replicas=50, sampler="iid", **root):
        sweep = {
            "name": "reference",
            "experiment": {"name": "linear", "dataset": dataset, "optimizer": {"momentum": momentum, "l2": l2},
                           "sampler": sampler, "replicas": replicas},
            "grid": grid,
            "measure": measure or {"expected_loss": {}, "loss": {}, "kernel_norm": {}, "stability": {}, "edges": {}},
            "divergence": {"loss_above": 1e200},
        } | root
        path = write_sweep(self.folder.name, sweep)
        store = os.path.join(self.folder.name, "s.h5")
        if os.path.exists(store):
            os.remove(store)
        run("run", path, "--store", store, "--data", self.folder.name)
        with h5py.File(store) as file:
            return {name: file[name][()] for name in file}

    def kernel_file(self, jacobian, name="jacobian"):
        path = os.path.join(self.folder.name, "k.h5")
        ntk = jacobian @ jacobian.T / len(jacobian)
        with h5py.File(path, "w") as file:
            file[name] = jacobian if name == "jacobian" else (ntk + ntk.T) / 2
        return {"name": "file", "path": "k.h5", "examples": len(jacobian), "seed": 3}

    def test_the_expected_loss_is_that_of_all_batches_of_the_parameters(self):
        jacobian = self.rng.standard_normal((6, 4))
        for momentum, l2, batch in itertools.product([0.0, 0.8], [0.0, 0.2], [1, 3]):
            with self.subTest(momentum=momentum, l2=l2, batch=batch):
                data = self.kernel_file(jacobian)
                etas = [0.05, 0.6]
                grid = [{"batch": [batch], "eta": etas, "steps": 12}]
                found = self.sweep(data, grid, momentum, l2, {"expected_loss": {}})
                for point, eta in enumerate(etas):
                    wanted, _ = expected_losses(jacobian, targets(3, 6), eta, batch, momentum, l2, 12)
                    np.testing.assert_allclose(found["expected_loss"][0, point, 0][:13], wanted, rtol=1e-10)

    def test_stability_agrees_with_dense_operators(self):
        jacobian = self.rng.standard_normal((8, 11))
        ntk = jacobian @ jacobian.T / 8
        data = self.kernel_file(jacobian, "ntk")
        grid = [{"batch": [1, 2, 5, 8], "eta": [0.02, 0.2, 0.5], "steps": 1}]
        found = self.sweep(data, grid)
        for row, batch in enumerate([1, 2, 5, 8]):
            def exact(eta):
                return reference.radius(reference.second_moment_operator(ntk, eta, batch))

            def diagonal(eta):
                return reference.radius(sum(reference.dense_a_and_n(ntk, eta, batch)))

            for point, eta in enumerate([0.02, 0.2, 0.5]):
                self.assertAlmostEqual(found["T_lambda_max"][row, point, 0, 0], exact(eta), 10)
                self.assertAlmostEqual(found["A_plus_N_lambda_max"][row, point, 0, 0], diagonal(eta), 10)
                wanted = reference.norms(ntk, eta, batch) | {"K_full": reference.k_full(ntk, eta, batch)}
                for name, value in wanted.items():
                    np.testing.assert_allclose(found[name][row, point, 0, 0], value, rtol=1e-9, err_msg=name)
            edge = 2 / np.linalg.eigvalsh(ntk)[-1]
            for name, function in (("T", exact), ("A_plus_N", diagonal)):
                value = found[f"eta_star_{name}"][row, 0, 0, 0]
                if batch == 8:
                    self.assertTrue(np.isnan(value))
                else:
                    self.assertAlmostEqual(value / reference.root(function, 1e-3 * edge, edge), 1, 8)

    def test_stability_with_momentum_and_l2_agrees_with_a_dense_operator_of_the_parameters(self):
        jacobian = self.rng.standard_normal((5, 5))
        data = self.kernel_file(jacobian)
        for momentum, l2 in [(0.9, 0.0), (0.5, 0.1)]:
            found = self.sweep(data, [{"batch": [2], "eta": [0.05, 0.9], "steps": 1}], momentum, l2)
            for point, eta in enumerate([0.05, 0.9]):
                _, operator = expected_losses(jacobian, targets(3, 5), eta, 2, momentum, l2, 0)
                size = 11
                linear = operator.reshape(4 * [size])[:-1, :-1, :-1, :-1].reshape(100, 100)
                np.testing.assert_allclose(found["T_lambda_max"][0, point, 0, 0], reference.radius(linear), rtol=1e-9)

    def test_simulated_runs_have_the_law_of_sgd_on_the_parameters(self):
        jacobian = self.rng.standard_normal((30, 40))
        data = self.kernel_file(jacobian)
        steps, runs = 25, 4000
        for momentum, l2, batch, eta in [(0.0, 0.0, 2, 0.06), (0.9, 0.0, 4, 0.01), (0.5, 0.1, 12, 0.15)]:
            with self.subTest(momentum=momentum, l2=l2, batch=batch):
                found = self.sweep(data, [{"batch": [batch], "eta": [eta], "steps": steps}], momentum, l2,
                                   {"expected_loss": {}, "loss": {}}, replicas=runs)
                wanted = trained_losses(jacobian, targets(3, 30), eta, batch, momentum, l2, steps, runs, 11)
                error = wanted.std(ddof=1) / np.sqrt(runs)
                mean, sem = found["train_loss"][0, 0, 0, steps], found["train_loss_sem"][0, 0, 0, steps]
                self.assertLess(abs(mean - wanted.mean()), 3 * np.hypot(error, sem))
                self.assertLess(abs(found["expected_loss"][0, 0, 0, steps] - wanted.mean()), 3 * error)
                self.assertLess(abs(sem / error - 1), 0.2)  # a variance has about 1/sqrt(runs) kurtosis of error

    def test_flat_data_is_drawn_by_counter(self):
        jacobian = np.array([philox.normals(5, JACOBIAN, row, 9) for row in range(7)])
        ntk = jacobian @ jacobian.T / 7
        data = {"name": "flat", "examples": 7, "parameters": 9, "seed": 5}
        found = self.sweep(data, [{"batch": [1], "eta": [0.01], "steps": 1}])
        np.testing.assert_allclose(found["ntk_lambda_max"][0, 0, 0, 0], np.linalg.eigvalsh(ntk)[-1], rtol=1e-12)
        np.testing.assert_allclose(found["ntk_trace"][0, 0, 0, 0], np.trace(ntk), rtol=1e-12)
        np.testing.assert_allclose(found["expected_loss"][0, 0, 0, 0], (targets(5, 7) ** 2).mean() / 2, rtol=1e-12)

    def test_kernel_files_that_do_not_fit_are_refused_in_one_line(self):
        def refused(dataset, **optimizer):
            path = write_sweep(self.folder.name, {
                "name": "bad", "experiment": {"name": "linear", "dataset": dataset, "optimizer": optimizer},
                "grid": [{"batch": [1], "eta": [0.1], "steps": 1}], "measure": {"expected_loss": {}}})
            store = os.path.join(self.folder.name, "bad.h5")
            done = run("run", path, "--store", store, "--data", self.folder.name, expect=2)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            self.assertFalse(os.path.exists(store))
            return done.stderr

        data = self.kernel_file(self.rng.standard_normal((4, 3)))
        self.assertIn("has 4 rows; experiment.dataset.examples is 5", refused(data | {"examples": 5}))
        self.assertIn("none.h5", refused(data | {"path": "none.h5"}))
        with h5py.File(os.path.join(self.folder.name, "k.h5"), "w") as file:
            file["ntk"] = np.diag([1.0, -1.0, 1.0, 1.0])
        self.assertIn("eigenvalue -1", refused(data))
        self.assertIn("experiment.dataset.name", refused(data | {"name": "sharp"}))
        self.assertIn("experiment.dataset.exponent", refused({"name": "dispersed", "examples": 4, "exponent": -1}))
        self.assertIn("experiment.optimizer.momentum", refused(data, momentum=1))


if __name__ == "__main__":
    unittest.main()
