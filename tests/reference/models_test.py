"""Every family of networks written again with torch.nn: from the parameters that a sweep has kept, losses, curvatures and kernel
traces are recomputed in float64 and compared with the store's last record."""
import os

import h5py
import numpy as np
import torch
from harness import Workspace, check, run, write_sweep
from torch import nn
from torch.nn import functional as F

TRAIN, TEST, BATCH = 12, 6, 6


class Norm(nn.Module):
    """Layer norm over the channels of each position, group norm, or batch norm by the batch's own statistics."""

    def __init__(self, kind, channels, groups=1):
        super().__init__()
        self.kind, self.groups = kind, groups
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        if self.kind == "group":
            return F.group_norm(x, self.groups, self.weight, self.bias)
        if self.kind == "batch":
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True)
        return F.layer_norm(x.movedim(1, -1), x.shape[1:2], self.weight, self.bias).movedim(-1, 1)


class Block(nn.Module):
    def __init__(self, channels, out, stride, norm, act, shortcut):
        super().__init__()
        make = (lambda n: nn.Identity()) if norm is None else (lambda n: Norm(*norm[:1], n, *norm[1:]))
        self.conv1, self.norm1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), make(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), make(out)
        self.stride, self.pad, self.act = stride, out - channels, act
        self.kind = shortcut if channels != out else None
        if self.kind == "projection":
            self.shortcut = nn.ModuleDict({"conv": nn.Conv2d(channels, out, 1, stride, bias=False), "norm": make(out)})
        if self.kind == "norm_pad":
            self.shortcut = nn.ModuleDict({"norm": make(channels)})

    def bypass(self, x):
        if self.kind is None:
            return x
        if self.kind == "projection":
            return self.shortcut["norm"](self.shortcut["conv"](x))
        x = x[:, :, ::self.stride, ::self.stride]
        if self.kind == "norm_pad":
            x = self.shortcut["norm"](x)
        return F.pad(x, (0, 0, 0, 0, self.pad // 2, self.pad - self.pad // 2))

    def forward(self, x):
        y = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        return self.act(y + self.bypass(x))


class ResNet(nn.Module):
    def __init__(self, widths, blocks, norm, act, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.norm1 = nn.Identity() if norm is None else Norm(norm[0], widths[0], *norm[1:])
        self.act, channels = act, widths[0]
        for stage, out in enumerate(widths):
            units = []
            for b in range(blocks):
                units.append(Block(channels, out, 2 if stage and not b else 1, norm, act, shortcut))
                channels = out
            self.add_module(f"layer{stage + 1}", nn.Sequential(*units))
        self.stages, self.fc = len(widths), nn.Linear(channels, 10)

    def forward(self, x):
        x = self.act(self.norm1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class Cnn2(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1), nn.Linear(2048, 10)

    def forward(self, x):
        return self.fc(F.avg_pool2d(torch.tanh(self.conv2(F.avg_pool2d(torch.tanh(self.conv1(x)), 2))), 2).flatten(1))


class Cnn5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(3, 64, 3), nn.Conv2d(64, 64, 3), nn.Conv2d(64, 128, 3)
        self.fc1, self.fc2 = nn.Linear(4608, 512), nn.Linear(512, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv2(torch.relu(self.conv1(x)))), 2)
        return self.fc2(torch.relu(self.fc1(F.max_pool2d(torch.relu(self.conv3(x)), 2).flatten(1))))


class Vgg11(nn.Module):
    def __init__(self):
        super().__init__()
        channels = 3
        for i, out in enumerate((64, 128, 256, 256, 512, 512, 512, 512), 1):
            self.add_module(f"conv{i}", nn.Conv2d(channels, out, 3, padding=1))
            channels = out
        self.fc1, self.fc2, self.fc3 = nn.Linear(512, 512), nn.Linear(512, 512), nn.Linear(512, 10)

    def forward(self, x):
        for i in range(1, 9):
            x = torch.relu(getattr(self, f"conv{i}")(x))
            x = F.max_pool2d(x, 2) if i in (1, 2, 4, 6, 8) else x
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


class MixerBlock(nn.Module):
    def __init__(self, tokens, width, token_hidden, channel_hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.token1, self.token2 = nn.Linear(tokens, token_hidden), nn.Linear(token_hidden, tokens)
        self.channel1, self.channel2 = nn.Linear(width, channel_hidden), nn.Linear(channel_hidden, width)

    def forward(self, x):
        x = x + self.token2(F.gelu(self.token1(self.norm1(x).transpose(1, 2)))).transpose(1, 2)
        return x + self.channel2(F.gelu(self.channel1(self.norm2(x))))


class Mixer(nn.Module):
    def __init__(self, patch, width, blocks, token_hidden, channel_hidden):
        super().__init__()
        self.embedding = nn.Conv2d(3, width, patch, patch)
        self.blocks = nn.Sequential(*[MixerBlock((32 // patch) ** 2, width, token_hidden, channel_hidden) for _ in range(blocks)])
        self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.embedding(x).flatten(2).transpose(1, 2)
        return self.fc(self.norm(self.blocks(x)).mean(1))


SMALL = [16, 32, 64]
# Name, model of the sweep file, the same here, loss, what is compared beside the losses.
CASES = [
    ("resnet18", {"name": "resnet"}, lambda: ResNet([64, 128, 256, 512], 2, ("layer",), F.gelu, "projection"), "mse", ()),
    ("resnet8-group", {"name": "resnet", "depth": 8, "norm": "group", "groups": 4, "activation": "tanh"},
     lambda: ResNet(SMALL, 1, ("group", 4), torch.tanh, "pad"), "cross_entropy", ("hessian", "trace")),
    ("resnet8-batch", {"name": "resnet", "depth": 8, "shortcut": "norm_pad", "activation": "gelu"},
     lambda: ResNet(SMALL, 1, ("batch",), F.gelu, "norm_pad"), "mse_sum", ("hessian",)),
    ("resnet20", {"name": "resnet", "depth": 20, "norm": "none", "init_scale": 0.3}, lambda: ResNet(SMALL, 3, None, torch.relu, "pad"), "mse", ("trace",)),
    ("cnn2", {"name": "cnn", "activation": "tanh", "pool": "average"}, Cnn2, "mse", ("hessian", "trace")),
    ("cnn5", {"name": "cnn", "layers": 5}, Cnn5, "cross_entropy", ()),
    ("vgg11", {"name": "vgg11", "init": "kaiming"}, Vgg11, "mse", ()),
    ("mixer", {"name": "mixer", "patch": 8, "width": 24, "blocks": 2, "token_hidden": 10, "channel_hidden": 30},
     lambda: Mixer(8, 24, 2, 10, 30), "mse", ("hessian", "trace")),
]


def write_cifar(folder):
    """Random images as files of the binary version of CIFAR-10; one file holds all that the sweep asks for."""
    random = np.random.default_rng(5)
    for name, count in (("data_batch_1.bin", TRAIN), ("test_batch.bin", TEST)):
        records = random.integers(0, 256, (count, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        records.tofile(os.path.join(folder, name))


def examples(folder, name):
    records = np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073)
    pixels = (records[:, 1:].astype(np.float32) / np.float32(255)).reshape(-1, 3, 32, 32)
    return torch.tensor(pixels, dtype=torch.float64), F.one_hot(torch.tensor(records[:, 0].astype(np.int64)), 10).double()


def loss_of(kind, f, y):
    if kind == "cross_entropy":
        return F.cross_entropy(f, y)
    return (f - y).square().sum(1).mean() * (0.5 if kind == "mse" else 1)


def largest_eigenvalue(value, parameters):
    """Lanczos with full reorthogonalisation on double backward."""
    g = torch.cat([t.flatten() for t in torch.autograd.grad(value, parameters, create_graph=True)])
    multiply = lambda v: torch.cat([t.flatten() for t in torch.autograd.grad(g, parameters, v, retain_graph=True)])
    torch.manual_seed(3)
    basis, products = [], []
    v = torch.randn_like(g)
    for _ in range(40):
        for _ in range(2):
            for b in basis:
                v = v - b * (b @ v)
        basis.append(v / v.norm())
        products.append(multiply(basis[-1]))
        v = products[-1]
    q = torch.stack(basis)
    return torch.linalg.eigvalsh(q @ torch.stack(products).T).max().item()


def kernel_trace(f, parameters):
    total = sum(t.square().sum().item() for value in f.flatten() for t in torch.autograd.grad(value, parameters, retain_graph=True))
    return total / len(f)


def close(case, name, mine, theirs, tolerance):
    error = abs(mine - theirs) / abs(mine)
    check(error < tolerance, f"{case}, {name}: recomputed {mine:.10g}, stored {theirs:.10g}")
    return f"{name} {error:.1e}"


def compare(case, model, network, loss, more, folder):
    sweep = {"name": case, "experiment": {"dataset": {"name": "cifar10", "train": TRAIN, "test": TEST}, "model": model, "loss": loss,
                                          "optimizer": {"momentum": 0.5, "nesterov": True}},
             "grid": [{"batch": [BATCH], "eta": [1e-3], "steps": 3}], "records": {"count": 2}, "keep_parameters": "final",
             "measure": {"loss": {}}}
    if "hessian" in more:
        sweep["measure"]["hessian"] = {"tolerance": 1e-6, "precision": "float64"}
    if "trace" in more:
        sweep["measure"]["kernel_trace"] = {"precision": "float64"}
    store = os.path.join(folder, f"{case}.h5")
    run("run", write_sweep(folder, sweep), "--store", store, "--data", folder)
    kept = torch.jit.load(os.path.join(store + ".parameters", f"b{BATCH}-p0-s0.pt")).state_dict()
    net = network().double()
    own = dict(net.named_parameters())
    check(sorted(own) == sorted(kept), f"{case}: parameters {sorted(set(own) ^ set(kept))}")
    net.load_state_dict({name: value.double() for name, value in kept.items()})
    parameters = list(net.parameters())
    with h5py.File(store) as file:
        check(file["records"][0, 0, 0] == 2, f"{case}: it has {file['records'][0, 0, 0]} records")
        stored = lambda name: float(file[name][0, 0, 0, 1])
        report = []
        for split, file_name in (("train", "data_batch_1.bin"), ("test", "test_batch.bin")):
            x, y = examples(folder, file_name)
            f = net(x)
            report.append(close(case, f"{split}_loss", loss_of(loss, f, y).item(), stored(f"{split}_loss"), 1e-9))
            wrong = (f.argmax(1) != y.argmax(1)).double().mean().item()
            check(wrong == stored(f"{split}_error"), f"{case}: {split}_error {wrong}, stored {stored(f'{split}_error')}")
        x, y = examples(folder, "data_batch_1.bin")
        if "hessian" in more:
            value = largest_eigenvalue(loss_of(loss, net(x), y), parameters)
            report.append(close(case, "hessian_lambda_max", value, stored("hessian_lambda_max"), 1e-5))
        if "trace" in more:
            report.append(close(case, "ntk_trace", kernel_trace(net(x), parameters), stored("ntk_trace"), 1e-9))
    print(f"{case}: {', '.join(report)}", flush=True)


if __name__ == "__main__":
    with Workspace() as folder:
        write_cifar(folder)
        for case in CASES:
            compare(*case, folder)
