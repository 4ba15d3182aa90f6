"""The random numbers of workers/data/philox.hpp, written down a second time."""
import math

MASK = 0xFFFFFFFF


def block(counter, key):
    """Philox4x32-10 (Salmon et al., SC'11)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & MASK, (first >> 32) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def normals(key, use, index, count):
    """The first `count` standard normals of a stream: Box-Muller, cosine first."""
    words = []
    for number in range(count + 1):
        words += block([number, use, index & MASK, index >> 32], [key & MASK, key >> 32])
    uniforms = [((low | high << 32) >> 12) * 2.0**-52 + 2.0**-53 for low, high in zip(words[0::2], words[1::2])]
    result = []
    for u, v in zip(uniforms[0::2], uniforms[1::2]):
        radius = math.sqrt(-2 * math.log(u))
        result += [radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)]
    return result[:count]
