"""The ledger over every PDF at hand, the hostile ones included: does it balance for each file?

`goldsmith ingest` and `goldsmith refine` run on the handbook and on each folder of PDFs, each in a
workspace of its own. A crash is a command that ends with anything but success; a document that
cannot be read is no crash when it is a row with a reason.
"""

import argparse
import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from harness import DATA, HANDBOOK, environment, goldsmith, print_result

FOLDERS = ("extraction", "corpus")
INCLUDE = 'ingest.include=["**/*.pdf"]'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seconds-per-document", type=float, default=600.0)
    parser.add_argument(
        "--shipped", action="store_true", help="as always here: nothing is fitted on the data"
    )
    options = parser.parse_args()
    folders = [HANDBOOK / "pdf", *(options.data / name for name in FOLDERS)]
    accounts, crashes, reasons = [], 0, Counter[str]()
    limit = f"extract.seconds_per_document={options.seconds_per_document}"
    for folder in folders:
        if not folder.is_dir():
            raise SystemExit(f"{folder}: not there; name the data folder with --data")
        with tempfile.TemporaryDirectory() as temporary:
            space = ("--workspace", Path(temporary, "workspace"))
            steps = (
                goldsmith("ingest", folder, *space, "--set", INCLUDE, "--set", limit, "--json"),
                goldsmith("refine", *space, "--json"),
            )
            outputs = []
            for step in steps:
                done = subprocess.run(step, stdout=subprocess.PIPE, text=True, env=environment())
                if done.returncode:
                    crashes += 1
                    break
                outputs.append(json.loads(done.stdout))
            if len(outputs) == len(steps):
                accounts += outputs[1]["documents"]
                reasons.update(d["reason"] for d in outputs[0]["documents"] if d["reason"])
    balanced = [
        a["lost"] == a["twice"] == 0 and a["kept"] + a["removed"] + a["merged"] == a["input"]
        for a in accounts
    ]
    characters = sum(account["input"] for account in accounts)
    print_result(
        "ledger",
        {
            "documents": len(accounts),
            "balanced": sum(balanced),
            "all_balanced": all(balanced) and bool(balanced),
            "crashes": crashes,
            "characters": characters,
            "reasons": dict(sorted(reasons.items())),
        },
    )


if __name__ == "__main__":
    main()
