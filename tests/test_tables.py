import pandas as pd
from bs4 import BeautifulSoup

from sanctlib.plots.tables import show_table

DASH = "\N{EN DASH}"


def cells(table: pd.DataFrame, *, digits: int = 2) -> BeautifulSoup:
    return BeautifulSoup(show_table(table, digits=digits)._repr_html_(), "html.parser")


def test_names_and_headings_are_text_and_no_markup() -> None:
    name = "<img src=x onerror=alert(1)>&\"'"
    soup = cells(pd.DataFrame({name: [name]}))
    assert soup.select("img") == []
    assert [soup.th.text, soup.td.text] == [name, name]  # type: ignore[union-attr]


def test_numbers_are_grouped_days_are_days_and_missing_is_a_dash() -> None:
    table = pd.DataFrame(
        {
            "n": pd.array([4680, None], dtype="Int64"),
            "rate": [1234.567, float("nan")],
            "flag": [True, False],
            "day": [pd.Timestamp("2022-02-24"), pd.NaT],
        }
    )
    rows = [[td.text for td in tr.select("td")] for tr in cells(table, digits=1).select("tbody tr")]
    assert rows == [["4,680", "1,234.6", "True", "2022-02-24"], [*(2 * [DASH]), "False", DASH]]


def test_the_same_table_is_shown_alike_twice() -> None:
    table = pd.DataFrame({"a": [1], "b": ["x"]})
    assert show_table(table)._repr_html_() == show_table(table)._repr_html_()
    assert repr(show_table(table)) == " a b\n 1 x"
