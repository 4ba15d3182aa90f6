"""The quadratic model by its definition, from a sweep's store alone: the random numbers drawn again, an explicit D x P x P
tensor Q, and z and J of every replica stepped as docs/theory.md writes them. Slow on purpose."""
import hashlib
import json
import math

import numpy as np

EPOCH_ORDER, IID_BATCH = 2, 3
JACOBIAN, BATCHES, RESIDUALS, CURVATURE = 32, 33, 34, 35


class RandomStream:
    """Philox4x32-10 (Salmon et al. 2011) as workers/data/philox.hpp numbers it."""

    def __init__(self, key, use, index=0):
        self.key = (key & 0xFFFFFFFF, key >> 32)
        self.counter = [0, use, index & 0xFFFFFFFF, index >> 32]
        self.block, self.spare = [], None

    def next_u32(self):
        if not self.block:
            c, k = list(self.counter), list(self.key)
            for _ in range(10):
                a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
                k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
            self.block = c
            self.counter[0] += 1
        return self.block.pop(0)

    def next_u64(self):
        low = self.next_u32()
        return low | self.next_u32() << 32

    def below(self, n):
        product = self.next_u32() * n
        if product & 0xFFFFFFFF < n:
            while product & 0xFFFFFFFF < (2**32 - n) % n:
                product = self.next_u32() * n
        return product >> 32

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius = math.sqrt(-2 * math.log(((self.next_u64() >> 12) + 0.5) * 2.0**-52))
        angle = 2 * math.pi * (((self.next_u64() >> 12) + 0.5) * 2.0**-52)
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def normals(self, count):
        return np.array([self.normal() for _ in range(count)])


def trial_key(experiment, batch, eta, steps, seed):
    identity = {"schema": "edgesweep-trial-1", "experiment": experiment, "batch": batch, "eta": eta, "steps": steps,
                "seed": seed}
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16)


def batch_of(key, sampler, examples, size, step):
    order = list(range(examples))
    if sampler == "iid":
        stream = RandomStream(key, IID_BATCH, step)
        for i in range(size):
            j = i + stream.below(examples - i)
            order[i], order[j] = order[j], order[i]
        return order[:size]
    per_epoch = examples // size
    stream = RandomStream(key, EPOCH_ORDER, step // per_epoch)
    for last in range(examples, 1, -1):
        j = stream.below(last)
        order[last - 1], order[j] = order[j], order[last - 1]
    first = step % per_epoch * size
    return order[first:first + size]


def initial(experiment):
    """J_0 [D, P] and its singular triples W [D, modes], sigma [modes], V^T [modes, P]."""
    data = experiment["dataset"]
    d, p = data["examples"], data["parameters"]
    jacobian = RandomStream(data["seed"], JACOBIAN).normals(d * p).reshape(d, p)
    w, sigma, vt = np.linalg.svd(jacobian, full_matrices=False)
    sign = np.sign(w[np.abs(w).argmax(0), np.arange(w.shape[1])])
    return jacobian, w * sign, sigma, vt * sign[:, None]


def variances(experiment, sigma):
    curvature = experiment["curvature"]
    return curvature["variance"] * (sigma / sigma[0]) ** curvature.get("exponent", 0)


def trajectories(experiment, key, batch, eta, steps):
    """(z, J) of each step from 0 to `steps`: lists over replicas of arrays [steps + 1, D] and [steps + 1, D, P]."""
    jacobian, w, sigma, _ = initial(experiment)
    d, p = jacobian.shape
    spread = np.sqrt(variances(experiment, sigma))
    pair = 2 if experiment["antithetic"] else 1
    result = []
    for replica in range(experiment["replicas"]):
        draw, start = replica // experiment["replicas_per_curvature"], replica // pair
        q = np.zeros((d, p, p))
        for mode in range(len(sigma)):
            matrix = np.zeros((p, p))
            matrix[np.triu_indices(p)] = RandomStream(key, CURVATURE, draw * len(sigma) + mode).normals(p * (p + 1) // 2)
            matrix = spread[mode] * (matrix + np.triu(matrix, 1).T)
            q += w[:, mode][:, None, None] * matrix
        if experiment["antithetic"] and replica % 2:
            q = -q
        batches = RandomStream(key, BATCHES, start).next_u64()
        z = math.sqrt(experiment["residual_variance"]) * RandomStream(key, RESIDUALS, start).normals(d)
        j = jacobian
        path = [(z, j)]
        for step in range(steps):
            mask = np.zeros(d)
            mask[batch_of(batches, experiment["sampler"], d, batch, step)] = 1
            delta = -eta / batch * j.T @ (mask * z)
            bent = q @ delta
            z, j = z + j @ delta + bent @ delta / 2, j + bent
            path.append((z, j))
        result.append((np.array([z for z, _ in path]), np.array([j for _, j in path])))
    return result


def record(experiment, paths, step, top):
    """The columns at `step`, means over replicas and standard errors over curvatures."""
    _, w, _, vt = initial(experiment)
    d = w.shape[0]
    group = experiment["replicas_per_curvature"]

    def average(values):
        values = np.array(values)
        groups = values.reshape(len(values) // group, group, *values.shape[1:]).mean(1)
        return groups.mean(0), groups.std(0, ddof=1) / math.sqrt(len(groups))

    columns = {}

    def put(name, values):
        columns[name], columns[name + "_sem"] = average(values)

    put("train_loss", [z[step] @ z[step] / (2 * d) for z, _ in paths])
    put("ntk_eigenvalues", [np.sort(np.linalg.eigvalsh(j[step] @ j[step].T / d))[::-1][:top] for _, j in paths])
    lambda_hat = [((w[:, :top].T @ j) ** 2).sum(-1) / d for _, j in paths]  # [steps + 1, top]
    sigma_hat = [((w[:, :top].T @ j) * vt[:top]).sum(-1) for _, j in paths]
    for name, f in (("lambda_hat", lambda_hat), ("sigma_hat", sigma_hat)):
        put(name, [x[step] for x in f])
        if step >= 1:
            put(name + "_d1", [x[step] - x[step - 1] for x in f])
        if step >= 2:
            put(name + "_d2", [x[step] - 2 * x[step - 1] + x[step - 2] for x in f])
    return columns
