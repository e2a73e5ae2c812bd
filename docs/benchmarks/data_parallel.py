"""The model of a step of data-parallel training in docs/data-parallel.md: prints its table.

    python3 docs/benchmarks/data_parallel.py

The constants were measured with `cargo run --features mpi --example bandwidth` and `train`, on the machine that
the page names.
"""

import math

# A message of S bytes is copied by the processor at this rate, besides the network: bytes a second.
COPY = 0.5e9
# Start of a message, seconds.
LATENCY = 20e-6
# Small sums of a step: weight of the labels, loss, which gradients exist, samples, two reasons to stop.
SMALL_SUMS = 6
# Multiplications and additions a second of the factors of other ranks, on one core.
FACTORS = 90e9
# Samples of a step on each rank.
SAMPLES = 16

# Seconds of forward and backward pass for 16 samples on one core; of the update; bytes that are summed;
# inputs and outputs of the dense layer whose factors are collected.
NETWORKS = {
    "tutorial": (0.030, 0.022, 0.42e6, 18432, 500),
    "residual": (0.080, 0.004, 2.5e6, 6912, 256),
}


def step(network, ranks, bandwidth):
    """Seconds of a step, and whether factors are collected, without any overlap."""
    compute, update, summed, n_in, n_out = NETWORKS[network]

    def sum_of(size):
        moved = 2 * (ranks - 1) / ranks * size
        return moved / bandwidth + size / COPY + 2 * math.log2(ranks) * LATENCY

    seconds = compute + update + sum_of(summed) + SMALL_SUMS * math.log2(ranks) * LATENCY
    collects = ranks * SAMPLES * (n_in + n_out) < 2 * n_in * n_out
    if collects:
        own = 4 * SAMPLES * (n_in + n_out)
        seconds += (ranks - 1) * own / bandwidth + ranks * own / 2 / COPY + 2 * math.log2(ranks) * LATENCY
        seconds += (ranks - 1) * 2 * SAMPLES * n_in * n_out / FACTORS
    else:
        seconds += sum_of(4 * n_in * n_out)
    return seconds, collects


def main():
    print("| network | ranks | 10 Gbit/s | 1 Gbit/s | dense layer |")
    print("|---|---|---|---|---|")
    for network in NETWORKS:
        for ranks in (2, 8, 64, 512):
            rates = []
            for bandwidth in (1.25e9, 0.125e9):
                seconds, collects = step(network, ranks, bandwidth)
                rates.append(f"{ranks * SAMPLES / seconds:,.0f}")
            how = "factors" if collects else "sum"
            print(f"| {network} | {ranks} | {rates[0]} | {rates[1]} | {how} |")


if __name__ == "__main__":
    main()
