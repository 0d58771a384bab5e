"""A proxy that is killed (kill -9) again and again, over whole campaigns: the test of the suite, for as long as wanted.

    python bench/kills.py [--kills N] [--seed N]

Every shift has processes and a folder of its own: the simulator, six agents, two groups, and a proxy that is killed six
times: at any time, and at the steps of its completions. What is not as it should be is printed, and the folder stays.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:] = [str(Path(__file__).resolve().parents[1]), *sys.path[1:]]

from tests.store.shift import Shift  # noqa: E402


def main() -> int:
    """The command line; 1 where anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kills = faulty = 0
    seed = options.seed
    while kills < options.kills:
        folder = Path(tempfile.mkdtemp(prefix="tevent-proxy-kills-"))
        shift = Shift(folder, seed, kills=6)
        try:
            shift.play()
            faults = shift.faults()
        except AssertionError as problem:
            faults = [str(problem)]
        finally:
            shift.end()
        kills += len(shift.kills)
        print(f"seed {seed}: killed {', '.join(shift.kills)}: {'fine' if not faults else folder}", flush=True)
        for fault in faults:
            print(f"    {fault}", flush=True)
        if not faults:
            shutil.rmtree(folder)
        faulty += bool(faults)
        seed += 1
    print(f"{kills} kills in {seed - options.seed} shifts, {faulty} of them faulty")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
