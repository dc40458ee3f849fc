"""The demo in a fresh workspace: seconds and peak memory of `goldsmith run examples/handbook`."""

import tempfile
from pathlib import Path

from harness import HANDBOOK, goldsmith, measure, print_result


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder, "workspace")
        result = measure(goldsmith("run", HANDBOOK, "--workspace", workspace))
    print(result.output)
    figures = {"seconds": round(result.seconds, 1), "peak_rss_mb": round(result.peak_rss_mb)}
    print_result("demo", figures)


if __name__ == "__main__":
    main()
