"""Writes the tables anew from the results that were kept, as after a change of how they are told.

python benchmarks/tables.py
python benchmarks/tables.py --check     says which are not what the results give, and changes nothing
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from rasa_runs import RESULTS, results, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    differing = []
    for file in sorted(RESULTS.glob("*.md")):
        table = import_module(file.stem).table
        if file.read_text() != table(results(file.stem)):
            differing.append(file.name)
            if not args.check:
                write_table(file.stem, table)
    if differing:
        print(f"{'Not what the results give' if args.check else 'Written anew'}: {', '.join(differing)}")
    sys.exit(args.check and bool(differing))


if __name__ == "__main__":
    main()
