"""Prints what became of every corpus file in every operation that takes it, as a Markdown table.

python bench/corpus_table.py CORPUS_FOLDER > table.md
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from corpus_runs import Outcome, Runner, cases


def main() -> int:
    corpus = Path(sys.argv[1])
    runner = Runner(corpus)
    print("| file | operation | outcome | s |\n|---|---|---|---|")
    for case in cases(corpus):
        try:
            outcome = runner.outcome(case)
        except Exception as error:  # a border: the table shows what is wrong with this program, too
            outcome = Outcome("FAILED", f"{type(error).__name__}: {error}")
        said = "; ".join([f"{outcome.kind}: {outcome.detail}", *(f"warning: {item}" for item in outcome.warnings)])
        print(f"| {case.file} | {case.operation} | {said.replace('|', '/')} | {outcome.wall_s:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
