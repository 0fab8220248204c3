"""Run the benchmark named by the first argument, or all that take no minutes; print Markdown."""

import sys

from benchmarks import (
    cures,
    deployment,
    fairness,
    latency,
    load,
    memory,
    motion,
    pages,
    recording,
    recurrent,
    seeds,
    sweep,
    theory,
    training,
    verdicts,
    votes,
    watch,
)

PARTS = {
    "recording": recording.main,
    "recurrent": recurrent.main,
    "seeds": seeds.main,
    "training": training.main,
    "latency": latency.main,
    "motion": motion.main,
}
LONG_PARTS = {
    "cures": cures.main,
    "deployment": deployment.main,
    "fairness": fairness.main,
    "load": load.main,
    "memory": memory.main,
    "pages": pages.main,
    "sweep": sweep.main,
    "theory": theory.main,
    "verdicts": verdicts.main,
    "votes": votes.main,
    "watch": watch.main,
}
"""Parts that take minutes: they run only if they are named."""
HELP = f"""usage: python -m benchmarks [PART [OPTIONS]]

Without a part: {", ".join(PARTS)}, one after the other.
Only by name, because they take minutes: {", ".join(LONG_PARTS)}.
python -m benchmarks PART --help lists the options of a part."""


def main(arguments: list[str]) -> None:
    """Run the part that is named, or all that are not long."""
    parts = PARTS | LONG_PARTS
    if not arguments:
        for part in PARTS.values():
            part([])
            print()
    elif arguments[0] in parts:
        parts[arguments[0]](arguments[1:])
    elif arguments[0] in ("-h", "--help"):
        print(HELP)
    else:
        raise SystemExit(f"{arguments[0]}: no such benchmark; there are {', '.join(parts)}")


if __name__ == "__main__":
    main(sys.argv[1:])
