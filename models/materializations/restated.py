"""The materialisation of incremental models: rows that a run restates go, and come again from the query.

`restates` is the condition, over the table's own columns, of the rows that go; the query must give rows under the same condition alone.
In a blueprint `@level` stands for the level that the model's name ends in.
`begins` (optional) are statements that are run before all else, with `@this` for the table: they record which rows, beside those of changed
days, are to be restated, or keep rows that the query needs and that go.
`days_of` and `days` (optional) are a column, and a query of the days that it has in the rows that go and in those that come, asked after
`begins`: their months are written out, since engines skip files by constants, and not by what a subquery gives. A query that uses `@restated`
with days is rendered before `begins`, so it can't rest on what that records.
`touches` (optional) is a statement that is run before and after, with `@this` for the table and `@sign` -1 and 1: it records which days and artifacts
changed, for the models downstream. `month_of` (optional) is the date or time by whose months the published table is cut: the
days that changed are noted in `control.unpublished_days`; where a kill leaves no trace of this, those alone whose rows differ.

`staged` (optional) names CTEs that several others read: Trino writes a CTE's plan out wherever it is read, and refuses plans of more than 150 stages,
so there each of them becomes a table in the schema `scratch` first.

Trino sorts what it writes in memory. Where that is too little for all rows at once, as in a full build of years, they are written unsorted into
the schema `scratch` first, and inserted from there some months at a time.

In a full build (`control.run.is_full`) all rows go, nothing is recorded but that everything is unpublished.
"""

import typing as t

from sqlglot import exp
from sqlmesh import CustomMaterialization

from catalog.crash import crash_point
from lakehouse.months import months_together, within_months

TOO_LARGE = {"EXCEEDED_LOCAL_MEMORY_LIMIT", "EXCEEDED_GLOBAL_MEMORY_LIMIT", "HIVE_WRITER_DATA_ERROR"}
"""Trino's names for: memory ends, or a writer has to spill where the object store takes no temporary files. Nothing was inserted then."""


class Restated(CustomMaterialization):
    """Delete under a condition, insert the query, in one transaction where the engine has them."""

    NAME = "restated"

    def insert(
        self, table_name: str, query_or_df: t.Any, model: t.Any, is_first_insert: bool, render_kwargs: dict[str, t.Any], **kwargs: t.Any
    ) -> None:
        """Restate the table."""
        chosen = {key: str(value) for key, value in model.custom_materialization_properties.items()}
        is_full = self.adapter.fetchone("SELECT is_full FROM control.run")[0]
        name = ".".join(part.name for part in model.fully_qualified_table.parts[-2:])
        level = name.rpartition("_by_")[2]
        chosen["restates"] = chosen["restates"].replace("@level", level)
        if is_full:
            self.adapter.execute(f"DELETE FROM {table_name}")
        else:
            self._execute_all(chosen.get("begins", ""), {"@this": table_name, "@level": level})
            if "days" in chosen:
                days = [row[0] for row in self.adapter.fetchall(chosen["days"])]
                chosen["restates"] = f"({chosen['restates']}) AND {within_months(chosen['days_of'], days)}"
            self._note(chosen, table_name, name, -1)
            if self._is_exact(chosen):
                self.adapter.execute(
                    f"CREATE OR REPLACE TABLE control.rows_before AS SELECT * FROM {table_name} WHERE {chosen['restates']}"
                )
            self.adapter.execute(f"DELETE FROM {table_name} WHERE {chosen['restates']}")
        crash_point("transform.deleted")
        staged = [part.strip() for part in chosen.get("staged", "").split(",") if part.strip()] if self.adapter.dialect == "trino" else []
        query = self._stage(query_or_df, staged, name) if staged else query_or_df
        try:
            self.adapter.insert_append(table_name, query, target_columns_to_types=model.columns_to_types)
        except Exception as error:
            if getattr(error, "error_name", "") not in TOO_LARGE or not chosen.get("month_of"):
                raise
            self._insert_by_month(table_name, query, model.columns_to_types, chosen["month_of"], name)
        crash_point("transform.inserted")
        for cte in staged:
            self.adapter.execute(f"DROP TABLE {_scratch(name, cte)}")
        if not is_full:
            self._note(chosen, table_name, name, 1)
        crash_point("transform.model")

    def _stage(self, query: exp.Query, staged: list[str], name: str) -> exp.Query:
        """Write the named CTEs into tables, one after the other, and return the query that reads those."""
        query = query.copy()
        self.adapter.create_schema("scratch")
        for cte in list(query.ctes):
            if cte.alias not in staged:
                continue
            earlier = [one.copy() for one in query.ctes[: query.ctes.index(cte)]]
            part = cte.this.copy()
            part.set("with_", exp.With(expressions=earlier) if earlier else None)
            self.adapter.execute(f"CREATE OR REPLACE TABLE {_scratch(name, cte.alias)} AS {part.sql(dialect='trino', identify=True)}")
            cte.pop()
            for table in [one for one in query.find_all(exp.Table) if one.name == cte.alias and not one.db]:
                table.replace(exp.to_table(_scratch(name, cte.alias), dialect="trino").as_(table.alias_or_name))
        return query

    def _insert_by_month(self, table_name: str, query: exp.Query, columns: dict[str, exp.DataType], month_of: str, name: str) -> None:
        """Insert the rows of a query some months at a time."""
        rows = _scratch(name, "rows")
        self.adapter.create_schema("scratch")
        self.adapter.execute(f"CREATE OR REPLACE TABLE {rows} AS {query.sql(dialect='trino', identify=True)}")
        month = f"DATE_TRUNC('month', CAST({month_of} AS DATE))"
        counts = self.adapter.fetchall(f"SELECT {month}, COUNT(*) FROM {rows} GROUP BY 1 ORDER BY 1")
        for first, last in months_together(counts):
            part = exp.select(*(exp.column(column, quoted=True) for column in columns)).from_(exp.to_table(rows, dialect="trino"))
            chosen = part.where(f"{month} BETWEEN DATE '{first}' AND DATE '{last}'", dialect="trino")
            self.adapter.insert_append(table_name, chosen, target_columns_to_types=columns)
        self.adapter.execute(f"DROP TABLE {rows}")

    def _note(self, chosen: dict[str, t.Any], table_name: str, name: str, sign: int) -> None:
        restates = chosen["restates"]
        self._execute_all(chosen.get("touches", ""), {"@this": table_name, "@restates": restates, "@sign": str(sign)})
        if not chosen.get("month_of") or (self._is_exact(chosen) and sign < 0):
            return
        rows = f"SELECT * FROM {table_name} WHERE {restates}"
        if self._is_exact(chosen):
            before, after = "SELECT * FROM control.rows_before", "SELECT * FROM rows_after"
            rows = f"WITH rows_after AS ({rows}) SELECT * FROM (({after}) EXCEPT ({before})) UNION ALL (({before}) EXCEPT ({after}))"
        days = f"SELECT DISTINCT '{name}', CAST({chosen['month_of']} AS DATE) FROM ({rows}) AS restated_rows"
        self.adapter.execute(f"INSERT INTO control.unpublished_days {days}")
        if self._is_exact(chosen):
            self.adapter.execute("DROP TABLE control.rows_before")

    def _execute_all(self, statements: str, words: dict[str, str]) -> None:
        """Execute the statements of a property, with what its words stand for."""
        for statement in filter(None, statements.split(";")):
            for word, meaning in words.items():
                statement = statement.replace(word, meaning)
            self.adapter.execute(statement)

    def _is_exact(self, chosen: dict[str, t.Any]) -> bool:
        """Whether rows before and after can be compared: only in a transaction are those before sure to be as the last run left them."""
        return bool(chosen.get("month_of")) and self.adapter.dialect == "duckdb"


def _scratch(name: str, cte: str) -> str:
    return f"scratch.{name.partition('.')[2]}__{cte}"
