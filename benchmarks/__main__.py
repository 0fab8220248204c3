"""Run all benchmarks, or the one named by the first argument, and print Markdown."""

import sys

from benchmarks import latency, load, pages, recording, recurrent, seeds, training

PARTS = {
    "recording": recording.main,
    "recurrent": recurrent.main,
    "seeds": seeds.main,
    "training": training.main,
    "latency": latency.main,
    "load": load.main,
    "pages": pages.main,
}


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in PARTS:
        PARTS[arguments[0]](arguments[1:])
        return
    if arguments:
        raise SystemExit(f"{arguments[0]}: no such benchmark; there are {', '.join(PARTS)}")
    for part in PARTS.values():
        part([])
        print()


main(sys.argv[1:])
