"""(c) One more day on 30 and on 365 days: ingest, transform, publication and release of the day, against the full build.

    .venv/bin/python benchmarks/one_more_day.py [--events-a-year 10000000] [--repeats 3]

Both worlds have the same number of events a day. Start-up (imports, opening the models) is printed apart and counted on neither side.
The lakes without the day are kept (`lakes/` in the folder of benchmarks): --reuse takes them, with the build times noted then.
"""

from __future__ import annotations

import argparse

from harness import (
    DAYS_A_YEAR,
    build_lake,
    copy_lake,
    in_own_process,
    judge,
    make_world,
    median,
    name_sources,
    run_lake,
    say,
    say_head,
    say_steps,
)


def measure(days: int, events_a_year: int, projects: int, repeats: int, reuse: bool) -> tuple[float, float]:
    """Return the seconds of the full build of so many days, and the median of those of one more."""
    world = make_world(round(events_a_year / DAYS_A_YEAR * (days + 1)), days + 1, projects)
    lake, built_s = build_lake(world, days, reuse=reuse)
    more = []
    for _ in range(repeats):
        copy = copy_lake(lake, "one-more-day")
        name_sources(copy, world, days + 1)
        done = in_own_process(run_lake, copy)
        if done.result["is_full"]:
            raise RuntimeError(
                "the day led to a full build (as models that changed since the lake was built do), which is not what is measured"
            )
        say_steps(f"one more day on {days}", done)
        say(f"    restated days {done.result['restated_days']}, partitions written {done.result['written']}")
        more.append(done.seconds)
    return built_s, median(more)


def main() -> None:
    """Measure both sizes and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-a-year", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, nargs=2, default=(30, 365), metavar=("SHORT", "LONG"))
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reuse", action="store_true")
    asked = parser.parse_args()
    say_head(f"one more day on {asked.days[0]} and on {asked.days[1]} days, {round(asked.events_a_year / DAYS_A_YEAR):,} events a day")
    more = {}
    for days in asked.days:
        built_s, more[days] = measure(days, asked.events_a_year, asked.projects, asked.repeats, asked.reuse)
        judge(
            f"one more day on {days} / full build of {days} ({more[days]:.2f} s / {built_s:.2f} s)",
            more[days] / built_s * 100,
            10,
            at_most=True,
            unit=" %",
        )
    short, long = asked.days
    judge(f"one more day on {long} / on {short}", more[long] / more[short], 1.3, at_most=True)


if __name__ == "__main__":
    main()
