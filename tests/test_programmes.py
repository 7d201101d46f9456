import csv
import gzip
import io
import re
import tarfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanctlib.codes.actions import (
    programmes,
    states_of,
)
from sanctlib.errors import UnknownChoiceError

US = "US SDN"


def existing(path: Path) -> Path:
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real data")
    return path


def states(*sets: str, list_name: str | None = US) -> list[str]:
    return states_of(pd.Series(sets), list=list_name).fillna("unknown").to_list()


def programmes_of(raw: bytes) -> Counter[tuple[str, ...]]:
    """Count the programme sets of one copy of the list."""
    rows = csv.reader(io.StringIO(raw.decode("ascii"), newline=""))
    sets = (row[3].strip().split("] [") for row in rows if len(row) == 12)
    return Counter(tuple(sorted({p.strip() for p in parts} - {"-0-"})) for parts in sets)


def copies(folder: Path, *, every: int) -> dict[str, Counter[tuple[str, ...]]]:
    """Read every n-th copy of the archive, and the last."""
    path = existing(folder / "lists/sdn_csv_all308_2021-08_2024-05.tar.xz")
    found: dict[str, Counter[tuple[str, ...]]] = {}
    with tarfile.open(path, "r:xz") as archive:
        for i, member in enumerate(archive):
            if i % every == 0 or i == 307:
                file = archive.extractfile(member)
                assert file is not None
                found[member.name] = programmes_of(file.read())
    return found


@pytest.fixture(scope="module")
def first_and_last(real_data):
    first, last = copies(real_data, every=308).values()
    return first, last


def test_orders_named_after_ukraine_that_answer_russia_are_about_russia():
    tags = [f"UKRAINE-EO{n}" for n in (13660, 13661, 13662, 13685)]
    assert states(*tags) == ["RUS"] * 4
    assert states("Ukraine", list_name="Canada SEMA") == ["RUS"]
    assert states(
        "Ukraine (Sovereignty)", "Ukraine (Misappropriation)", list_name="UK ConList"
    ) == [
        "RUS",
        "UKR",
    ]
    assert states("269/2014", "208/2014", "UKR", list_name="EU") == ["RUS", "UKR", "RUS"]


def test_a_tag_in_another_spelling_is_no_programme_of_the_us_list():
    assert states("Ukraine") == ["unknown"]


def test_russian_programmes_without_russia_in_their_name_are_known():
    assert states("MAGNIT", "PEESA", "PEESA-EO14039", "SSIDES") == ["RUS"] * 4


def test_iranian_programmes_are_known():
    tags = ["IRAN", "IFSR", "IRGC", "IFCA", "ISA", "FSE-IR", "HRIT-IR", "CAATSA - IRAN", "IRAN-HR"]
    assert set(states(*tags)) == {"IRN"}
    assert states("FSE-SY", "HRIT-SY") == ["SYR", "SYR"]


def test_thematic_programmes_are_about_no_state():
    tags = ["SDGT", "SDNTK", "NPWMD", "GLOMAG", "CYBER2", "ELECTION-EO13848", "HIFPAA", "FTO"]
    assert set(states(*tags)) == {""}


def test_a_law_that_names_no_state_is_thematic_though_it_answers_one():
    drilling = "The Unauthorised Drilling Activities in the Eastern Mediterranean"
    regimes = [f"{drilling} (Sanctions) (EU Exit) Regulations 2020"]
    regimes.append("The Lebanon (Sanctions) (EU Exit) Regulations 2020")
    assert states(*regimes, list_name="UK Sanctions List") == ["", "LBN"]


def test_states_of_a_set_are_sorted_and_once_each():
    assert states("IRAN;RUSSIA-EO14024;IFSR", "SDGT;IRAN", "SDGT;NPWMD") == ["IRN;RUS", "IRN", ""]


def test_one_unknown_programme_makes_the_set_unknown():
    sets = pd.Series(["IRAN;NEWTAG", None, "", "IRAN"], index=[4, 4, 2, 0])
    found = states_of(sets, list=US)
    assert found.index.to_list() == [4, 4, 2, 0]
    assert found.isna().to_list() == [True, True, True, False]


def test_a_list_must_be_one_of_the_table():
    with pytest.raises(UnknownChoiceError, match=r"list is 'US SND'.*mean 'US SDN'"):
        states_of(pd.Series(["IRAN"]), list="US SND")


def test_a_programme_of_another_list_is_unknown_unless_all_lists_are_meant():
    assert states("Russia") == ["unknown"]
    assert states("Russia", list_name=None) == ["RUS"]


def test_every_programme_was_reviewed_and_says_why():
    table = programmes()
    assert not table.duplicated(["list", "programme"]).any()
    assert table["why"].str.len().ge(6).all()
    assert table["reviewed"].str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()
    assert set(table["kind"]) == {"country", "mixed", "thematic"}
    assert (table["kind"].eq("thematic") == table["states"].eq("")).all()


def test_states_of_the_table_are_sorted_codes_of_states():
    pycountry = pytest.importorskip("pycountry")
    known = {c.alpha_3 for c in pycountry.countries} | {"XKX"}
    for text in programmes()["states"]:
        parts = [part for part in text.split(";") if part]
        assert parts == sorted(set(parts))
        assert set(parts) <= known


def test_no_name_means_two_things_in_two_lists():
    meanings = programmes().groupby("programme")["states"].nunique()
    assert meanings.max() == 1


def test_a_changed_table_does_not_change_the_next():
    mine = programmes()
    mine["states"] = "XXX"
    assert states("IRAN") == ["IRN"]


@given(st.sets(st.sampled_from(programmes().query("list == @US")["programme"].to_list())))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_the_states_of_a_set_are_the_union_of_those_of_its_programmes(tags):
    whole = states(";".join(sorted(tags)))[0] if tags else ""
    parts = {state for tag in tags for state in states(tag)[0].split(";") if state}
    assert whole == ";".join(sorted(parts))


def by_name(tags: tuple[str, ...]) -> set[str]:
    """Name the states as a plain search in the tags does."""
    russia = any("RUSSIA" in t or t.startswith("UKRAINE") for t in tags)
    iran = any(re.search("IRAN|IRGC|IFSR|IFCA|FSE-IR|HRIT-IR", t) for t in tags)
    return {s for s, found in (("RUS", russia), ("IRN", iran)) if found}


def compare(copy: Counter[tuple[str, ...]]) -> tuple[dict[str, int], dict[str, int], dict]:
    """Count entries by the plain search and by law, and the sets on which they differ."""
    plain: Counter[str] = Counter()
    law: Counter[str] = Counter()
    differ: Counter[str] = Counter()
    for tags, n in copy.items():
        ours = set(states(";".join(tags))[0].split(";")) & {"RUS", "IRN"}
        for counts, found in ((plain, by_name(tags)), (law, ours)):
            counts.update(dict.fromkeys(found, n))
            if len(found) == 2:
                counts["both"] += n
        if ours != by_name(tags):
            differ["; ".join(tags)] += n
    return dict(plain), dict(law), dict(differ)


def test_on_the_first_copy_the_law_adds_57_russian_entries_and_one_iranian(first_and_last):
    plain, law, differ = compare(first_and_last[0])
    assert plain == {"RUS": 494, "IRN": 1788}
    assert law == {"RUS": 551, "IRN": 1789}
    assert differ == {"MAGNIT": 54, "GLOMAG; MAGNIT": 1, "PEESA": 2, "ISA; SYRIA": 1}


def test_on_the_last_copy_the_law_adds_87_russian_entries_and_one_iranian(first_and_last):
    plain, law, differ = compare(first_and_last[1])
    assert plain == {"RUS": 4883, "IRN": 2295, "both": 13}
    assert law == {"RUS": 4970, "IRN": 2296, "both": 13}
    assert differ == {
        "MAGNIT": 57,
        "MAGNIT; NPWMD": 4,
        "PEESA-EO14039": 24,
        "SSIDES": 2,
        "ISA; SYRIA": 1,
    }


@pytest.mark.slow
def test_every_programme_of_the_308_copies_is_in_the_table(real_data):
    found = {tag for copy in copies(real_data, every=1).values() for tags in copy for tag in tags}
    table = programmes()
    ours = set(table.loc[table["list"].eq(US), "programme"])
    assert len(found) == 83
    assert found <= ours


OTHER_COPIES = (
    "csv_2014-05-27",
    "csv_early_2015-01_2021-07",
    "csv_2021-05_2021-08",
    "csv_2024-05_2024-07",
    "csv_2026-07_2026-08",
)


def test_every_programme_of_the_other_copies_is_in_the_table(real_data):
    found: Counter[str] = Counter()
    for name in OTHER_COPIES:
        path = existing(real_data / f"lists/sdn_{name}.tar.xz")
        with tarfile.open(path, "r:xz") as archive:
            for member in archive:
                file = archive.extractfile(member)
                assert file is not None
                found |= Counter(t for tags in programmes_of(file.read()) for t in tags)
    names = pd.read_csv(
        existing(real_data / "lists/sdn_names_programmes_2025-05.csv.xz"),
        dtype="str",
        keep_default_na=False,
    )
    found |= Counter(tag.strip() for text in names["Sanction Type"] for tag in text.split(","))
    table = programmes()
    ours = set(table.loc[table["list"].eq(US), "programme"])
    assert {*found} - ours == set()


def test_early_and_late_programmes_have_the_state_that_their_order_answers():
    assert states("UKRAINE", "UKRAINE2", "RUSSIA-EO") == ["RUS"] * 3
    assert states("EO13645", "EO13622") == ["IRN"] * 2
    assert states("SUDAN", "BPI-SUDAN-14098", "BURMA", "LIBERIA", "COTED") == [
        "SDN",
        "SDN",
        "MMR",
        "LBR",
        "CIV",
    ]
    assert states("PAARSSR-EO13894", "CUBA-EO14404") == ["SYR", "CUB"]
    thematic = ("SDT", "BPI-PA", "CYBER3", "CYBER4", "ICC-EO14203", "PAIPA")
    assert states(*thematic) == [""] * len(thematic)


def test_every_regime_of_the_other_lists_is_in_the_table(real_data):
    table = programmes().set_index("list")["programme"]
    with gzip.open(existing(real_data / "lists/canada_sema_2025.xml.gz")) as file:
        records = ElementTree.parse(file).getroot().iter("record")
        canada = {r.findtext("Country", "").split(" / ")[0].strip() for r in records}
    assert canada == set(table["Canada SEMA"])
    un = set()
    for day in ("2018-10-29", "2025-04-19"):
        with gzip.open(existing(real_data / f"lists/un_consolidated_{day}.xml.gz")) as file:
            root = ElementTree.parse(file).getroot()
            un |= {element.text for element in root.iter("UN_LIST_TYPE")}
    assert un == set(table["UN"])
    with gzip.open(
        existing(real_data / "lists/uk_conlist_2016-02-12.csv.gz"), "rt", encoding="cp1252"
    ) as file:
        uk = pd.read_csv(file, skiprows=1, dtype="str", keep_default_na=False)
    assert set(uk["Regime"]) <= set(table["UK ConList"])
