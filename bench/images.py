"""Images a second, random resized crops to 224 pixels as float32 inputs: edgesweep's loader with one and two threads, and Pillow with the
same work in one process, which is what a PyTorch loader's worker does. The sides take turns; medians.

    python3 bench/images.py build/release/bench/bench_images FOLDER [ROUNDS]        FOLDER/train/CLASS/*.JPEG
"""
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time

import numpy as np
from PIL import Image

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def crop_box(width, height, draw):
    """As torchvision's RandomResizedCrop."""
    for _ in range(10):
        area, shape = width * height * draw.uniform(0.08, 1), math.exp(draw.uniform(-math.log(4 / 3), math.log(4 / 3)))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            left, top = draw.randint(0, width - w), draw.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    return (width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2


def pillow(files, count):
    draw, batch = random.Random(7), np.empty((32, 3, 224, 224), np.float32)
    start = time.perf_counter()
    for i in range(count):
        with Image.open(draw.choice(files)) as image:
            image = image.convert("RGB")
            image = image.resize((224, 224), Image.BILINEAR, box=crop_box(*image.size, draw))
        if draw.random() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        batch[i % 32] = ((np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)
    return count / (time.perf_counter() - start)


def ours(program, folder, threads, batches):
    done = subprocess.run([program, folder, str(threads), str(batches)], capture_output=True, text=True, check=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout)


if __name__ == "__main__":
    program, folder = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    files = sorted(os.path.join(d, f) for d, _, names in os.walk(os.path.join(folder, "train")) for f in names)
    sides = {"Pillow": [], "1 thread": [], "2 threads": []}
    for _ in range(rounds):
        sides["Pillow"].append(pillow(files, 320))
        for threads in (1, 2):
            sides[f"{threads} thread{'s' if threads > 1 else ''}"].append(ours(program, folder, threads, 20)["images_per_second"])
    for side, values in sides.items():
        print(f"{side:>10}  {statistics.median(values):8.1f} images/s  {statistics.median(values) / statistics.median(sides['Pillow']):5.2f}x")
    for batches in (10, 400):
        print(f"{batches} batches of 32: {ours(program, folder, 2, batches)['peak_mb']:.0f} MB at the peak")
