"""Benchmarks beside PyTorch in one run. Both sides take turns for N rounds, so that a slow spell of the machine hits both; the
figure of a side is the median over rounds. Times are processor time of the one thread: the wall time of an idle machine; with
--device cuda, wall time until the GPU has done all of it, both sides without TF32.
A section is a function of a script here with the peer's numbers, and one of the same name in its program with ours; both
return {label: number}."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


device = "cpu"


def seconds_now():
    if device == "cpu":
        return time.thread_time()
    import torch
    torch.cuda.synchronize()
    return time.monotonic()


def median_seconds(repeats, call):
    call()
    times = []
    for _ in range(repeats):
        start = seconds_now()
        call()
        times.append(seconds_now() - start)
    return statistics.median(times)


def ours(program, section):
    out = subprocess.run([program, "--device", device, section], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)["result"]


def median_of(rounds):
    return {label: statistics.median(r[label] for r in rounds) for label in rounds[0]}


def parse(description, peers):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--section", action="append", choices=sorted(peers))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def compare(arguments, peers, higher_is_better, default):
    global device
    import torch
    torch.set_num_threads(1)
    device = arguments.device
    document = {"torch": torch.__version__, "device": device, "threads": 1, "sections": {}}
    if device != "cpu":
        torch.set_default_device(device)
        torch.backends.cudnn.allow_tf32 = False
        document["gpu"] = torch.cuda.get_device_name()
    for section in arguments.section or default:
        mine, theirs = [], []
        for _ in range(arguments.rounds):
            mine.append(ours(arguments.program, section))
            theirs.append(peers[section]())
        mine, theirs = median_of(mine), median_of(theirs)
        ratio = {
            k: (mine[k] / theirs[k] if section in higher_is_better else theirs[k] / mine[k])
            for k in mine
            if k in theirs and not k.endswith("value")
        }
        document["sections"][section] = {"edgesweep": mine, "pytorch": theirs, "times_faster": ratio}
        if not arguments.json:
            print(f"{section} ({'a second' if section in higher_is_better else 's'})")
            for label, value in sorted(mine.items(), key=lambda item: (len(item[0]), item[0])):
                peer = f"{theirs[label]:12.6g}" if label in theirs else ""
                times = f"{ratio[label]:8.2f}x" if label in ratio else ""
                print(f"  {label:>20} {value:12.6g} {peer} {times}")
            for label in theirs.keys() - mine.keys():
                print(f"  {label:>20} {'':12} {theirs[label]:12.4g}")
    if arguments.json:
        json.dump(document, sys.stdout, indent=1)
        print()
