"""The same tables by sanctlib, pandas, polars and DuckDB, each a program of its own."""

from __future__ import annotations

FIRST, LAST = "1991-01-01", "2018-06-30"
SPAN = f"SPAN = ({FIRST!r}, {LAST!r})"

# Each is given a folder of events and prints the rows of its table and the acts in it; given a
# file too, it keeps the core of the table there.

COUNTS = {
    "sanctlib": """
import sys, sanctlib as sl
counts = sl.sanction_counts(sys.argv[1], every="month", unit="act", by=["sender", "target"])
table = counts.table
print(table["period"].notna().sum(), table["n"].sum())
if sys.argv[2:]:
    core = table.loc[table["period"].notna(), ["period", "sender", "target", "n"]]
    core.to_parquet(sys.argv[2])
""",
    "pandas": """
import sys, pandas as pd
columns = ["date", "date_last", "sender", "target", "family", "action"]
events = pd.read_parquet(sys.argv[1], columns=columns)
events = events[events["family"].eq("sanction") & events["action"].isin(["impose", "amend"])]
days = events[["date", "date_last"]].apply(pd.to_datetime)
events = events.assign(period=days["date"].dt.to_period("M"), last=days["date_last"].dt.to_period("M"))
sides = ["sender", "target"]
known = events[sides].drop_duplicates()
events = events[events["period"].eq(events["last"])]
n = events.groupby([*sides, "period"], dropna=False).size().rename("n").reset_index()
periods = pd.DataFrame({"period": pd.period_range(*SPAN, freq="M")})
table = known.merge(periods, how="cross").merge(n, how="left", on=[*sides, "period"])
table["n"] = table["n"].fillna(0).astype("int64")
table["period"] = table["period"].dt.to_timestamp()
print(len(table), table["n"].sum())
if sys.argv[2:]:
    table.to_parquet(sys.argv[2])
""",
    "polars": """
import sys, polars as pl
from datetime import date
month = lambda c: pl.col(c).dt.truncate("1mo")
sides = ["sender", "target"]
events = pl.scan_parquet(sys.argv[1] + "/*.parquet").filter(
    pl.col("family") == "sanction", pl.col("action").is_in(["impose", "amend"])
)
found = events.group_by(*sides, period=month("date"), one=month("date") == month("date_last"))
found = found.agg(n=pl.len()).collect(engine="streaming")
first, last = (date.fromisoformat(day) for day in SPAN)
periods = pl.DataFrame({"period": pl.date_range(first, last, "1mo", eager=True)})
placed = found.filter("one").drop("one")
table = found.select(sides).unique().join(periods, how="cross").join(
    placed, on=[*sides, "period"], how="left", nulls_equal=True
).with_columns(pl.col("n").fill_null(0))
print(len(table), table["n"].sum())
if sys.argv[2:]:
    table.write_parquet(sys.argv[2])
""",
    "DuckDB": """
import sys, duckdb
duckdb.sql("SET preserve_insertion_order = false; SET enable_progress_bar = false")
table = duckdb.sql(f'''
    WITH found AS (
        SELECT date_trunc('month', date) AS period, sender, target,
            period = date_trunc('month', date_last) AS one, count(*) AS n
        FROM read_parquet('{sys.argv[1]}/*.parquet')
        WHERE family = 'sanction' AND action IN ('impose', 'amend') GROUP BY ALL),
    known AS (SELECT DISTINCT sender, target FROM found),
    periods AS (
        SELECT unnest(generate_series(DATE '{SPAN[0]}', DATE '{SPAN[1]}', INTERVAL 1 MONTH)) AS period)
    SELECT p.period::DATE AS period, k.sender, k.target, coalesce(f.n, 0) AS n
    FROM known k CROSS JOIN periods p LEFT JOIN (FROM found WHERE one) f
        ON f.period = p.period AND f.sender IS NOT DISTINCT FROM k.sender
        AND f.target IS NOT DISTINCT FROM k.target
''').to_arrow_table()
import pyarrow.compute as pc
print(len(table), pc.sum(table["n"]))
if sys.argv[2:]:
    import pyarrow.parquet
    pyarrow.parquet.write_table(table, sys.argv[2])
""",
}

INTENSITY = {
    "sanctlib": """
import sys, sanctlib as sl
table = sl.partnership_intensity(sys.argv[1], pair=None, every="month").table
print(len(table), table["n"].sum())
if sys.argv[2:]:
    table.to_parquet(sys.argv[2])
""",
    "pandas": """
import sys, pandas as pd
from sanctlib.schema import COMPONENTS
columns = ["date", "date_last", "sender", "target", "family", "action"]
events = pd.read_parquet(sys.argv[1], columns=columns)
days = events[["date", "date_last"]].apply(pd.to_datetime)
period = days["date"].dt.to_period("M")
events = events.assign(period=period)[period.eq(days["date_last"].dt.to_period("M"))]
exposure = events.groupby("period").size().rename("exposure")
part = {action: name for name, actions in COMPONENTS.items() for action in actions}
acts = events[events["family"].eq("cooperation")].dropna(subset=["sender", "target"])
acts = acts[acts["sender"].ne(acts["target"])].assign(component=lambda t: t["action"].map(part))
turned = acts["sender"].gt(acts["target"])
acts = acts.assign(
    first=acts["sender"].mask(turned, acts["target"]),
    second=acts["target"].mask(turned, acts["sender"]),
)
keys = ["period", "first", "second"]
parts = acts.groupby([*keys, "component"]).size().rename("n").reset_index()
whole = parts.groupby(keys)["n"].sum().reset_index().assign(component="all_cooperation")
table = pd.concat([parts, whole], ignore_index=True).merge(exposure, on="period")
table["rate"] = 1000 * table["n"] / table["exposure"]
table["period"] = table["period"].dt.to_timestamp()
print(len(table), table["n"].sum())
if sys.argv[2:]:
    table.to_parquet(sys.argv[2])
""",
    "polars": """
import sys, polars as pl
from sanctlib.schema import COMPONENTS
month = lambda c: pl.col(c).dt.truncate("1mo")
events = pl.scan_parquet(sys.argv[1] + "/*.parquet").filter(month("date") == month("date_last"))
exposure = events.group_by(period=month("date")).agg(exposure=pl.len())
first, second = pl.min_horizontal("sender", "target"), pl.max_horizontal("sender", "target")
acts = events.filter(pl.col("family") == "cooperation", pl.col("sender") != pl.col("target"))
sums = {name: pl.col("action").is_in(actions).sum() for name, actions in COMPONENTS.items()}
wide = acts.group_by(period=month("date"), first=first, second=second).agg(**sums)
wide, exposure = pl.collect_all([wide, exposure], engine="streaming")
wide = wide.with_columns(all_cooperation=pl.sum_horizontal(*COMPONENTS))
keys = ["period", "first", "second"]
table = wide.unpivot(index=keys, variable_name="component", value_name="n")
table = table.filter(pl.col("n") > 0).join(exposure, on="period")
table = table.with_columns(rate=1000 * pl.col("n") / pl.col("exposure"))
print(len(table), table["n"].sum())
if sys.argv[2:]:
    table.write_parquet(sys.argv[2])
""",
    "DuckDB": """
import sys, duckdb
from sanctlib.schema import COMPONENTS
duckdb.sql("SET preserve_insertion_order = false; SET enable_progress_bar = false")
sums = ", ".join(f"count(*) FILTER (action IN {actions + actions[:1]}) AS {name}" for name, actions in COMPONENTS.items())
table = duckdb.sql(f'''
    WITH events AS (
        SELECT date_trunc('month', date) AS period, sender, target, family, action
        FROM read_parquet('{sys.argv[1]}/*.parquet')
        WHERE date_trunc('month', date) = date_trunc('month', date_last)),
    exposure AS (SELECT period, count(*) AS exposure FROM events GROUP BY ALL),
    wide AS (
        SELECT period, least(sender, target) AS first, greatest(sender, target) AS second,
            {sums}, count(*) AS all_cooperation
        FROM events WHERE family = 'cooperation' AND sender <> target GROUP BY ALL),
    long AS (UNPIVOT wide ON COLUMNS(* EXCLUDE (period, first, second)) INTO NAME component VALUE n)
    SELECT *, 1000 * n / exposure AS rate FROM long JOIN exposure USING (period) WHERE n > 0
''').to_arrow_table()
import pyarrow.compute as pc
print(len(table), pc.sum(table["n"]))
if sys.argv[2:]:
    import pyarrow.parquet
    pyarrow.parquet.write_table(table, sys.argv[2])
""",
}
