"""States in their years, and the names that data give them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.codes.blocs import blocs
from sanctlib.codes.countries import countries, existed, fold, resolve
from sanctlib.codes.succession import is_state_code, read_codes
from sanctlib.errors import SchemaError, UnknownChoiceError
from sanctlib.query import check_state

REAL = Path(__file__).parents[1] / os.environ.get("SANCTLIB_REAL_DATA", "../shared/data")


def codes_of(*names, day=None, **options):
    values = pd.Series(list(names))
    dates = None if day is None else pd.Series(pd.Timestamp(day), index=values.index)
    found = resolve(values, dates=dates, **options)["code"]
    return [None if pd.isna(c) else c for c in found]


def real(name):
    path = REAL / name
    if not path.exists():
        pytest.skip(f"the real file {name} is not here")
    return path


def real_table(name, **options):
    return pd.read_csv(real(name), dtype=str, keep_default_na=False, **options)


def test_na_is_namibia_and_its_text_survives_the_reading():
    table = countries()
    assert table.loc[table["iso2"].eq("NA"), "code"].unique().tolist() == ["NAM"]
    assert codes_of("NA", day="2018-06-01", system="iso2") == ["NAM"]
    assert not table[["name", "iso2", "cameo", "fips", "note"]].isna().any(axis=None)


@pytest.mark.parametrize(
    ("succession", "expected"),
    [
        ("strict", ["SUN", None, None, "RUS"]),
        ("dominant", ["SUN", "SUN", "RUS", "RUS"]),
        (
            "all",
            [
                "SUN",
                "SUN",
                "ARM;AZE;BLR;EST;GEO;KAZ;KGZ;LTU;LVA;MDA;RUS;TJK;TKM;UKR;UZB",
                "RUS",
            ],
        ),
    ],
)
def test_the_soviet_union_and_russia_follow_the_policy_of_succession(succession, expected):
    names = pd.Series(["Soviet Union", "Russia", "Soviet Union", "Russia"])
    days = pd.Series(pd.to_datetime(["1985-07-01", "1985-07-01", "2000-01-01", "2000-01-01"]))
    found = resolve(names, dates=days, succession=succession)["code"]
    assert [None if pd.isna(c) else c for c in found] == expected


def test_what_is_not_found_says_why():
    names = pd.Series(["Soviet Union", "Atlantis", "Iran", None])
    found = resolve(names, dates=pd.Series(pd.Timestamp("2000-01-01"), index=names.index))
    assert found["reason"].fillna("").to_list() == [
        "not a state on that day",
        "unknown name",
        "",
        "",
    ]
    assert found["matched"].fillna("").to_list() == ["", "", "name", ""]


def test_the_dominant_successor_stands_for_a_state_that_is_gone():
    gone = ["Yugoslavia", "Czechoslovakia", "East Germany", "South Yemen", "South Vietnam"]
    assert codes_of(*gone, day="2010-01-01", succession="dominant") == [
        "SRB",
        "CZE",
        "DEU",
        "YEM",
        "VNM",
    ]
    assert codes_of("Yugoslavia", day="2010-01-01", succession="all") == ["BIH;HRV;MKD;MNE;SRB;SVN"]


def test_only_the_dominant_heir_inherits_backwards_too():
    # Slovakia and Ukraine are heirs, but nobody means Prague or Moscow by their names.
    names = ["Serbia", "Slovakia", "Czechia", "Yemen", "Armenia"]
    assert codes_of(*names, day="1985-01-01", succession="dominant") == [
        "YUG",
        None,
        "CSK",
        "YAR",
        None,
    ]
    assert codes_of("Slovakia", "Armenia", day="1985-01-01", succession="all") == ["CSK", "SUN"]


def test_a_state_inside_a_union_passes_to_the_union_in_the_gap():
    assert codes_of("Syria", day="1960-01-01") == [None]
    assert codes_of("Syria", day="1960-01-01", succession="dominant") == ["EGY"]
    assert codes_of("Syria", "United Arab Republic", day="1958-02-21") == ["SYR", None]


@pytest.mark.parametrize("name", ["Wiranto", "Abdelilah Benkirane", "Bandeirantes", "Korea"])
def test_a_name_that_holds_a_state_or_is_no_whole_label_does_not_resolve(name):
    assert codes_of(name) == [None]


def test_congo_is_two_states():
    assert codes_of(
        "Congo",
        "Congo, Democratic Republic of the",
        "Democratic Republic of Congo",
        "Congo (Brazzaville)",
        "Congo, Republic Of",
    ) == ["COG", "COD", "COD", "COG", "COG"]


def test_korea_is_two_states():
    assert codes_of(
        "Korea, North",
        "Democratic People's Republic of Korea",
        "North Korea",
        "Korea, South",
        "Korea, Republic Of",
        "Republic of Korea",
    ) == ["PRK", "PRK", "PRK", "KOR", "KOR", "KOR"]


def test_guinea_is_four_states():
    assert codes_of("Guinea", "Guinea-Bissau", "Equatorial Guinea", "Papua New Guinea") == [
        "GIN",
        "GNB",
        "GNQ",
        "PNG",
    ]


def test_accents_case_blanks_and_apostrophes_do_not_matter():
    assert codes_of(
        "Côte d'Ivoire",
        "COTE D'IVOIRE",
        "Cote d\u2019Ivoire",
        " ivory  coast ",
        "Türkiye",
        "turkey",
    ) == ["CIV", "CIV", "CIV", "CIV", "TUR", "TUR"]
    assert fold("  São Tomé & Príncipe.") == "sao tome and principe"


def test_labels_of_the_data_sets_resolve():
    labels = {
        "the former Yugoslav Republic of Macedonia": "MKD",
        "Occupied Palestinian Territory": "PSE",
        "Palestinian Territory, Occupied": "PSE",
        "Moldova, Republic of": "MDA",
        "Holy See Vatican City State": "VAT",
        "Egypt, Arab Rep.": "EGY",
        "Ethiopia (excludes Eritrea)": "ETH",
        "Malagasy Republic": "MDG",
        "Transjordan": "JOR",
        "Russia / Russie": "RUS",
        "Venezuela ": "VEN",
        "Iran (Islamic Republic of)": "IRN",
        "Libyan Arab Jamahiriya": "LBY",
        "Yemeni": "YEM",
    }
    assert codes_of(*labels, day="2018-06-01") == list(labels.values())


def test_bodies_resolve_to_blocs_and_persons_do_not():
    bodies = {
        "European Union": "EU",
        "UN Security Council": "UN",
        "League of Arab States": "IO-LAS",
        "Shanghai Cooperation Organization": "IO-SCO",
        "EEC": "IO-EEC",
        "Organization of Eastern Carribean States": "IO-OECS",
        "UNASUR": "IO-UNASUR",
        "P5+1": "IO-P5P1",
        "Vladimir Putin": None,
        "Department of the Treasury": None,
    }
    assert codes_of(*bodies, day="2018-06-01") == list(bodies.values())


def test_cow_numbers_mean_the_state_of_the_day():
    numbers = pd.Series([365, 365, 260, 255, 345, 345, 345, 679, 678, 1000])
    days = ["1991-12-25", "1991-12-26", "1990-10-02", "1990-10-03", "1992-04-26"]
    days += ["2004-01-01", "2006-06-05", "1990-05-22", "1990-05-21", "2000-01-01"]
    found = resolve(numbers, dates=pd.Series(pd.to_datetime(days)), system="cow")["code"]
    assert found.fillna("-").to_list() == [
        "SUN",
        "RUS",
        "DEU",
        "DEU",
        "YUG",
        "SCG",
        "SRB",
        "YEM",
        "YAR",
        "-",
    ]


def test_cow_numbers_may_be_text_or_numbers_with_gaps():
    assert codes_of("630", 2, 365.0, system="cow") == ["IRN", "USA", "RUS"]
    assert codes_of(630.0, float("nan"), system="cow") == ["IRN", None]


def test_cameo_codes_that_differ_from_iso_resolve_and_regions_do_not():
    assert codes_of("ROM", "TMP", "MTN", "IMY", "WSB", "GZS", "BAG", "ROU", system="cameo") == [
        "ROU",
        "TLS",
        "MNE",
        "IMN",
        "PSE",
        "PSE",
        "IRQ",
        "ROU",
    ]
    assert codes_of("EUR", "AFR", "WST", "SAF", system="cameo") == [None, None, None, None]


def test_fips_is_not_iso():
    fips = ["RS", "RI", "UP", "GM", "CH", "SP", "IS", "KS", "KN", "AS", "GZ", "WE"]
    assert codes_of(*fips, system="fips") == [
        "RUS",
        "SRB",
        "UKR",
        "DEU",
        "CHN",
        "ESP",
        "ISR",
        "KOR",
        "PRK",
        "AUS",
        "PSE",
        "PSE",
    ]
    assert codes_of("RS", "UA", "CH", system="iso2") == ["SRB", "UKR", "CHE"]


def test_a_name_without_a_date_means_the_last_state_that_bore_it():
    assert codes_of("Soviet Union", "Yemen", "Germany", "Kosovo") == ["SUN", "YEM", "DEU", "XKX"]
    days = pd.Series([pd.NaT, pd.Timestamp("1985-01-01")])
    found = resolve(pd.Series(["Yemen", "Yemen"]), dates=days)["code"]
    assert found.to_list() == ["YEM", "YAR"]


def test_the_answer_keeps_the_index_and_empty_tables_pass():
    names = pd.Series(["Iran", "Russia"], index=["b", "a"])
    assert resolve(names)["code"].to_dict() == {"b": "IRN", "a": "RUS"}
    none = pd.Series([], dtype="str")
    empty = resolve(none, dates=pd.Series([], dtype="datetime64[us]"))
    assert empty.columns.to_list() == ["code", "matched", "reason", "closest"]
    assert empty.empty


def test_dates_on_another_index_are_refused():
    days = pd.Series([pd.Timestamp("2000-01-01")], index=[7])
    with pytest.raises(SchemaError, match="Give one day for each label"):
        resolve(pd.Series(["Iran"]), dates=days)
    with pytest.raises(SchemaError, match="Give one day for each label"):
        existed(pd.Series(["IRN"]), days)


@pytest.mark.parametrize(
    "days",
    [
        pd.Series(["1985-01-01", None], dtype="object"),
        pd.Series([date(1985, 1, 1), None], dtype="object"),
        pd.Series([pd.Timestamp("1985-01-01"), pd.NaT], dtype="object"),
        pd.Series(pd.to_datetime(["1985-01-01", None])).dt.tz_localize("Asia/Tehran"),
        pd.Series(pd.to_datetime(["1985-01-01", None])).astype("date32[pyarrow]"),
    ],
    ids=["text", "date", "timestamp", "zone", "arrow"],
)
def test_days_may_be_of_any_type_of_day(days):
    assert resolve(pd.Series(["Yemen", "Yemen"]), dates=days)["code"].to_list() == ["YAR", "YEM"]
    assert existed(pd.Series(["YAR", "YAR"]), days).to_list() == [True, False]


@pytest.mark.parametrize(
    "days",
    [[2000, 1985], [2000.0, None], pd.array([2000, 1985], dtype="object"),
     pd.PeriodIndex(["2000", "1985"], freq="Y"), ["spring", None]],
)  # fmt: skip
def test_a_year_is_no_day(days):
    with pytest.raises(SchemaError, match="It must hold days"):
        resolve(pd.Series(["Soviet Union"] * 2), dates=pd.Series(days))


@pytest.mark.parametrize("names", ["Iran", ["Iran"], None])
def test_names_come_as_a_series(names):
    with pytest.raises(SchemaError, match=r"names is .*It must be a column of names.*'Iran'"):
        resolve(names)


def test_categories_and_a_repeated_index_resolve_row_by_row():
    names = pd.Series(["Iran", None, "Atlantis", "Iran"], dtype="category", index=[1, 1, 0, 1])
    found = resolve(names)
    assert found.index.to_list() == [1, 1, 0, 1]
    assert found["code"].fillna("-").to_list() == ["IRN", "-", "-", "IRN"]
    assert found["reason"].fillna("-").to_list() == ["-", "-", "unknown name", "-"]


def test_an_unknown_system_or_policy_is_refused():
    with pytest.raises(UnknownChoiceError, match="Did you mean 'cameo'"):
        resolve(pd.Series(["Iran"]), system="cmaeo")  # type: ignore[arg-type]
    with pytest.raises(UnknownChoiceError, match="succession is 'dominate'"):
        resolve(pd.Series(["Iran"]), succession="dominate")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "last_without", "first_with"),
    [
        ("RUS", "1991-12-25", "1991-12-26"),
        ("ERI", "1993-05-23", "1993-05-24"),
        ("SSD", "2011-07-08", "2011-07-09"),
        ("MNE", "2006-06-02", "2006-06-03"),
        ("CZE", "1992-12-31", "1993-01-01"),
    ],
)
def test_states_begin_on_their_day(code, last_without, first_with):
    assert not state_on(code, date.fromisoformat(last_without))
    assert state_on(code, date.fromisoformat(first_with))


@pytest.mark.parametrize(
    ("code", "last_with"),
    [
        ("SUN", "1991-12-25"),
        ("DDR", "1990-10-02"),
        ("CSK", "1992-12-31"),
        ("YMD", "1990-05-21"),
        ("SCG", "2006-06-02"),
    ],
)
def test_states_end_on_their_day(code, last_with):
    last = date.fromisoformat(last_with)
    assert state_on(code, last)
    assert not state_on(code, last.fromordinal(last.toordinal() + 1))


def test_nothing_else_ever_existed():
    days = pd.Series([pd.Timestamp("2000-01-01")] * 3 + [pd.NaT])
    assert not existed(pd.Series(["EU", "XXX", None, "IRN"]), days).any()


def test_states_are_checked_with_a_hint():
    for code in ("IRN", "SUN", "HKG"):
        check_state(code)
    with pytest.raises(UnknownChoiceError, match=r"'irn' is not a state.*mean 'IRN'"):
        check_state("irn")
    with pytest.raises(UnknownChoiceError, match=r"'Russia' is not a state.*Did you mean 'RUS'"):
        check_state("Russia")


def test_spells_of_a_code_do_not_overlap_and_end_after_they_begin():
    table = countries().sort_values(["code", "from"], na_position="first")
    assert not (table["from"] > table["until"]).any()
    before = table.groupby("code")["until"].shift()
    later = table["code"].duplicated()
    assert (before[later] < table.loc[later, "from"]).all()


def test_codes_are_three_letters_and_lines_of_succession_lead_to_codes():
    table = countries()
    assert table["code"].str.fullmatch("[A-Z]{3}").all()
    assert set(table["kind"]) == {"state", "territory", "former"}
    heirs = table["successor"].str.split(";").explode()
    for code in {*heirs, *table["predecessor"]} - {""}:
        assert is_state_code(code), code
    gone = table[table["kind"].eq("former")]
    assert gone["until"].notna().all()
    assert gone["successor"].ne("").all()


def test_every_alias_is_a_party_that_exists_in_its_days():
    aliases = read_codes("aliases.csv", dates=("from", "until"))
    life, bodies = countries(), set(blocs()["code"])
    for row in aliases.itertuples():
        if not is_state_code(row.code):
            # A bloc, or a region: a part of a state.
            assert row.code in bodies or is_state_code(row.code.partition("-")[0]), row
            continue
        spells = life[life["code"].eq(row.code)]
        first, last = aliases.loc[row.Index, "from"], row.until
        within = spells["from"].isna() | pd.isna(last) | spells["from"].le(last)
        within &= spells["until"].isna() | pd.isna(first) | spells["until"].ge(first)
        assert within.any(), row


@pytest.mark.parametrize("system", ["name", "iso3", "iso2", "cow", "cameo", "fips"])
def test_no_label_means_two_states_on_one_day(system):
    column = {"name": "name", "iso3": "code"}.get(system, system)
    table, aliases = countries(), read_codes("aliases.csv", dates=("from", "until"))
    aliases = aliases[aliases["system"].eq(system)]
    labels = pd.concat(
        [
            table[["code", "from", "until"]].assign(label=table[column].astype("str")),
            aliases[["code", "from", "until"]].assign(label=aliases["name"]),
        ]
    )
    labels = labels[labels["label"].ne("") & labels["label"].notna()]
    labels["label"] = labels["label"].map(fold)
    # A code ends with its last spell, whatever its label says.
    lives = table.groupby("code").agg(
        born=("from", lambda s: s.min(skipna=False)), gone=("until", lambda s: s.max(skipna=False))
    )
    labels = labels.join(lives, on="code").fillna(
        {
            "from": pd.Timestamp("1800-01-01"),
            "born": pd.Timestamp("1800-01-01"),
            "until": pd.Timestamp("2200-01-01"),
            "gone": pd.Timestamp("2200-01-01"),
        }
    )
    labels["first"] = labels[["from", "born"]].max(axis=1)
    labels["last"] = labels[["until", "gone"]].min(axis=1)
    both = labels.merge(labels, on="label")
    clash = both[
        both["code_x"].lt(both["code_y"])
        & both["first_x"].le(both["last_y"])
        & both["first_y"].le(both["last_x"])
    ]
    assert clash["label"].to_list() == []


def test_iso_codes_are_those_of_the_standard():
    pycountry = pytest.importorskip("pycountry")
    standard = {c.alpha_3: c.alpha_2 for c in pycountry.countries}
    now = countries()
    now = now[now["until"].isna()]
    ours = dict(zip(now["code"], now["iso2"], strict=True))
    assert ours.pop("XKX") == "XK"
    assert ours == standard
    old = {c.alpha_3 for c in pycountry.historic_countries}
    former = countries().loc[lambda t: t["kind"].eq("former")]
    assert set(former["code"]) - old == {"YAR", "RVN", "EAZ"}
    assert former.loc[~former["code"].isin(old), "note"].str.startswith("code of ours").all()


def test_iso_names_resolve_to_their_codes():
    pycountry = pytest.importorskip("pycountry")
    names = {c.name: c.alpha_3 for c in pycountry.countries}
    assert dict(zip(names, codes_of(*names), strict=True)) == names


def state_on(code, day):
    return existed(pd.Series([code]), pd.Series([pd.Timestamp(day)])).item()


POOL = ["Iran", "Soviet Union", "Russia", "Yemen", "Serbia", "Syria", "Wiranto", "EU", None]
DAYS = st.dates(date(1946, 1, 1), date(2024, 12, 31))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(POOL), DAYS), min_size=1, max_size=30))
def test_rows_resolve_alone_as_they_do_together(rows):
    names = pd.Series([n for n, _ in rows], dtype="str")
    days = pd.Series(pd.to_datetime([d for _, d in rows]))
    together = resolve(names, dates=days, succession="dominant")
    backwards = resolve(names[::-1], dates=days[::-1], succession="dominant")
    pd.testing.assert_frame_equal(together, backwards.sort_index())
    states = together["code"].notna() & together["code"].ne("EU")
    assert existed(together.loc[states, "code"], days[states]).all()


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.sampled_from([p for p in POOL if p]), DAYS)
def test_a_looser_policy_never_contradicts_the_strict_one(name, day):
    strict, dominant, every = (
        codes_of(name, day=day, succession=s)[0] for s in ("strict", "dominant", "all")
    )
    if strict is not None:
        assert strict == dominant == every
    elif dominant is not None:
        assert dominant in every.split(";")


def test_every_state_of_raw_icews_resolves():
    raw = real_table("events/icews_events_2018_sample.tab", sep="\t", quoting=3)
    for column in ("Source Country", "Target Country", "Country"):
        known = raw[raw[column].ne("NA")]
        found = resolve(known[column], dates=pd.to_datetime(known["Event Date"]))
        assert found["code"].notna().all(), column


def test_every_name_of_the_dyad_years_is_its_code():
    pairs = real_table("partnership/icews_dyad_year_2002_2014.csv.gz")
    names = pairs[["j", "j_iso3c", "year"]].drop_duplicates()
    found = resolve(names["j"], dates=pd.to_datetime(names["year"] + "-12-31"))
    assert found["code"].eq(names["j_iso3c"]).all()


def test_all_but_five_rows_of_the_ideal_points_resolve_by_cow_number():
    points = real_table("partnership/un_ideal_points_2023-07.csv.gz")
    days = pd.to_datetime((1945 + points["session"].astype(int)).astype(str) + "-12-31")
    found = resolve(points["ccode"], dates=days, system="cow")["code"]
    # Sessions run into the next year, and three states voted before the year ended theirs.
    missing = points.loc[found.isna(), ["iso3c", "session"]].to_numpy().tolist()
    assert sorted(missing) == [
        ["BIH", "46"],
        ["DEU", "45"],
        ["GHA", "11"],
        ["MUS", "22"],
        ["YAR", "45"],
    ]
    other = found.notna() & found.ne(points["iso3c"])
    assert set(found[other]) == {"SUN", "YMD", "SCG", "SRB"}


def test_fips_codes_agree_with_the_names_of_places_in_gdelt():
    path = real("events/20180101000000.export.CSV.zip")
    rows = pd.read_csv(path, sep="\t", header=None, dtype=str, keep_default_na=False, quoting=3)
    by_code = resolve(rows[53], system="fips")["code"]
    by_name = resolve(rows[52].str.split(", ").str[-1])["code"]
    both = by_code.notna() & by_name.notna()
    assert both.sum() > 2000
    assert by_code[both].eq(by_name[both]).all()


def test_cameo_codes_resolve_but_for_its_regions():
    table = real_table("codes/cameo_country.csv")
    found = resolve(table["cameo_country_code"], system="cameo")["code"]
    by_name = resolve(table["country_name"])["code"]
    assert found.isna().sum() == 25
    both = found.notna() & by_name.notna()
    assert found[both].eq(by_name[both]).all()


def test_every_state_and_body_of_the_sanctions_data_base_resolves():
    cases = real_table("cases/GSDB_V3.csv")
    cells = pd.concat([cases["sanctioned_state"], cases["sanctioning_state"]])
    # Commas also occur inside these names: they are put away before the split.
    inner = r"(Korea|Yemen), (North|South)|(Gambia), (The)|(Egypt), (Arab Rep)"
    inner += "|(Congo), (Democratic Republic of the)"
    kept = cells.str.replace(inner, lambda m: m.group().replace(",", "@"), regex=True)
    names = kept.str.split(",").explode().str.replace("@", ",").str.strip()
    unknown = set(names[resolve(names.reset_index(drop=True))["code"].isna().to_numpy()])
    assert len(names) == 3213
    assert unknown == {
        "Balkans",
        "Western Balkans",
        "Western countries",
        "ICC Rome Statute Signatories",
        "Paris Agreement Signatories",
        "Terrorist Organizations (Al-Qaeda)",
        "Terrorist Organizations (ISIL and ANF)",
        "Terrorist Organizations (Taliban and Al-Qaeda)",
        "Terrorist Organizations (Taliban)",
    }


def test_in_the_last_bracket_of_icews_names_only_bodies_and_places_stay_unknown():
    rows = real_table("events/icews18_named.tsv.gz", sep="\t", quoting=3)
    names = pd.concat([rows["source"], rows["target"]], ignore_index=True)
    labels = names.str.extract(r"\(([^()]*)\)\s*$")[0].dropna()
    found = resolve(labels)["code"].notna()
    assert found.mean() > 0.98
    assert not found[labels.isin(["Taliban", "Africa", "Turkish Kurds", "Hamas"])].any()


def test_the_united_states_are_known_by_their_three_letters_too() -> None:
    assert resolve(pd.Series(["USA", "U.S.A.", "US"]))["code"].to_list() == ["USA"] * 3
