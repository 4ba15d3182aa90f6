"""A small disk of a test's own, which it can fill. Importing it starts the importing script again in a mount namespace of its own,
which takes root; the disk is gone with the script, however that ends."""
import os
import subprocess
import sys

if "EDGESWEEP_PRIVATE_MOUNTS" not in os.environ:
    os.environ["EDGESWEEP_PRIVATE_MOUNTS"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


class SmallDisk:
    def __init__(self, path, megabytes):
        self.path, self.filler = path, os.path.join(path, "filler")
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", path], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                pass

    def free(self):
        if os.path.exists(self.filler):
            os.remove(self.filler)

    def make_read_only(self, read_only):
        subprocess.run(["mount", "-o", "remount," + ("ro" if read_only else "rw"), self.path], check=True)
