"""Renders measures and windows (macros/metrics.py) as branches of the series models.

A wide row per entity, source and period holds all measures of a kind; `unpivot` turns it into a row per measure that isn't 0.
Every measure comes twice: over all events, and without those of bots.
"""

from sqlglot import exp
from sqlmesh import macro

from macros.metrics import ALL_TIME, CALENDAR_WINDOWS, CONTRIBUTIONS, MEASURES, ROLLING_WINDOWS, SHARE_WINDOWS

VARIANTS = ((False, "all"), (True, "no_bots"))


def _of(*shapes):
    return [measure for measure in MEASURES if measure["shape"] in shapes]


def _texts(values):
    return ", ".join(f"'{value}'" for value in values)


def _values(evaluator, rows, alias):
    """A relation of literal rows, as a table that a query can join."""
    query = evaluator.parse_one(f"SELECT * FROM (VALUES {rows}) AS {alias}")
    return query.find(exp.From).this


def _rows(rows):
    return ", ".join("(" + ", ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in row) + ")" for row in rows)


def _period_days(window, day):
    return {
        "daily": "1",
        "weekly": "7",
        "monthly": f"DATE_DIFF('day', {day}, CAST(DATE_ADD('month', 1, {day}) AS DATE))",
        "quarterly": f"DATE_DIFF('day', {day}, CAST(DATE_ADD('month', 3, {day}) AS DATE))",
        "yearly": f"DATE_DIFF('day', {day}, CAST(DATE_ADD('year', 1, {day}) AS DATE))",
    }[window]


def _calendar_start(day):
    text = day.sql(dialect="trino")
    cases = " ".join(f"WHEN '{name}' THEN CAST(DATE_TRUNC('{unit}', {text}) AS DATE)" for name, unit in CALENDAR_WINDOWS)
    return f"CASE w.window_name {cases} END"


@macro()
def calendar_windows(evaluator, day):
    """A relation's rows for all calendar windows at once: (window_name, sample_date) as two CASE columns over `w.window_name`."""
    return _calendar_start(day)


@macro()
def restated_period(evaluator, entity, day):
    """Whether this run restates an entity's period of `w.window_name` that holds a day, by the CTEs `periods` and `changed`."""
    name = entity.sql(dialect="trino")
    return (
        f"((SELECT is_full FROM control.run) OR ({name}, w.window_name, {_calendar_start(day)})"
        f" IN (SELECT entity_id, window_name, sample_date FROM periods) OR {name} IN (SELECT entity_id FROM changed))"
    )


@macro()
def calendar_window_names(evaluator):
    """VALUES of the calendar windows' names."""
    return _values(evaluator, _rows((name,) for name, _ in CALENDAR_WINDOWS), "w(window_name)")


@macro()
def rolling_window_days(evaluator):
    """VALUES of the rolling windows: name, days."""
    return _values(evaluator, _rows(ROLLING_WINDOWS), "w(window_name, window_days)")


@macro()
def edge_days(evaluator):
    """VALUES of how many days back a change enters or leaves a rolling window: 0 and the windows' lengths."""
    return _values(evaluator, _rows([(0,), *((length,) for _, length in ROLLING_WINDOWS)]), "w(window_days)")


@macro()
def nominal_days(evaluator, window, day):
    """Days of a calendar window's nominal period that begins on `day`."""
    name, text = window.sql(dialect="trino"), day.sql(dialect="trino")
    cases = " ".join(f"WHEN '{window_name}' THEN {_period_days(window_name, text)}" for window_name, _ in CALENDAR_WINDOWS)
    return f"CASE {name} {cases} END"


@macro()
def sum_columns(evaluator):
    """The wide columns of all `sum` measures, with and without bots, over (event_type, actor_kind, amount)."""
    columns = []
    for measure in _of("sum"):
        condition = f"event_type IN ({_texts(measure['events'])})"
        columns.append(f"SUM(CASE WHEN {condition} THEN amount END) AS {measure['name']}_all")
        columns.append(f"SUM(CASE WHEN {condition} AND actor_kind <> 'bot' THEN amount END) AS {measure['name']}_no_bots")
    return [evaluator.parse_one(column) for column in columns]


@macro()
def target_condition(evaluator):
    """Event types that make an artifact count as a repository at work."""
    types = {event for measure in _of("targets") for event in measure["events"]}
    return f"event_type IN ({_texts(sorted(types))})"


@macro()
def people_columns(evaluator):
    """The wide columns of all measures of people, over one row per person and period (…_days columns, is_share_window, nominal_days)."""
    columns = []
    for _, variant in VARIANTS:
        days = {"commits": f"commit_days_{variant}", "contributions": f"contribution_days_{variant}"}
        for measure in _of("people"):
            columns.append(f"SUM(CASE WHEN {days[measure['events']]} > 0 THEN 1 ELSE 0 END) AS {measure['name']}_{variant}")
        for measure in _of("active_days"):
            columns.append(f"SUM({days[measure['events']]}) AS {measure['name']}_{variant}")
        for measure in _of("share"):
            sign = ">=" if measure["events"] == "at_least" else "<"
            commits = days["commits"]
            columns.append(
                f"SUM(CASE WHEN is_share_window AND {commits} > 0 AND 3 * {commits} {sign} nominal_days THEN 1 ELSE 0 END)"
                f" AS {measure['name']}_{variant}"
            )
    return [evaluator.parse_one(column) for column in columns]


@macro()
def is_share_window(evaluator, window):
    """Whether full-time and part-time developers are defined for a window."""
    return f"{window.sql(dialect='trino')} IN ({_texts(SHARE_WINDOWS)})"


@macro()
def wide_names(evaluator, *shapes):
    """VALUES of the measures of some shapes in both variants: measure, is_no_bots."""
    rows = [f"('{m['name']}', {str(flag).upper()})" for m in _of(*(shape.name for shape in shapes)) for flag, _ in VARIANTS]
    return _values(evaluator, ", ".join(rows), "v(measure, is_no_bots)")


@macro()
def wide_value(evaluator, *shapes):
    """The value of a wide row for `v.measure` and `v.is_no_bots`, as a double."""
    cases = [
        f"WHEN v.measure = '{m['name']}' AND {'v.is_no_bots' if flag else 'NOT v.is_no_bots'} THEN {m['name']}_{variant}"
        for m in _of(*(shape.name for shape in shapes))
        for flag, variant in VARIANTS
    ]
    return f"CAST(CASE {' '.join(cases)} END AS DOUBLE)"


@macro()
def metric_name(evaluator, source, measure, is_no_bots, window):
    """`<event_source>_<measure>[_no_bots]_<window>`."""
    parts = [part.sql(dialect="trino") for part in (source, measure, is_no_bots, window)]
    return f"LOWER({parts[0]}) || '_' || {parts[1]} || CASE WHEN {parts[2]} THEN '_no_bots_' ELSE '_' END || {parts[3]}"


@macro()
def metric_catalogue(evaluator):
    """Every metric of one event source: what `metrics_v1` says of it, and the event types that it looks at."""
    measures = ", ".join(_catalogue_row(measure) for measure in MEASURES)
    windows = (*(name for name, _ in CALENDAR_WINDOWS), *(name for name, _ in ROLLING_WINDOWS), ALL_TIME)
    listed = ", ".join(f"('{name}', {str(name in SHARE_WINDOWS).upper()})" for name in windows)
    query = evaluator.parse_one(
        f"""SELECT * FROM (
          SELECT
            m.measure, w.window_name, NOT v.is_no_bots AS includes_bots,
            m.title || ' (' || REPLACE(w.window_name, '_', ' ') || v.bots || ')' AS display_name,
            m.text || '; ' || REPLACE(w.window_name, '_', ' ') || v.bots AS description,
            m.unit, m.event_types,
            CASE WHEN v.is_no_bots THEN m.definition_no_bots ELSE m.definition END AS definition_sql
          FROM (VALUES {measures}) AS m(measure, is_share, title, text, unit, event_types, definition, definition_no_bots)
          CROSS JOIN (VALUES {listed}) AS w(window_name, is_share_window)
          CROSS JOIN (VALUES (FALSE, ''), (TRUE, ', without bots')) AS v(is_no_bots, bots)
          WHERE w.is_share_window OR NOT m.is_share
        ) AS c"""
    )
    return query.find(exp.From).this


def _catalogue_row(measure):
    types = _event_types(measure)
    fields = (measure["title"], measure["text"], measure["unit"], "|".join(types))
    definitions = (_definition(measure, types, is_no_bots) for is_no_bots, _ in VARIANTS)
    is_share = str(measure["shape"] == "share").upper()
    return f"('{measure['name']}', {is_share}, {', '.join(_text(field) for field in (*fields, *definitions))})"


def _text(value):
    return "'" + value.replace("'", "''") + "'"


def _event_types(measure):
    events = measure["events"]
    if isinstance(events, str):
        events = CONTRIBUTIONS if events == "contributions" else ("COMMIT_CODE",)
    return sorted(events)


def _definition(measure, types, is_no_bots):
    """A query over events_daily_v1 that gives the metric's value for some artifacts and days."""
    where = f"event_source = ':event_source' AND event_type IN ({_texts(types)}) AND to_artifact_id IN (:artifact_ids)"
    where += " AND actor_kind <> 'bot'" if is_no_bots else ""
    during = f"{where} AND bucket_date BETWEEN :first_day AND :last_day"
    days = f"SELECT from_artifact_id, COUNT(DISTINCT bucket_date) AS days FROM marts.events_daily_v1 WHERE {during} GROUP BY 1"
    sign = ">=" if measure["events"] == "at_least" else "<"
    return {
        "sum": f"SELECT SUM(amount) FROM marts.events_daily_v1 WHERE {during}",
        "people": f"SELECT COUNT(DISTINCT from_artifact_id) FROM marts.events_daily_v1 WHERE {during}",
        "targets": f"SELECT COUNT(DISTINCT to_artifact_id) FROM marts.events_daily_v1 WHERE {during}",
        "active_days": f"SELECT COUNT(DISTINCT (from_artifact_id, bucket_date)) FROM marts.events_daily_v1 WHERE {during} AND from_artifact_id IS NOT NULL",
        "share": f"SELECT COUNT(*) FROM ({days}) WHERE from_artifact_id IS NOT NULL AND 3 * days {sign} :window_days",
        "first": f"SELECT COUNT(*) FROM (SELECT from_artifact_id, MIN(bucket_date) AS first_day FROM marts.events_daily_v1 WHERE {where}"
        " AND from_artifact_id IS NOT NULL GROUP BY 1) WHERE first_day BETWEEN :first_day AND :last_day",
    }[measure["shape"]]


@macro()
def sum_measures(evaluator):
    """VALUES of event types and the `sum` measure that each counts to."""
    rows = ", ".join(f"('{event}', {MEASURES.index(measure)})" for measure in _of("sum") for event in measure["events"])
    return _values(evaluator, rows, "s(event_type, measure_number)")


@macro()
def people_measures(evaluator, *shapes):
    """VALUES of the measures of some shapes and whether each looks at commits alone."""
    chosen = _of(*(shape.name for shape in shapes))
    rows = ", ".join(f"('{m['name']}', {MEASURES.index(m)}, {str(m['events'] == 'commits').upper()})" for m in chosen)
    return _values(evaluator, rows, "p(measure, measure_number, is_commits)")


@macro()
def share_number(evaluator, events):
    """The number of the measure of the shape `share` that is meant: at_least (full time) or fewer (part time)."""
    return str(next(MEASURES.index(m) for m in _of("share") if m["events"] == events.name))


@macro()
def share_window_days(evaluator, days):
    """Whether full-time and part-time developers are defined for a rolling window of so many days."""
    chosen = [length for name, length in ROLLING_WINDOWS if name in SHARE_WINDOWS]
    return f"{days.sql(dialect='trino')} IN ({', '.join(str(length) for length in chosen)})"


@macro()
def measure_numbers(evaluator):
    """VALUES of all measures' numbers and names."""
    rows = ", ".join(f"({number}, '{measure['name']}')" for number, measure in enumerate(MEASURES))
    return _values(evaluator, rows, "q(measure_number, measure)")


@macro()
def additive_measures(evaluator):
    """VALUES of the measures whose all-time value is the sum over years."""
    rows = ", ".join(f"('{m['name']}')" for m in _of("sum", "active_days"))
    return _values(evaluator, rows, "a(measure)")


@macro()
def summed(evaluator, *shapes):
    """SUM of each wide column of some shapes, under its own name."""
    names = [f"{m['name']}_{variant}" for m in _of(*(shape.name for shape in shapes)) for _, variant in VARIANTS]
    return [evaluator.parse_one(f"SUM({name}) AS {name}") for name in names]
