"""`edgesweep knorm` against the dense reference, and the reference against the second moments it stands for."""

import itertools
import json
import os
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

import knorm_reference as reference

KEYS = ["K", "K_block", "K_hd", "K_tr", "ntk_lambda_max", "ntk_trace"]


class Knorm(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "matrix.h5")
        self.rng = np.random.default_rng(2024)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, matrix, outputs=None):
        with h5py.File(self.path, "w") as file:
            dataset = file.create_dataset(name, data=matrix)
            if outputs is not None:
                dataset.attrs["outputs"] = outputs

    def call(self, *options):
        command = [os.environ["EDGESWEEP"], "knorm", self.path, *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True)

    def measure(self, eta, batch, *options):
        done = self.call("--eta", repr(float(eta)), "--batch", batch, "--json", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {key: np.inf if value == "inf" else value for key, value in json.loads(done.stdout).items()}

    def compare(self, found, wanted):
        for key in KEYS:
            if np.isinf(wanted[key]):
                self.assertEqual(found[key], np.inf, key)
            else:
                self.assertLessEqual(abs(found[key] - wanted[key]), 1e-9 * abs(wanted[key]), key)

    def refused(self, *options, batch=1):
        done = self.call("--eta", 0.1, "--batch", batch, *options)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        return done.stderr

    def test_agrees_with_the_dense_reference(self):
        kinds = ["flat", "dispersed", "localised"]
        for kind, (examples, outputs), (momentum, l2) in itertools.product(
            kinds, [(300, 1), (100, 3)], [(0.0, 0.0), (0.9, 0.0), (0.5, 0.03)]
        ):
            with self.subTest(kind=kind, examples=examples, outputs=outputs, momentum=momentum, l2=l2):
                jacobian = reference.random_jacobian(self.rng, examples, outputs, 400, kind)
                ntk = jacobian @ jacobian.T / examples
                ntk = (ntk + ntk.T) / 2
                eta = self.rng.uniform(0.05, 0.9) * 2 * (1 + momentum) / (np.linalg.eigvalsh(ntk)[-1] + l2)
                batch = int(self.rng.integers(1, examples))
                wanted = reference.norms(ntk, eta, batch, momentum, l2, outputs)
                options = ["--momentum", momentum, "--l2", l2]
                self.write("ntk", ntk, outputs)
                self.compare(self.measure(eta, batch, *options), wanted)
                self.write("jacobian", jacobian, outputs)
                self.compare(self.measure(eta, batch, *options), wanted)

    def test_a_jacobian_with_fewer_parameters_than_rows(self):
        jacobian = reference.random_jacobian(self.rng, 60, 1, 25)
        ntk = jacobian @ jacobian.T / 60
        self.write("jacobian", jacobian)
        self.compare(self.measure(0.1, 4), reference.norms(ntk, 0.1, 4))

    def test_full_norm_agrees_with_stationary_second_moments(self):
        for kind, (examples, outputs, parameters), (momentum, l2) in itertools.product(
            ["flat", "localised"], [(40, 1, 60), (14, 3, 60), (14, 3, 25)], [(0.0, 0.0), (0.9, 0.0), (0.5, 0.03)]
        ):
            with self.subTest(kind=kind, examples=examples, parameters=parameters, momentum=momentum, l2=l2):
                jacobian = reference.random_jacobian(self.rng, examples, outputs, parameters, kind)
                ntk = jacobian @ jacobian.T / examples
                ntk = (ntk + ntk.T) / 2
                eta = self.rng.uniform(0.01, 0.9) * 2 * (1 + momentum) / (np.linalg.eigvalsh(ntk)[-1] + l2)
                batch = int(self.rng.integers(1, examples))
                self.write("ntk", ntk, outputs)
                found = self.measure(eta, batch, "--momentum", momentum, "--l2", l2, "--full")
                wanted = reference.k_full(ntk, eta, batch, momentum, l2, outputs)
                self.assertLessEqual(abs(found["K_full"] - wanted), 1e-9 * wanted)
                self.assertGreaterEqual(found["K_full"], found["K"] * (1 - 1e-11))

    def test_one_is_where_the_second_moments_stop_converging(self):
        for kind, outputs, batch in itertools.product(["flat", "localised"], [1, 2], [1, 3]):
            with self.subTest(kind=kind, outputs=outputs, batch=batch):
                jacobian = reference.random_jacobian(self.rng, 10, outputs, 40, kind)
                ntk = jacobian @ jacobian.T / 10
                ntk = (ntk + ntk.T) / 2
                edge = 2 / np.linalg.eigvalsh(ntk)[-1]

                def diagonal(eta):
                    return reference.radius(sum(reference.dense_a_and_n(ntk, eta, batch, outputs)))

                self.write("ntk", ntk, outputs)
                self.assertAlmostEqual(self.measure(reference.root(diagonal, 1e-6 * edge, edge), batch)["K"], 1, 9)

    def test_full_one_is_where_all_second_moments_stop_converging(self):
        for kind, outputs, momentum, l2 in itertools.product(["flat", "localised"], [1, 2], [0.0, 0.9], [0.0, 0.1]):
            with self.subTest(kind=kind, outputs=outputs, momentum=momentum, l2=l2):
                examples = 8 // outputs
                jacobian = reference.random_jacobian(self.rng, examples, outputs, 40, kind)
                ntk = jacobian @ jacobian.T / examples
                ntk = (ntk + ntk.T) / 2
                edge = 2 * (1 + momentum) / (np.linalg.eigvalsh(ntk)[-1] + l2)
                batch = int(self.rng.integers(1, examples))

                def full(eta):
                    return reference.k_full(ntk, eta, batch, momentum, l2, outputs)

                eta = reference.root(full, 1e-6 * edge, edge)
                moments = reference.second_moment_operator(ntk, eta, batch, momentum, l2, outputs)
                self.assertAlmostEqual(reference.radius(moments), 1, 9)
                self.write("ntk", ntk, outputs)
                found = self.measure(eta, batch, "--momentum", momentum, "--l2", l2, "--full")
                self.assertAlmostEqual(found["K_full"], 1, 9)
                self.assertLess(found["K"], 1)  # the restriction to the diagonal sees less noise

    def test_full_batch_and_beyond_the_edge(self):
        self.write("ntk", np.diag([1.0, 2.0, 0.5]))
        self.assertEqual(self.measure(0.9, 3)["K"], 0)
        self.assertEqual(self.measure(1.1, 3)["K"], np.inf)
        self.assertEqual(self.measure(1.1, 1, "--full")["K_full"], np.inf)
        self.assertEqual(self.measure(0.9, 3, "--full")["K_full"], 0)
        self.assertNotIn("K_full", self.measure(0.9, 1))

    def test_matrices_that_are_no_ntk_are_refused_in_one_line(self):
        good = np.array([[1.0, 0.5], [0.5, 1.0]])
        self.write("ntk", good + [[0, 1e-3], [0, 0]])
        self.assertIn("symmetric", self.refused())
        self.write("ntk", good * [[1, np.nan], [1, 1]])
        self.assertIn("[0, 1] is nan", self.refused())
        self.write("ntk", np.array([[1.0, 2.0], [2.0, 1.0]]))
        self.assertIn("eigenvalue", self.refused())
        self.write("jacobian", np.array([[1.0, np.inf], [0.0, 1.0]]))
        self.assertIn("finite", self.refused())

    def test_options_out_of_range_are_refused_in_one_line(self):
        self.write("ntk", np.eye(4), 2)
        self.assertIn("--batch", self.refused(batch=3))
        self.assertIn("--momentum", self.refused("--momentum", 1))
        self.assertIn("--l2", self.refused("--l2=-1"))


if __name__ == "__main__":
    unittest.main()
