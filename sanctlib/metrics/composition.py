"""Take an intensity apart: shares, elasticity, weighted parts. Read its rows; return Results."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from sanctlib.errors import SanctlibError, check_choice, check_columns
from sanctlib.metrics._pair_acts import ALL, rows_by_pair, way_columns
from sanctlib.metrics.intervals import percent, wilson_interval
from sanctlib.query import level_of, number_of
from sanctlib.result import Result

_FEWEST = 12
"""Covered periods from which an elasticity is estimated."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Intensity(Result):
    """
    The reported co-operation of pairs per period, and what can be computed from it.

    `partnership_intensity` returns one. `shares` gives shares of all acts in place of rates,
    `elasticity` relates the acts to the volume of reporting, and `decompose` splits an index
    into its components.
    """

    def components(self) -> Result:
        """
        Sum up each component over the covered periods: acts, and median rate and band.

        Returns
        -------
        Result
            Its table has ``first`` and ``second`` (of directed rows ``sender`` and ``target``),
            ``component``, ``n`` (acts), ``n_per_period``, ``too_few`` (fewer than 5 acts a
            period on average), and the medians over periods of ``rate``, ``band_low`` and
            ``band_high`` (per 1,000).

        Raises
        ------
        SanctlibError
            For the intensity of all pairs, whose periods without acts have no row, or of
            several denominators.
        """
        rows = self._checked("n", "rate", "too_few", "band_low", "band_high", "covered")
        seen = rows[_covered(rows)]
        groups = seen.groupby([*self._way, "component"], sort=False)
        table = groups.agg(
            n=("n", "sum"),
            n_per_period=("n", "mean"),
            too_few=("too_few", "first"),
            rate=("rate", "median"),
            band_low=("band_low", "median"),
            band_high=("band_high", "median"),
        )
        return self._of(
            table.reset_index(),
            kind="components",
            name="Components",
            level=self.query.level,
            notes=("Medians over the covered periods.",),
        )

    def shares(self, level: float | None = None) -> Result:
        """
        Return the share of the denominator's acts that are the pair's, and its log-odds.

        The interval is Wilson's, with the number of acts divided by the dispersion of the
        series, because reported acts come in bunches. Log-odds spread out shares close to 0:
        a step of 0.7 is a doubling of the odds.

        Parameters
        ----------
        level : float, optional
            Of the interval, between 0 and 1. By default that of the intensity.

        Returns
        -------
        Result
            Its table has ``period``, ``first`` and ``second`` (of directed rows ``sender`` and
            ``target``), ``component``, ``n``, ``exposure``, ``share`` (0-1) with ``lower`` and
            ``upper``, ``log_odds`` with ``log_odds_lower`` and ``log_odds_upper`` (missing
            where the share or the bound is 0 or 1).

        Raises
        ------
        SanctlibError
            For the intensity of all pairs or of several denominators, or a level that is not
            between 0 and 1.

        Examples
        --------
        >>> rates = Intensity(table=pd.DataFrame({"period": pd.to_datetime(["2018-01-01"]),
        ...     "first": "IRN", "second": "RUS", "component": "material", "n": [5],
        ...     "exposure": [10], "dispersion": 1.0}))
        >>> rates.shares().table[["share", "lower", "upper", "log_odds"]].round(4)
           share   lower   upper  log_odds
        0    0.5  0.2366  0.7634       0.0
        """
        table, level = self._checked("n", "exposure", "dispersion"), self._level(level)
        counts, total = (
            table[c].astype("Float64").to_numpy("float64", na_value=np.nan)
            for c in ("n", "exposure")
        )
        phi = table["dispersion"].fillna(1.0).to_numpy(dtype="float64")
        found = wilson_interval(counts / phi, total=total / phi, level=level)
        inside = found.where(found.gt(0) & found.lt(1))
        names = {"share": "log_odds", "lower": "log_odds_lower", "upper": "log_odds_upper"}
        odds = (inside / (1 - inside)).transform("log").rename(columns=names)
        kept = table[["period", *self._way, "component", "n", "exposure"]].reset_index(drop=True)
        return self._of(
            pd.concat([kept, found, odds], axis=1),
            kind="shares",
            name=f"Share of {self._whole or 'all reported acts'}",
            level=level,
            notes=(
                f"Interval: Wilson, {percent(level)}, with counts divided by their dispersion.",
                "Shares are between 0 and 1.",
            ),
        )

    @property
    def _whole(self) -> str:
        """What the acts are divided by, if not all acts or those of a denominator."""
        common = self.query.options.get("among")
        return "reported co-operation between common states" if common else ""

    def elasticity(self, level: float | None = None) -> Result:
        """
        Estimate by how much the acts of a pair grow when all reporting grows by 1%.

        A rate per 1,000 acts assumes an elasticity of 1. Where reporting grows because new
        sources report on other topics, the elasticity is lower, and the rate falls without
        any event. The estimate is a Poisson regression of the acts on the logarithm of the
        exposure, with Pearson's dispersion. A trend of the pair itself enters it too: it is
        a warning, not a correction.

        Parameters
        ----------
        level : float, optional
            Of the interval, between 0 and 1. By default that of the intensity.

        Returns
        -------
        Result
            Its table has ``first`` and ``second`` (of directed rows ``sender`` and
            ``target``), ``component``, ``n_periods`` (covered), ``elasticity`` with ``lower``
            and ``upper``, ``reason`` (why an estimate is missing, such as fewer than 12
            covered periods) and ``flagged`` (the interval excludes 1).

        Raises
        ------
        SanctlibError
            For the intensity of all pairs or of several denominators, or a level that is not
            between 0 and 1.
        """
        table, level = self._checked("n", "exposure", "covered"), self._level(level)
        keys, rows = [*self._way, "component"], []
        for names, series in table.groupby(keys, sort=False):
            whole = series["covered"].fillna(value=False).astype("bool")
            used = series[whole & series["n"].notna() & series["exposure"].gt(0)]
            rows.append((*names, len(used), *_elasticity(used, level)))
        columns = [*keys, "n_periods", "elasticity", "lower", "upper", "reason"]
        found = pd.DataFrame(rows, columns=columns)
        known = found["elasticity"].notna()
        outside = found["lower"].gt(1) | found["upper"].lt(1)
        found["reason"] = found["reason"].astype("str").mask(known)
        found = found.assign(flagged=outside.astype("boolean").mask(~known))
        return self._of(
            found,
            kind="elasticity",
            name="Elasticity of the acts to the volume of reporting",
            level=level,
            notes=(
                f"Interval: Poisson regression with Pearson's dispersion, {percent(level)}.",
                "A trend of the pair itself is part of the estimate.",
            ),
            findings=tuple(self._sentences(found, level)),
        )

    def decompose(self, weights: Mapping[str, float] | None = None, spread: float = 0.5) -> Result:
        """
        Split an index of intensity into its components, and vary their weights.

        The index of a period is the weighted sum of the components' rates. Any weights are a
        judgement. So the table has the index without each component in turn, and the band
        over all weights within `spread` of those given, scaled to the same sum. A trend that
        changes its sign inside the band depends on the weights. Each period has the band of
        its own extreme weights, so the mean of the bands is wider than the range of the mean
        index, which ``tables["means"]`` has.

        Parameters
        ----------
        weights : mapping of component to float, optional
            Not below 0. By default all are 1, and the index is the rate of all acts.
        spread : float, default 0.5
            Between 0 and 1: with 0.5 each weight varies from half to one and a half of itself.

        Returns
        -------
        Result
            Its table has a row per period, pair and component: ``period``, ``first`` and
            ``second`` (of directed rows ``sender`` and ``target``), ``component``, ``rate``
            (per 1,000 acts), ``weight``, ``part`` (of the index), ``index``,
            ``index_without`` (the index without the component, the other weights scaled up to
            the same sum), ``weight_low`` and ``weight_high`` (lowest and highest index of the
            period over all weights within the spread). ``tables["means"]`` has a row per pair
            and component with the means of ``part``, ``index`` and ``index_without`` over the
            covered periods, and the lowest and highest mean of the index that one set of
            weights gives.

        Raises
        ------
        SanctlibError
            For fewer than two components, a component without a weight, weights below 0 or
            all 0, a spread that is not between 0 and 1, the intensity of all pairs, or of
            several denominators.
        UnknownChoiceError
            For the weight of another component.

        Examples
        --------
        >>> rates = Intensity(table=pd.DataFrame({"period": pd.Timestamp("2018-01-01"),
        ...     "first": "IRN", "second": "RUS", "component": ["material", "meetings"],
        ...     "rate": [1.0, 3.0]}))
        >>> rates.decompose().table[["component", "part", "index", "index_without"]]
          component  part  index  index_without
        0  material   1.0    4.0            6.0
        1  meetings   3.0    4.0            2.0
        """
        table, way = self._checked("rate"), self._way
        table = table.loc[table["component"].ne(ALL), ["period", *way, "component", "rate"]]
        components = [str(c) for c in table["component"].unique()]
        given = _weights(components, weights)
        spread = number_of(spread, what="spread", least=0, most=1)
        wide = table.pivot_table("rate", ["period", *way], "component", sort=False)
        wide = wide.reindex(columns=components).rename_axis(columns=None)
        weight, rates = np.array([given[c] for c in components]), wide.to_numpy(dtype="float64")
        total = weight.sum()
        index, n = rates @ weight, len(components)
        # A weighted mean is extreme at corners: each weight at its low or its high end.
        corners = np.array(np.meshgrid(*[(w * (1 - spread), w * (1 + spread)) for w in weight]))
        corners = corners.reshape(len(weight), -1)
        held = corners.sum(axis=0) > 0
        over_weights = total * (rates @ corners[:, held]) / corners[:, held].sum(axis=0)
        left = total - weight
        without = np.divide(
            total * (index[:, None] - rates * weight),
            left,
            out=np.full_like(rates, np.nan),
            where=left > 0,
        )
        named = wide.index.to_frame(index=False)
        parts = named.loc[named.index.repeat(n)].reset_index(drop=True)
        parts = parts.assign(
            component=components * len(wide),
            rate=rates.ravel(),
            weight=np.tile(weight, len(wide)),
            part=(rates * weight).ravel(),
            index=np.repeat(index, n),
            index_without=without.ravel(),
            weight_low=np.repeat(over_weights.min(axis=1), n),
            weight_high=np.repeat(over_weights.max(axis=1), n),
        )
        # Of the covered periods, the mean index under each set of weights.
        covered = _covered(self.table).groupby([self.table[c] for c in ("period", *way)]).any()
        used = covered.reindex(wide.index).to_numpy()
        columns = ["part", "index", "index_without"]
        means = parts[np.repeat(used, n)].groupby([*way, "component"], sort=False)[columns].mean()
        of_weights = pd.DataFrame(over_weights, wide.index)[used].groupby(way, sort=False).mean()
        edges = of_weights.agg(["min", "max"], axis=1)
        edges = edges.rename(columns={"min": "weight_low", "max": "weight_high"})
        words = ", ".join(f"{c} {w:g}" for c, w in given.items())
        return self._of(
            parts,
            kind="parts",
            name="Components of the index of co-operation",
            level=self.query.level,
            notes=(
                f"Index: weighted sum of the rates per 1,000 acts. Weights: {words}.",
                f"Band: lowest and highest index of each period, at its own extreme weights, if "
                f"each weight changes by up to {spread:.0%}.",
                "Without a component, the other weights are scaled up to the same sum.",
            ),
            tables={"means": means.join(edges).reset_index()},
        )

    @property
    def _way(self) -> list[str]:
        return way_columns(directed="sender" in self.table)

    def _level(self, level: float | None) -> float:
        return self.query.level if level is None else level_of(level)

    def _checked(self, *needed: str) -> pd.DataFrame:
        """Return the table, if it has the columns and a row for each covered period."""
        if "pairs" in self.query.given and self.query.pairs is None:
            msg = "The intensity of all pairs has only rows with acts: neither zeros nor intervals."
            raise SanctlibError(f"{msg} Name the pairs, such as pair=('IRN', 'RUS').")
        check_columns(self.table, ["period", *self._way, "component", *needed])
        if "denominator" in self.table and (several := self.table["denominator"].unique())[1:].size:
            msg = f"The intensity has {len(several)} denominators. Choose one:"
            raise SanctlibError(f"{msg} .filter(denominator={several[0]!r}).")
        return self.table

    def _of(
        self,
        table: pd.DataFrame,
        *,
        kind: str,
        name: str,
        level: float,
        notes: tuple[str, ...],
        findings: tuple[str, ...] = (),
        tables: Mapping[str, pd.DataFrame] | None = None,
    ) -> Result:
        whose = self.name.partition(" of ")[2]
        return Result(
            table=table,
            kind=kind,
            name=f"{name}: {whose}" if whose else name,
            query=replace(self.query, level=level),
            unit=self.unit,
            n=self.n,
            sources=self.sources,
            notes=notes,
            findings=findings,
            tables=tables or {},
        )

    def _sentences(self, found: pd.DataFrame, level: float) -> Iterator[str]:
        sources = "; ".join(source.described() for source in self.sources)
        of_all = found[found["component"].eq(ALL)]
        for whose, rows in rows_by_pair(of_all, directed="sender" in self._way):
            row = rows.iloc[0]
            if np.isnan(row["elasticity"]):
                yield f"{whose}: no elasticity is estimated ({row['reason']})."
                continue
            open_ = "The interval includes 1: whether the rate moves with the volume is open."
            moves = "The interval excludes 1: the rate moves with the volume of reporting."
            yield (
                f"{whose}: when {self._whole or 'all reporting'} grows by 1%, the acts grow by "
                f"{row['elasticity']:.2f}% ({percent(level)} interval {row['lower']:.2f} to "
                f"{row['upper']:.2f}; {row['n_periods']} {self.query.every}s; {sources}). "
                f"{moves if row['flagged'] else open_}"
            )


def _covered(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are covered; without that column all are."""
    if "covered" not in rows:
        return pd.Series(data=True, index=rows.index)
    return rows["covered"].fillna(value=True).astype("bool")


def _weights(components: list[str], weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return the weight of each component."""
    if len(components) < 2:
        found = f"only the component {components[0]!r}" if components else "no component"
        raise SanctlibError(f"The intensity has {found}. An index needs two or more components.")
    if weights is None:
        return dict.fromkeys(components, 1.0)
    if not isinstance(weights, Mapping):
        example = f"{{{components[0]!r}: 2.0, …}}"
        raise SanctlibError(f"weights is {weights!r}. It must name each component: {example}.")
    for component in weights:
        check_choice(component, components, what="the component of a weight")
    lacking = [c for c in components if c not in weights]
    if lacking:
        raise SanctlibError(f"weights has no {lacking[0]!r}. Name a weight for each component.")
    given = {c: number_of(w, what=f"The weight of {c!r}", least=0) for c, w in weights.items()}
    if not sum(given.values()):
        raise SanctlibError("All weights are 0. At least one must be above 0.")
    return given


def _elasticity(series: pd.DataFrame, level: float) -> tuple[float, float, float, str]:
    import statsmodels.api as sm

    n = series["n"].to_numpy(dtype="float64")
    log_exposure = np.log(series["exposure"].to_numpy(dtype="float64"))
    for missing, reason in (
        (len(series) < _FEWEST, f"fewer than {_FEWEST} covered periods"),
        (n.sum() == 0, "no act"),
        (log_exposure.std() < 1e-3, "all reporting hardly changes"),
    ):
        if missing:
            return np.nan, np.nan, np.nan, reason
    design = sm.add_constant(log_exposure - log_exposure.mean())
    with warnings.catch_warnings():
        # A series without variation is fitted exactly, of which statsmodels warns.
        warnings.simplefilter("ignore")
        fit = sm.GLM(n, design, family=sm.families.Poisson()).fit()
    # Counts that vary less than Poisson's are treated as Poisson's.
    dispersion = max(1.0, fit.pearson_chi2 / fit.df_resid)
    margin = NormalDist().inv_cdf((1 + level) / 2) * fit.bse[1] * dispersion**0.5
    elasticity = float(fit.params[1])
    return elasticity, elasticity - margin, elasticity + margin, ""
