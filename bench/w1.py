#!/usr/bin/env python3
"""W1: edgesweep against PyTorch eager in the same run, one thread each.

usage: w1.py BENCH_W1 [--rounds N] [--section NAME]... [--json]

MLP 784-256-256-1, erf, MSE, 2560 examples. Both sides take turns for N rounds, so that a slow spell of the machine
hits both; the figure of a side is the median over rounds. Times are processor time of the one thread: the wall time of
an idle machine. A section is a function here with the peer's numbers, and one
of the same name in w1.cpp with ours; both return {label: number}.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch

EXAMPLES, FEATURES, ETA = 2560, 784, 1e-3


def median_seconds(repeats, call):
    call()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return statistics.median(times)


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
    h = x
    for k in range(0, len(p) - 2, 2):
        h = torch.erf(torch.nn.functional.linear(h, p[k], p[k + 1]))
    return (torch.nn.functional.linear(h, p[-2], p[-1]) - y).square().sum() / (2 * x.shape[0])


def training():
    """Steps a second by batch size: eager autograd and SGD written by hand, the fastest plain PyTorch at B = 1."""
    x, y = data()
    result = {}
    for batch in (1, 8, 32, 128, 512):
        p = parameters()
        steps = max(20, 1000 // (batch + 1))
        state = {"at": 0}

        def some_steps():
            for _ in range(steps):
                start = state["at"]
                rows = slice(start, start + batch)  # as if shuffled before: no gather, in the peer's favour
                state["at"] = start + batch if start + 2 * batch <= EXAMPLES else 0
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


PEERS = {"training": training, "hessian_product": hessian_product, "ntk": ntk}
HIGHER_IS_BETTER = {"training"}


def ours(program, section):
    out = subprocess.run([program, section], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)["result"]


def median_of(rounds):
    return {label: statistics.median(r[label] for r in rounds) for label in rounds[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--section", action="append", choices=sorted(PEERS))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    document = {"torch": torch.__version__, "threads": 1, "sections": {}}
    for section in arguments.section or ["training"]:
        mine, theirs = [], []
        for _ in range(arguments.rounds):
            mine.append(ours(arguments.program, section))
            theirs.append(PEERS[section]())
        mine, theirs = median_of(mine), median_of(theirs)
        ratio = {
            k: (mine[k] / theirs[k] if section in HIGHER_IS_BETTER else theirs[k] / mine[k])
            for k in mine
            if k in theirs
        }
        document["sections"][section] = {"edgesweep": mine, "pytorch": theirs, "times_faster": ratio}
        if not arguments.json:
            print(f"{section} ({'steps/s' if section in HIGHER_IS_BETTER else 's'})")
            for label, value in sorted(mine.items(), key=lambda item: (len(item[0]), item[0])):
                peer = f"{theirs[label]:12.4g} {ratio[label]:8.2f}x" if label in theirs else ""
                print(f"  {label:>10} {value:12.4g} {peer}")
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
