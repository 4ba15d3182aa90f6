"""A sweep on images in folders, as ImageNet has them: the same bits with any number of decoding threads and after kills, the same numbers in a
team of two up to rounding, K and errors in a store that is exported and plotted; packs give what their folders give. Broken images are
named and left out or refused; folders that are incomplete or have become others are refused in one line."""
import io
import os
import shutil

import h5py
import numpy as np
from PIL import Image

from harness import (Workspace, changed_at, check, kill_everything, run, start, store_differences, wait_for_store, write_sweep)

CLASSES, TRAIN, TEST = 7, 28, 9


def image(seed, width, height, mode="RGB"):
    """A smooth picture of its own, so that JPEG keeps most of it."""
    random = np.random.default_rng(seed)
    channels = {"L": 1, "RGB": 3, "CMYK": 4}[mode]
    small = random.integers(0, 256, (5, 4, channels), dtype=np.uint8)
    planes = [Image.fromarray(small[:, :, c]).resize((width, height), Image.BILINEAR) for c in range(channels)]
    return planes[0] if mode == "L" else Image.merge(mode, planes)


def write_images(folder):
    """CLASSES folders; sizes, colours and names that differ."""
    for split, count in (("train", TRAIN), ("val", TEST)):
        for i in range(count):
            directory = os.path.join(folder, split, f"n{1000 + 7 * (i % CLASSES):08d}")
            os.makedirs(directory, exist_ok=True)
            mode = ("RGB", "RGB", "L", "RGB", "CMYK")[i % 5]
            image(1000 * (split == "val") + i, 40 + 13 * (i % 6), 35 + 11 * (i % 7), mode).save(
                os.path.join(directory, f"image_{i:03d}.JPEG"), "JPEG", quality=90, progressive=i % 3 == 0)


def sweep(model, **changes):
    content = {
        "name": "images",
        "experiment": {"dataset": {"name": "imagenet", "train": TRAIN, "test": TEST, "classes": CLASSES, "measured": 12, "size": 32,
                                   "augment": {"min_area": 0.3, "flip": True}},
                       "model": model, "loss": "cross_entropy", "label_smoothing": 0.1,
                       "optimizer": {"momentum": 0.9, "l2": 1e-3, "l2_on": "weights"}, "schedule": {"name": "warmup_cosine", "warmup_steps": 3}},
        "grid": [{"batch": [8], "eta": [0.003, 0.03, 0.3], "steps": 16}],
        "records": {"count": 6, "spacing": "linear"},
        "measure": {"loss": {"top5": True}, "gauss_newton": {"trace": "bartlett", "batch": 4}, "hessian": {"tolerance": 1e-3}},
    }
    content.update(changes)
    return content


RESNET = {"name": "resnet", "depth": 8, "norm": "batch", "chunk": 4}
VIT = {"name": "vit", "patch": 8, "width": 24, "blocks": 2, "heads": 3, "mlp_hidden": 48}


def trains_the_same_anywhere(folder, model, teams):
    file = write_sweep(folder, sweep(model), f"{model['name']}.json")
    line = ("run", file, "--data", "images")
    store = f"{model['name']}.h5"
    os.environ["EDGESWEEP_DECODE_THREADS"] = "1"
    run(*line, "--store", store)
    os.environ["EDGESWEEP_DECODE_THREADS"] = "5"
    run(*line, "--store", "again.h5", ranks=3)
    check(not store_differences(store, "again.h5"), store_differences(store, "again.h5"))
    del os.environ["EDGESWEEP_DECODE_THREADS"]
    with h5py.File(store) as one:
        for column in ("train_loss", "test_loss", "train_error", "test_error", "train_top5_error", "test_top5_error", "gn_trace", "gn_trace_sem",
                       "K_gn", "hessian_lambda_max"):
            check(np.isfinite(one[column][...]).all(), f"{column} has gaps")
        check((one["test_top5_error"][...] <= one["test_error"][...]).all(), "the right class is more often first than among five")
        # theory.md section 4, with momentum: κ η / (2 (1 − μ)) tr G
        kappa = (TRAIN - 8) / (8 * (TRAIN - 1))
        expected = kappa * one["learning_rate"][...] / (2 * (1 - 0.9)) * one["gn_trace"][...]
        check(np.allclose(one["K_gn"][...], expected, rtol=1e-12), "K_gn")

    for ranks_per_trial in teams:
        team = ("--set", f"ranks_per_trial={ranks_per_trial}")
        run(*line, "--store", "whole.h5", *team, ranks=3)
        with h5py.File(store) as one, h5py.File("whole.h5") as whole:
            for column in ("train_loss", "test_loss", "gn_trace", "K_gn"):
                error = np.max(np.abs(one[column][...] - whole[column][...]) / (np.abs(one[column][...]) + 1e-30))  # the last learning rate is 0
                check(error < 2e-3, f"{column} of a team of {ranks_per_trial} differs by {error}")
        for _ in range(2):
            before = changed_at("killed.h5")
            process = start(*line, "--store", "killed.h5", "--resume", "--checkpoint-interval", "0.05", *team, ranks=3)
            wait_for_store(process, "killed.h5", before)
            wait_for_store(process, "killed.h5", changed_at("killed.h5"))
            kill_everything(process)
        run(*line, "--store", "killed.h5", "--resume", *team, ranks=3)
        check(not store_differences("whole.h5", "killed.h5"), store_differences("whole.h5", "killed.h5"))
        for name in os.listdir(folder):
            if name.startswith(("whole.h5", "killed.h5", "again.h5")):
                shutil.rmtree(name) if os.path.isdir(name) else os.remove(name)
    run("export", store, "--table", "phase", "--format", "csv", "-o", "phase.csv")
    with open("phase.csv") as table:
        check("K_gn" in table.readline(), "no K_gn in the phase table")
    run("plot", store, "-o", "plots")
    check(any("K" in name for name in os.listdir("plots")), f"plots: {os.listdir('plots')}")


def packs_give_what_folders_give(folder):
    file = write_sweep(folder, sweep(VIT), "vit.json")
    shutil.copytree("images", "packed")
    run("data", "pack", "packed")
    for split in ("train", "val"):
        shutil.rmtree(os.path.join("packed", split))
    run("run", file, "--data", "packed", "--store", "packed.h5")
    check(not store_differences("vit.h5", "packed.h5"), store_differences("vit.h5", "packed.h5"))


def refused(says, data, *arguments, store="new.h5"):
    done = run("run", *arguments, "--data", data, "--store", store, expect=2)
    errors = [text for text in done.stderr.splitlines() if "error" in text]
    check(len(errors) == 1 and says in errors[0], f"expected one line with \"{says}\": {done.stderr}")
    check(not os.path.exists("new.h5"), "a refused sweep left a store")


def bad_folders(folder):
    file = write_sweep(folder, sweep(VIT), "vit.json")
    refused("nowhere", "nowhere", file)
    refused("train", "broken", file, "--set", "experiment.dataset.broken=error")
    few = ("--set", f"experiment.dataset.train={TRAIN + 1}")
    refused(str(TRAIN), "images", file, *few)
    refused("classes", "images", file, "--set", "experiment.dataset.classes=8")
    shutil.copytree("images", "half")
    shutil.rmtree(os.path.join("half", "train", "n00001007"))
    refused("classes", "half", file)
    shutil.rmtree(os.path.join("half", "val"))
    refused("half", "half", file)

    # The same number of classes with another name: their outputs would be others.
    shutil.copytree("images", "renamed")
    for split in ("train", "val"):
        os.rename(os.path.join("renamed", split, "n00001000"), os.path.join("renamed", split, "n00009999"))
    refused("holds other data than the store was made with", "renamed", file, "--resume", store="vit.h5")


def broken_images(folder):
    """Five kinds of files that are no images; what remains is trained on."""
    shutil.copytree("images", "broken")
    directory = os.path.join("broken", "train", "n00001000")
    good = io.BytesIO()
    image(5, 50, 40).save(good, "JPEG")
    bad = {"a_empty.JPEG": b"", "b_text.JPEG": b"no image\n", "c_cut.JPEG": good.getvalue()[:len(good.getvalue()) // 2],
           "d_header.JPEG": good.getvalue()[:4]}
    png = io.BytesIO()
    image(6, 50, 40).save(png, "PNG")
    bad["e_png.JPEG"] = png.getvalue()
    for name, content in bad.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
    with open(os.path.join(directory, "notes.txt"), "w") as file:
        file.write("not an image by name: of no concern\n")
    file = write_sweep(folder, sweep(VIT), "vit.json")
    done = run("run", file, "--data", "broken", "--store", "left-out.h5")
    for name in bad:
        check(done.stderr.count(name) == 1, f"{name} is named {done.stderr.count(name)} times: {done.stderr}")
    check("notes.txt" not in done.stderr, "a file that is no image by name is named")
    with h5py.File("left-out.h5") as store:
        check((store["status"][...] == 2).all(), "what is left was not trained on")


with Workspace() as folder:
    os.chdir(folder)
    write_images("images")
    trains_the_same_anywhere(folder, RESNET, (1, 2))
    trains_the_same_anywhere(folder, VIT, ())
    packs_give_what_folders_give(folder)
    broken_images(folder)
    bad_folders(folder)
print("images in folders train as they should")
