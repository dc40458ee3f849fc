"""How long `goldsmith --help` takes: the median and the slowest of ten starts."""

import statistics
import subprocess
import time

from harness import goldsmith, print_result


def main() -> None:
    seconds = []
    for _ in range(10):
        started = time.monotonic()
        subprocess.run(goldsmith("--help"), check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.monotonic() - started)
    figures = {"help_seconds": round(statistics.median(seconds), 3)}
    print_result("cli_start", figures | {"slowest_seconds": round(max(seconds), 3)})


if __name__ == "__main__":
    main()
