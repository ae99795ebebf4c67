"""What a card did in the last milliseconds of a trace (trace.cpp): its busy share, each stream, each kernel.

usage: python sum.py TRACE.tsv MILLISECONDS
"""
import collections, sys


def main():
    path, window = sys.argv[1], float(sys.argv[2]) * 1e6
    rows = []
    for line in open(path, errors="replace"):
        parts = line.rstrip("\n").split("\t")
        if len(parts) == 6:
            rows.append((int(parts[1]), int(parts[2]), parts[3], parts[4], parts[5]))
    end = max(row[1] for row in rows)
    rows = sorted(row for row in rows if row[0] >= end - window)
    begin, busy, until = rows[0][0], 0, 0
    streams, kernels = collections.Counter(), collections.defaultdict(lambda: [0, 0, set()])
    for start, stop, stream, size, name in rows:
        busy += max(stop - max(start, until), 0)
        until = max(until, stop)
        streams[stream] += stop - start
        one = kernels[stream, name[:110]]
        one[0] += stop - start
        one[1] += 1
        one[2].add(size)
    print(f"{(end - begin) / 1e6:.1f} ms, busy {100 * busy / (end - begin):.1f} %")
    for stream, total in streams.most_common():
        print(f"stream {stream}: {total / 1e6:.1f} ms")
    for (stream, name), (total, count, sizes) in sorted(kernels.items(), key=lambda item: -item[1][0])[:50]:
        print(f"{total / 1e6:9.2f} ms {count:6} x {total / count / 1e3:8.1f} us  stream {stream}  {name}  {sorted(sizes)[:3]}")


if __name__ == "__main__":
    main()
