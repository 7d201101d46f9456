"""The rules of events, in SQL: lines of text, and what their texts mean, become acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sanctlib.codes.countries import NO_STATE, UNKNOWN, Succession, System
from sanctlib.schema import ACTIONS

SIDE = ("actor", "country", "body")
"""The texts that show a party: its name, its country, and the body that it belongs to."""

CELLS = ("id", "date", "code", "score", "stamp", *(f"{text}{n}" for n in (1, 2) for text in SIDE))
"""The texts of a line that the rules use; a source has all of them or some."""


@dataclass(frozen=True, kw_only=True)
class EventSource:
    """
    A source of events: where its lines have what, in which form, and who its parties are.

    `label` and `actor_key` are SQL over ``actor``, ``country`` and ``body`` of one side: the text
    that is resolved, and the text that distinguishes reports of one act.
    """

    key: str
    columns: Mapping[str, str | tuple[str, ...]]
    """Each of `CELLS` that the source has, and its name there; several are joined in one."""
    also: Sequence[str] = ()
    """Names of further columns that show a file to be of this source."""
    layouts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Names of the cells by their number, where no header line has them."""
    encodings: Sequence[str] = ("utf-8",)
    nulls: Sequence[str] = ("",)
    formats: Sequence[str] = ("%Y-%m-%d",)
    """Formats of a day; of several a file has the one that most of its rows fit."""
    date_basis: str = "coded"
    codes: Literal["cameo", "plover"] = "cameo"
    system: System = "name"
    succession: Succession = "strict"
    label: str = "coalesce(country, actor)"
    texts: Sequence[str] = ()
    """SQL of all texts that `label` may choose from, where it asks what they mean."""
    unknown: str = "label"
    actor_key: str = "actor"
    joined: str = ""
    """Parts several parties in one cell: such an act has a row for each of its pairs."""
    delimiters: Sequence[str] = ("\t",)
    """What may part the cells: that which is the most frequent in the first lines does."""
    checks: Sequence[str] = ("check dates", "map action codes", "check types", "check numbers")
    """The steps that reject rows, in this order: a row has the reason of the first."""
    must_exist: bool = False
    """Whether a party that was no state on the day rejects the row, or is unknown."""
    shown: int = 2000
    """Characters of a rejected line that are kept."""
    files_a_day: int = 0
    """How many files of stamps with a time make a whole day."""
    breaks: Sequence[tuple[date, str]] = ()
    breaks_timed: Sequence[tuple[date, str]] = ()
    """Further breaks, where files are of 15 minutes."""
    """Changes in how the source is made; those within its days become its coverage's."""


def _texts(source: EventSource) -> list[str]:
    """Return which texts of a side the source has."""
    return [c for c in SIDE if f"{c}1" in source.columns]


def sides(source: EventSource) -> str:
    """Return each side of a line, with its day, once: all that shows a party."""
    cells = _texts(source)
    marks = ", ".join(f"'{mark}'" for mark in source.nulls)
    clean = [
        f"CASE WHEN trim(said_{c}) NOT IN ({marks}) THEN said_{c} END AS {c}"
        if c in cells
        else f"CAST(NULL AS VARCHAR) AS {c}"
        for c in SIDE
    ]
    each = (
        "SELECT " + ", ".join(f"{c}{n} AS said_{c}" for c in cells) + ", date FROM lines"
        for n in (1, 2)
    )
    return f"""
SELECT s.*, {", ".join(clean)} FROM ({" UNION ".join(each)}) AS s"""


def texts(source: EventSource) -> str:
    """Return each text that may name a party, once."""
    each = source.texts or (source.label,)
    return " UNION ".join(f"SELECT {text} AS text FROM sides" for text in each)


def lists(source: EventSource) -> str:
    """Return each list of parties once."""
    return f"SELECT DISTINCT {source.label} FROM sides WHERE {source.label} IS NOT NULL"


def parties(source: EventSource, *, ordered: bool = False) -> str:
    """Return each side with its party on the day, numbered: several where it is a list."""
    # A state that began within the days of a row is resolved on the last of them.
    late = f"n.reason = '{NO_STATE}' AND c.day <> c.last"
    part = "p.part" if source.joined else source.label
    lists = f"LEFT JOIN lists AS p ON {source.label} = p.text" if source.joined else ""
    gone = f"CASE WHEN why = '{NO_STATE}' THEN shown || ' was not a state on ' || day END"
    said = ", ".join(f"said_{c}" for c in _texts(source))
    # An engine that makes a table again must give the same numbers.
    order = f"ORDER BY {said}, date, label" if ordered else ""
    return f"""
SELECT row_number() OVER ({order}) AS n, {said}, date, day, last, bad, actor_key, label, party,
  {gone if source.must_exist else "NULL"} AS gone, why,
  CASE WHEN party IS NULL THEN {source.unknown} END AS unknown
FROM (
  SELECT c.*, CASE WHEN {late} THEN m.code ELSE n.code END AS party, n.shown,
    coalesce(CASE WHEN {late} THEN m.reason ELSE n.reason END, '{UNKNOWN}') AS why
  FROM (
    SELECT s.*, d.day, d.last, d.why AS bad, {part} AS label, {source.actor_key} AS actor_key
    FROM sides AS s JOIN days AS d ON s.date = d.text {lists}) AS c
  LEFT JOIN names AS n ON c.label = n.text AND c.day BETWEEN n.since AND n.until
  LEFT JOIN names AS m ON c.label = m.text AND c.last BETWEEN m.since AND m.until
    AND c.day <> c.last) AS f"""


MUTUAL = "mutual"
"""The code of an act that one's own table calls mutual."""

_GONE = """CASE WHEN p1.gone IS NULL AND p2.gone IS NULL THEN NULL
    WHEN c.turned AND p1.gone IS NOT NULL THEN 'target ' || p1.gone
    WHEN c.turned THEN 'sender ' || p2.gone
    WHEN p2.gone IS NOT NULL THEN 'target ' || p2.gone ELSE 'sender ' || p1.gone END"""
_OF_TWO = ", ".join(f"'{a}'" for a in (*ACTIONS["sanction"], *ACTIONS["cooperation"]))
_WHY = {
    "check dates": "p1.bad",
    "map action codes": "c.why",
    "map actions": "c.why",
    "map event types": "c.why",
    "check types": "g.why",
    # Nearly all ids begin with a digit: they need no second look.
    "check numbers": "CASE WHEN r.id < '!' OR r.id >= 'A' THEN"
    " CASE WHEN trim(r.id) IN ({nulls}) THEN 'no number of the event' END END",
    "resolve parties": _GONE,
    "check pairs": f"CASE WHEN p1.party = p2.party AND c.action IN ({_OF_TWO})"
    f" THEN CASE WHEN c.code = '{MUTUAL}' THEN 'a mutual act of ' || p1.party || ' with itself'"
    " ELSE 'an act of ' || p1.party || ' on itself' END END",
}


def _checks(source: EventSource) -> dict[str, str]:
    """Return what each step has against a line."""
    marks = ", ".join(f"'{mark}'" for mark in source.nulls)
    return {step: _WHY[step].format(nulls=marks) for step in source.checks}


def _in_full(source: EventSource, lines: str = "lines") -> str:
    """Return each line beside what its texts mean."""
    on = [f"r.{c}{{n}} = p{{n}}.said_{c}" for c in _texts(source)] + ["r.date = p{n}.date"]
    first, second = (" AND ".join(on).format(n=n) for n in (1, 2))
    return f"""FROM {lines} AS r
JOIN parties AS p1 ON {first}
JOIN parties AS p2 ON {second}
JOIN codes AS c ON r.code = c.text
JOIN scores AS g ON r.score = g.text"""


def coded(source: EventSource, *, same: str = "r.row") -> str:
    """
    Return each line that is not rejected, with its act, its score and its sides.

    A line whose sides are lists has a row for each pair of their parties. Lines of one `same`
    say the same, but for their id and score.
    """
    # A mutual act of one's own table has its parties in alphabetical order.
    return f"""
SELECT r.row, r.id, c.n AS act, g.value AS goldstein, p1.n AS side1, p2.n AS side2,
  c.turned OR (c.code = '{MUTUAL}' AND coalesce(p1.party > p2.party, FALSE)) AS turned,
  {same} AS same
{_in_full(source)}
WHERE {" AND ".join(f"({why}) IS NULL" for why in _checks(source).values())}"""


def same(*, n_sides: int, n_codes: int) -> str:
    """Return a number that lines share which say the same; one without an actor shares none."""
    number = f"(p1.n * {n_sides + 1} + p2.n) * {n_codes} + c.n"
    return f"CASE WHEN p1.actor_key IS NULL OR p2.actor_key IS NULL THEN -r.row ELSE {number} END"


def lost(source: EventSource) -> str:
    """Return the lines that are rejected: the first step that rejects each, and the reason."""
    checks = _checks(source)
    step = " ".join(f"WHEN {why} IS NOT NULL THEN '{name}'" for name, why in checks.items())
    # Of a line with several parties one pair may be kept and another lost.
    rest = "SELECT r.* FROM lines AS r LEFT JOIN coded AS k ON r.row = k.row WHERE k.row IS NULL"
    lines = "lines" if source.joined else f"({rest})"
    return f"""
SELECT row, step, min(why) AS why FROM (
  SELECT r.row, CASE {step} END AS step, coalesce({", ".join(checks.values())}) AS why
  {_in_full(source, lines)}) AS l
WHERE why IS NOT NULL GROUP BY row, step"""


ALONE = "SELECT *, 1 AS n FROM coded"
"""The rows of `coded`, each for itself."""
TOGETHER = """
SELECT c.*, g.n FROM coded AS c
JOIN (SELECT min(row) AS row, count(*) AS n FROM coded GROUP BY same) AS g ON c.row = g.row"""
"""The rows of `coded`: those that say the same once, as the first, with their number."""


def kept(source: EventSource, *, start: int, part: int = 0) -> str:
    """Return the rows of ``said``, numbered from `start`: by line, or as expanded."""
    if source.joined:
        return _WRITTEN_OUT.format(start=start)
    return f"""
SELECT {start} + r.row AS row, {part} AS part, r.same, r.n, r.id, '' AS pair, {_CONTENT}
{_OF_SAID}"""


IDS_OF_CODED = "SELECT {start} + row AS row, {part} AS part, same, id, goldstein FROM coded"
"""The id and the score of each row that ``kept`` stands for."""


ROWS = "row BIGINT, part BIGINT, same BIGINT, n BIGINT, id VARCHAR, pair VARCHAR, day DATE,"
ROWS += " last DATE, code VARCHAR, action VARCHAR, mirror BOOLEAN, goldstein DOUBLE,"
ROWS += " a1 {actor_key}, a2 {actor_key}, sender VARCHAR, target VARCHAR"
"""The columns of ``kept``."""
IDS = "row BIGINT, part BIGINT, same BIGINT, id VARCHAR, goldstein DOUBLE"
"""The columns of ``ids``."""
_CONTENT = """p1.day, p1.last, c.code, c.action, c.mirror, r.goldstein,
  p1.actor_key AS a1, p2.actor_key AS a2,
  CASE WHEN r.turned THEN p2.party ELSE p1.party END AS sender,
  CASE WHEN r.turned THEN p1.party ELSE p2.party END AS target"""
_OF_SAID = """FROM said AS r JOIN codes AS c ON r.act = c.n
JOIN parties AS p1 ON r.side1 = p1.n
JOIN parties AS p2 ON r.side2 = p2.n"""
# An act of several senders or targets has a row for each pair, but none of a state with itself.
_WRITTEN_OUT = f"""
SELECT {{start}} + line AS row, 0 AS part, {{start}} + line AS same, 1 AS n, id,
  CASE WHEN n_others > 1 THEN ':' || coalesce(l1, '') || '>' || coalesce(l2, '') ELSE '' END
  AS pair, day, last, code, action, mirror, goldstein, a1, a2, sender, target
FROM (
  SELECT *, row_number() OVER (ORDER BY row, l1, l2) AS line FROM (
    SELECT r.row, r.id, {_CONTENT}, p1.label AS l1, p2.label AS l2,
      count(*) OVER (PARTITION BY r.row) AS n_pairs,
      sum(CASE WHEN p1.label = p2.label THEN 0 ELSE 1 END) OVER (PARTITION BY r.row) AS n_others
    {_OF_SAID}) AS r
  WHERE l1 IS NULL OR l2 IS NULL OR l1 <> l2 OR n_pairs = 1) AS r"""

UNKNOWN_NAMES = """
SELECT CASE WHEN turned = first THEN 'target' ELSE 'sender' END AS side, p.unknown, p.why,
  CAST(sum(f.n) AS BIGINT)
FROM (
  SELECT turned, TRUE AS first, side1 AS side, sum(n) AS n FROM said GROUP BY 1, 2, 3
  UNION ALL
  SELECT turned, FALSE, side2, sum(n) FROM said GROUP BY 1, 2, 3) AS f
JOIN parties AS p ON f.side = p.n WHERE p.unknown IS NOT NULL GROUP BY 1, 2, 3"""

DAYS = "SELECT DISTINCT p.day FROM said AS r JOIN parties AS p ON r.side1 = p.n"
"""The days of the rows that are kept."""


_TWICE = "SELECT id FROM {0} GROUP BY id HAVING count(*) > 1"
_OF_KEPT = f"SELECT *, row AS of FROM kept WHERE id IN ({_TWICE.format('kept')})"
_OF_IDS = f"""
    SELECT k.* EXCLUDE (row, id, goldstein), k.row AS of, i.row, i.id, i.goldstein
    FROM ids AS i JOIN kept AS k ON i.part = k.part AND i.same = k.same
    WHERE i.id IN ({_TWICE.format("ids")})"""


def again(source: EventSource, *, together: bool) -> str:
    """
    Return the rows whose id is that of others: which act of the id each has, and copies.

    ``of`` is its row of ``kept``.
    """
    # Contents are acts of their own; of an expanded act, the parties are not its content.
    content = "id, day, last, code, action, goldstein, a1, a2"
    row = f"{content}, sender, target"
    return f"""
SELECT row, of, dense_rank() OVER (PARTITION BY id ORDER BY first) AS nth, copy > 1 AS copied
FROM (
  SELECT row, of, id, min(row) OVER (PARTITION BY {content if source.joined else row}) AS first,
    row_number() OVER (PARTITION BY {row} ORDER BY row) AS copy
  FROM ({_OF_IDS if together else _OF_KEPT}) AS r) AS r"""


# One day, both actors as the source writes them, and code; an actor without a name is no other.
REPEATS = """
SELECT min(row) AS row, CAST(sum(n_left) AS BIGINT) AS n, day, last, code, action, sender, target,
  bool_or(mirror) AS mirror
FROM (
  SELECT k.*, k.n - coalesce(g.n, 0) AS n_left FROM kept AS k
  LEFT JOIN (SELECT of, count(*) AS n FROM again WHERE copied GROUP BY of) AS g ON k.row = g.of
  WHERE k.n > coalesce(g.n, 0)) AS k
GROUP BY day, last, code, action, sender, target, a1, a2,
  CASE WHEN a1 IS NULL OR a2 IS NULL THEN row END"""

# Rows of one's own table, with the reports that it counts itself.
OWN_ROWS = """
SELECT k.row, r.n, day, last, code, action, sender, target, mirror
FROM kept AS k JOIN reports AS r ON k.row = r.row"""

# Where repeats are kept, the first report of one side is merged with the first of the other.
_NTH = "row_number() OVER (PARTITION BY day, last, sender, target, code, action ORDER BY row)"


def acts(*, one_a_day: bool = True) -> str:
    """Return the acts: of one day, both parties and code, reported by either side or by both."""
    # Of a visit, two codes tell: that it was made, and that it was received.
    both_ways = "mirror AND action <> 'visit'"
    visit = "mirror AND action = 'visit' AND sender <> target"
    return f"""
SELECT row, n AS n_reports, day, FALSE AS mutual, sender AS low, sender AS high, target AS other,
  FALSE AS two_codes
FROM repeats WHERE sender IS NULL OR target IS NULL
UNION ALL
SELECT min(row), CAST(sum(n) AS BIGINT), day, min(sender) <> max(sender), min(sender), max(sender),
  min(target), min(code) <> max(code)
FROM (SELECT *, {both_ways} AS both_ways, CASE WHEN {visit} THEN 'visit' ELSE code END AS what,
    {"1" if one_a_day else _NTH} AS nth
  FROM repeats WHERE sender IS NOT NULL AND target IS NOT NULL) AS r
GROUP BY day, last, what, action, nth,
  CASE WHEN both_ways THEN least(sender, target) ELSE sender END,
  CASE WHEN both_ways THEN greatest(sender, target) ELSE target END"""


def events(source: EventSource, *, order: str = "row") -> str:
    """Return the acts as events: what the first row of each says, and how many rows say it."""
    return f"""
SELECT row, '{source.key}' AS source, named || pair || nth AS event_id, named || nth AS act_id,
  day AS date, last AS date_last, '{source.date_basis}' AS date_basis, sender, target, mutual,
  family, action, code, goldstein, n_reports
FROM (
  SELECT a.row, CAST(k.id AS VARCHAR) AS named, k.pair, k.day, k.last, a.low AS sender, a.mutual,
    k.code, k.action, CASE WHEN a.mutual THEN a.high ELSE a.other END AS target, a.n_reports,
    f.family, k.goldstein, coalesce('#' || CAST(nullif(g.nth, 1) AS VARCHAR), '') AS nth
  FROM acts AS a JOIN kept AS k ON a.row = k.row JOIN families AS f ON k.action = f.action
  LEFT JOIN again AS g ON a.row = g.row) AS e
ORDER BY {order}"""


MERGED = {
    "merge rows given twice": "SELECT sum(n) FROM repeats",
    "merge repeats of the source": "SELECT count(*) FROM repeats",
    "merge repeats (one a day)": "SELECT sum(1 + CAST(mutual OR two_codes AS INT)) FROM acts",
    "merge mirrored reports": "SELECT count(*) FROM acts",
}
"""The rows that each step of merging leaves."""
