"""The partition that Kafka's default partitioner gives a key (murmur2, as the Java client has it)."""


def murmur2(data):
    m, mask, size = 0x5BD1E995, 0xFFFFFFFF, len(data)
    h = (0x9747B28C ^ size) & mask
    for at in range(0, size - size % 4, 4):
        k = int.from_bytes(data[at : at + 4], "little")
        k = (k * m) & mask
        k ^= k >> 24
        k = (k * m) & mask
        h = ((h * m) & mask) ^ k
    tail = data[size - size % 4 :]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = (h * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)


def partition(key, count):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % count
