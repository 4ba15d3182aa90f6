#!/usr/bin/env python3
"""Deep networks on images of CIFAR-10's size: edgesweep against PyTorch eager in the same run, one thread each.

usage: cifar.py BENCH_CIFAR [--rounds N] [--section NAME]... [--json]

ResNet-18 with group norm of one group and GELU; batch sharpness of the sanity case of the EoSS code: MLP 2 x 512, 64 images,
B = 4, 1000 draws. How it is compared: side_by_side.py.
"""
from side_by_side import compare, median_seconds, parse  # before torch: one thread

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = nn.GroupNorm(1, out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.GroupNorm(1, out)
        self.shortcut = nn.Sequential()
        if channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.GroupNorm(1, out))

    def forward(self, x):
        y = F.gelu(self.norm1(self.conv1(x)))
        return F.gelu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.GroupNorm(1, 64)
        blocks, channels = [], 64
        for stage, out in enumerate((64, 128, 256, 512)):
            for b in range(2):
                blocks.append(Block(channels, out, 2 if stage and b == 0 else 1))
                channels = out
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(512, 10)

    def forward(self, x):
        return self.fc(self.blocks(F.gelu(self.norm1(self.conv1(x)))).mean((2, 3)))


def images(count):
    torch.manual_seed(1)
    return torch.randn(count, 3, 32, 32), F.one_hot(torch.arange(count) % 10, 10).float()


def half_mse(f, y):
    return (f - y).square().sum() / (2 * len(f))


def training():
    model = ResNet18()
    assert sum(p.numel() for p in model.parameters()) == 11_173_962
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    x, y = images(64)
    rows = torch.arange(0, 64, 2)

    def step():
        optimizer.zero_grad()
        half_mse(model(x[rows]), y[rows]).backward()
        optimizer.step()

    return {"resnet18_B32": 32 / median_seconds(3, step)}


def hessian_product():
    model = ResNet18()
    x, y = images(32)
    p = list(model.parameters())
    v = [torch.randn_like(t) for t in p]

    def product():
        g = torch.autograd.grad(half_mse(model(x), y), p, create_graph=True)
        torch.autograd.grad(sum((a * b).sum() for a, b in zip(g, v)), p)

    return {"resnet18_32": median_seconds(3, product)}


def batch_sharpness():
    """The loop as one writes it: a gradient with its graph, a second backward, for each batch. 100 draws, scaled."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    x, y = images(64)
    p = list(model.parameters())

    def draws():
        total = 0.0
        for _ in range(100):
            rows = torch.randperm(64)[:4]
            g = torch.autograd.grad((model(x[rows]) - y[rows]).square().sum(1).mean(), p, create_graph=True)
            fixed = [t.detach() for t in g]
            hg = torch.autograd.grad(sum((a * b).sum() for a, b in zip(g, fixed)), p)
            total += (sum((a * b).sum() for a, b in zip(fixed, hg)) / sum(t.square().sum() for t in fixed)).item()
        return total / 100

    return {"seconds": 10 * median_seconds(1, draws)}


def ntk_trace():
    """One backward pass for each output of each image; 4 images, scaled to 16."""
    model = ResNet18()
    x, _ = images(4)
    p = list(model.parameters())

    def trace():
        f = model(x)
        total = 0.0
        for value in f.flatten():
            total += sum(t.square().sum() for t in torch.autograd.grad(value, p, retain_graph=True)).item()
        return total / len(x)

    return {"resnet18_16": 4 * median_seconds(1, trace)}


def lambda_max():
    return {}  # ours cold against ours warm


PEERS = {"training": training, "hessian_product": hessian_product, "batch_sharpness": batch_sharpness, "ntk_trace": ntk_trace,
         "lambda_max": lambda_max}

if __name__ == "__main__":
    compare(parse(__doc__, PEERS), PEERS, {"training"}, sorted(PEERS))
