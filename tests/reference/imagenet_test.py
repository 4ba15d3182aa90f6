"""ImageNet's way written again with Pillow and torch.nn: decoded pixels, ResNet-50 and ViT-S/16 at full size, label smoothing, and what is
measured of cross-entropy - trace and largest eigenvalue of the Gauss-Newton matrix, K_block, K - from parameters that a sweep has kept."""
import os

import h5py
import numpy as np
import torch
from harness import Workspace, check, run, write_sweep
from PIL import Image
from torch import nn
from torch.nn import functional as F

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


# --- pixels

def picture(seed, width, height, mode="RGB"):
    """Smooth with some noise: as JPEG likes it, and sharp enough to tell filters apart."""
    random = np.random.default_rng(seed)
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    planes = []
    for _ in range(channels):
        coarse = Image.fromarray(random.integers(0, 256, (7, 6), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
        planes.append(Image.fromarray(np.clip(np.asarray(coarse) + random.normal(0, 6, (height, width)), 0, 255).astype(np.uint8)))
    return planes[0] if mode == "L" else Image.merge(mode, planes)


FILES = [  # mode, width, height, JPEG options
    ("RGB", 500, 375, {"quality": 92}), ("RGB", 375, 500, {"quality": 90, "subsampling": 0}), ("RGB", 301, 257, {"progressive": True}),
    ("L", 400, 333, {}), ("CMYK", 320, 410, {"quality": 95}), ("RGB", 1999, 1501, {"quality": 90}), ("RGB", 90, 61, {"quality": 95}),
    ("RGB", 1024, 240, {"subsampling": 1}), ("L", 2047, 1100, {"progressive": True}), ("CMYK", 1500, 1600, {}),
]


def write_files(folder):
    directory = os.path.join(folder, "train", "n0")
    os.makedirs(directory)
    for i, (mode, width, height, options) in enumerate(FILES):
        picture(i, width, height, mode).save(os.path.join(directory, f"{i:02d}.JPEG"), "JPEG", **options)


def shown(folder, image, size, resize, *more, split="train"):
    run("data", "show", folder, "--split", split, "--image", image, "--size", size, "--resize", resize, "-o", "shown.ppm", *more)
    return np.asarray(Image.open("shown.ppm")).astype(float)


def resized_centre(image, size, resize):
    """As torchvision's Resize and CenterCrop."""
    shorter = min(image.size)
    image = image.resize([int(resize * side / shorter) for side in image.size], Image.BILINEAR)
    left, top = round((image.size[0] - size) / 2), round((image.size[1] - size) / 2)
    return image.crop((left, top, left + size, top + size))


def compare_pixels(files, folder, split="train", size=224, resize=256):
    """Mean differences to Pillow, of 255; the largest is returned."""
    worst = 0
    for i, path in enumerate(files):
        other = np.asarray(resized_centre(Image.open(path).convert("RGB"), size, resize)).astype(float)
        difference = np.abs(shown(folder, i, size, resize, split=split) - other).mean()
        check(difference <= 2, f"{path}: mean difference of {difference:.2f} of 255 to Pillow's")
        worst = max(worst, difference)
    return worst


def pixels(folder):
    write_files(folder)
    files = [os.path.join(folder, "train", "n0", f"{i:02d}.JPEG") for i in range(len(FILES))]
    for size, resize in ((224, 256), (64, 73)):
        worst = compare_pixels(files, folder, size=size, resize=resize)
        print(f"{size} of {resize}: mean differences to Pillow at most {worst:.2f} of 255")
    for i in range(len(FILES)):  # off the centre and not square
        image = Image.open(files[i]).convert("RGB")
        width, height = image.size
        box = (0.1 * width, 0.3 * height, 0.5 * width, 0.6 * height)
        mine = shown(folder, i, 48, 48, "--box", *box)
        other = np.asarray(image.resize((48, 48), Image.BILINEAR, box=(box[0], box[1], box[0] + box[2], box[1] + box[3]))).astype(float)
        check(np.abs(mine - other).mean() <= 2, f"{files[i]}, a box: {np.abs(mine - other).mean():.2f}")
    sample = os.environ.get("EDGESWEEP_IMAGENET")
    if sample:
        for split in ("train", "val"):
            names = sorted(os.path.join(d, f) for d, _, fs in os.walk(os.path.join(sample, split)) for f in fs)
            print(f"{sample}, {split}: at most {compare_pixels(names, sample, split):.2f} of 255")


# --- networks

class BatchNorm(nn.Module):
    """By the batch's own statistics, always."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True)


class Bottleneck(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), BatchNorm(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), BatchNorm(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), BatchNorm(4 * width)
        if channels != 4 * width:
            self.downsample = nn.Sequential(nn.Conv2d(channels, 4 * width, 1, stride, bias=False), BatchNorm(4 * width))

    def forward(self, x):
        y = torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))
        return torch.relu(self.bn3(self.conv3(y)) + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet50(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), BatchNorm(64)
        channels = 64
        for stage, count in enumerate((3, 4, 6, 3)):
            blocks = []
            for b in range(count):
                blocks.append(Bottleneck(channels, 64 << stage, 2 if stage and not b else 1))
                channels = 4 * (64 << stage)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3)))


class VitBlock(nn.Module):
    """Attention by PyTorch's own module, with the same weights under timm's names."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})
        self.heads = heads

    def forward(self, x):
        h = self.norm1(x).transpose(0, 1)
        qkv, proj = self.attn["qkv"], self.attn["proj"]
        h, _ = F.multi_head_attention_forward(h, h, h, h.shape[2], self.heads, qkv.weight, qkv.bias, None, None, False, 0.0, proj.weight,
                                              proj.bias, need_weights=False)
        x = x + h.transpose(0, 1)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Vit(nn.Module):
    def __init__(self, classes, size, patch=16, width=384, blocks=12, heads=6, hidden=1536):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, width))
        self.pos_embed = nn.Parameter(torch.zeros((size // patch) ** 2 + 1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.Sequential(*[VitBlock(width, heads, hidden) for _ in range(blocks)])
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), 1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


# --- what is measured

def jacobian(net, x):
    """N × C × P."""
    f = net(x)
    rows = [torch.cat([t.flatten() for t in torch.autograd.grad(v, list(net.parameters()), retain_graph=True)]) for v in f.flatten()]
    return torch.stack(rows).reshape(*f.shape, -1)


def root(p):
    """Symmetric root of diag(p) − p pᵀ."""
    values, vectors = np.linalg.eigh(np.diag(p) - np.outer(p, p))
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


def measures(net, x, eta, batch, momentum):
    """theory.md section 3 and 4 with J_i replaced by A_i^½ J_i."""
    with torch.no_grad():
        p = torch.softmax(net(x), 1).numpy()
    j = jacobian(net, x).numpy()
    examples, classes = p.shape
    j = np.concatenate([root(p[i]) @ j[i] for i in range(examples)])
    kernel = j @ j.T / examples
    values, vectors = np.linalg.eigh(kernel)
    values = np.where(values > len(values) * 2.0**-52 * values[-1], values, 0)
    kappa = (examples - batch) / (batch * (examples - 1))
    blocks = [j[i * classes:(i + 1) * classes] @ j[i * classes:(i + 1) * classes].T for i in range(examples)]
    noise = kappa * eta / (2 * (1 - momentum))
    m0 = (1 + momentum) / (1 - momentum) * eta * values / (2 * (1 + momentum) - eta * values)
    m = m0 / (1 + kappa * m0)
    v = vectors.reshape(examples, classes, -1)
    c = sum(np.square(v[i].T @ v[i]) for i in range(examples))
    return {"gn_trace": np.trace(kernel), "gn_lambda_max": values[-1], "K_gn": noise * np.trace(kernel),
            "K_block": noise * sum(np.square(k).sum() for k in blocks) / sum(np.trace(k) for k in blocks),
            "K": kappa * examples * np.linalg.eigvalsh(np.sqrt(m)[:, None] * c * np.sqrt(m))[-1],
            "K_hd": kappa / classes * m.sum(), "K_tr": noise / classes * np.trace(kernel)}


def trained(name, model, size, measure, train=6, classes=5, batch=4, eta=1e-3, smoothing=0.1):
    """A sweep of two steps; its last record and what it kept, and its training inputs and classes."""
    folder = f"{name}-data"
    for i in range(train):
        directory = os.path.join(folder, "train", f"n{i % classes}")
        os.makedirs(directory, exist_ok=True)
        picture(100 + i, size + 40, size + 31).save(os.path.join(directory, f"{i}.JPEG"), "JPEG", quality=95)
    sweep = {"name": name, "experiment": {"dataset": {"name": "imagenet", "train": train, "test": 0, "classes": classes, "size": size},
                                          "model": model, "loss": "cross_entropy", "label_smoothing": smoothing,
                                          "optimizer": {"momentum": 0.5}},
             "grid": [{"batch": [batch], "eta": [eta], "steps": 2}], "records": {"count": 2}, "keep_parameters": "final", "measure": measure}
    run("run", write_sweep(".", sweep, f"{name}.json"), "--data", folder, "--store", f"{name}.h5")
    kept = torch.jit.load(f"{name}.h5.parameters/b{batch}-p0-s0.pt").state_dict()
    with h5py.File(f"{name}.h5") as store:
        record = {column: float(store[column][0, 0, 0, 1]) for column in store if store[column].ndim == 4}
    shown_images = np.stack([shown(folder, i, size, size * 8 // 7) for i in range(train)]) / 255
    x = torch.tensor((shown_images - MEAN) / DEVIATION).movedim(3, 1)
    return record, {key: value.double() for key, value in kept.items()}, x, torch.arange(train) % classes


def close(name, mine, theirs, tolerance):
    check(abs(mine - theirs) <= tolerance * abs(mine), f"{name}: recomputed {mine:.10g}, stored {theirs:.10g}")


def networks():
    torch.manual_seed(0)
    for name, model, network, size, count in (("resnet50", {"name": "resnet50", "chunk": 6}, lambda size: ResNet50(5), 224, 25557032),
                                              ("vit", {"name": "vit"}, lambda size: Vit(5, size), 224, 22050664)):
        measure = {"loss": {}, "gauss_newton": {"lambda_max": False, "trace": "bartlett", "batch": 6, "draws": 2}}
        record, kept, x, y = trained(name, model, size, measure)
        net = network(size).double()
        net.load_state_dict(kept)
        net.eval()
        whole = sum(p.numel() for p in net.parameters()) + (1000 - 5) * (2049 if name == "resnet50" else 385)
        check(whole == count, f"{name}: {whole} parameters with 1000 classes")
        with torch.no_grad():
            f = net(x)
        close(f"{name}: train_loss", F.cross_entropy(f, y, label_smoothing=0.1).item(), record["train_loss"], 1e-6)
        check(record["train_error"] == (f.argmax(1) != y).double().mean().item(), f"{name}: train_error")
        check(record["gn_trace"] > 0 and np.isfinite(record["K_gn"]), f"{name}: {record['gn_trace']}")
        print(f"{name}: train_loss {record['train_loss']:.6f}, {count} parameters; as by PyTorch")


def cross_entropy():
    small = {"name": "vit", "patch": 8, "width": 12, "blocks": 2, "heads": 3, "mlp_hidden": 20, "init": "xavier"}
    ours = {"loss": {}, "kernel_norm": {"full": True}}
    record, kept, x, y = trained("small", small, 16, ours, train=10, eta=0.5)
    net = Vit(5, 16, 8, 12, 2, 3, 20).double()
    net.load_state_dict(kept)
    net.eval()
    close("train_loss", F.cross_entropy(net(x), y, label_smoothing=0.1).item(), record["train_loss"], 1e-6)  # inputs in float32 there
    expected = measures(net, x, 0.5, 4, 0.5)
    for name, value in expected.items():
        close(name, value, record[name], 1e-5)
    sampled = {"loss": {}, "kernel_trace": {"method": "labels", "draws": 4000, "precision": "float64"}}
    drawn, _, _, _ = trained("small-labels", small, 16, sampled, train=10, eta=0.5)
    bartlett = {"loss": {}, "gauss_newton": {"trace": "bartlett", "batch": 3, "draws": 2000, "precision": "float64", "tolerance": 1e-8}}
    traced, _, _, _ = trained("small-bartlett", small, 16, bartlett, train=10, eta=0.5)
    # The same data and model make the same θ only with the same trial, whose key the measurements are no part of.
    for name, source in (("gn_trace", drawn), ("K_block", drawn), ("gn_trace", traced)):
        error = abs(source[name] - expected[name]) / source[f"{name}_sem"]
        check(error < 4, f"{name}: {source[name]} ± {source[f'{name}_sem']}, exactly {expected[name]}")
        check(source[f"{name}_sem"] < 0.05 * expected[name], f"{name}: standard error {source[f'{name}_sem']}")
    close("gn_lambda_max", expected["gn_lambda_max"], traced["gn_lambda_max"], 1e-5)
    print("cross-entropy: " + ", ".join(f"{name} {value:.6g}" for name, value in expected.items()))


with Workspace() as folder:
    os.chdir(folder)
    pixels(os.path.join(folder, "pixels"))
    cross_entropy()
    networks()
