"""The materialisation of incremental models: rows that a run restates go, and come again from the query.

`restates` is the condition, over the table's own columns, of the rows that go; the query must give rows under the same condition alone.
In a blueprint `@level` stands for the level that the model's name ends in.
`touches` (optional) is a statement that is run before and after, with `@this` for the table and `@sign` -1 and 1: it records which days and artifacts
changed, for the models downstream. `month_of` (optional) is the date or time by whose months the published table is cut: the
days that changed are noted in `control.unpublished_days`.

In a full build (`control.run.is_full`) all rows go, nothing is recorded but that everything is unpublished.
"""

import typing as t

from sqlmesh import CustomMaterialization

from catalog.crash import crash_point


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
        chosen["restates"] = chosen["restates"].replace("@level", name.rpartition("_by_")[2])
        if is_full:
            self.adapter.execute(f"DELETE FROM {table_name}")
        else:
            self._note(chosen, table_name, name, -1)
            self.adapter.execute(f"DELETE FROM {table_name} WHERE {chosen['restates']}")
        crash_point("transform.deleted")
        self.adapter.insert_append(table_name, query_or_df, target_columns_to_types=model.columns_to_types)
        if not is_full:
            self._note(chosen, table_name, name, 1)
        crash_point("transform.model")

    def _note(self, chosen: dict[str, t.Any], table_name: str, name: str, sign: int) -> None:
        restates = chosen["restates"]
        if chosen.get("touches"):
            for statement in chosen["touches"].split(";"):
                self.adapter.execute(statement.replace("@this", f"{table_name}").replace("@restates", restates).replace("@sign", str(sign)))
        if chosen.get("month_of"):
            days = f"SELECT DISTINCT '{name}', CAST({chosen['month_of']} AS DATE) FROM {table_name} WHERE {restates}"
            self.adapter.execute(f"INSERT INTO control.unpublished_days {days}")
