"""Writes the tables, the README's too, anew from the results that were kept, as after a change of how they are told.

python benchmarks/tables.py
python benchmarks/tables.py --check     says which are not what the results give, and changes nothing
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from rasa_runs import RESULTS, results
from readme import README, filled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    right = {file: import_module(file.stem).table(results(file.stem)) for file in sorted(RESULTS.glob("*.md"))}
    right[README] = filled(README.read_text("utf-8"))
    differing = [file for file, text in right.items() if file.read_text("utf-8") != text]
    if not args.check:
        for file in differing:
            file.write_text(right[file], "utf-8")
    if differing:
        told = "Not what the results give" if args.check else "Written anew"
        print(f"{told}: {', '.join(file.name for file in differing)}")
    sys.exit(args.check and bool(differing))


if __name__ == "__main__":
    main()
