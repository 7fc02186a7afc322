"""The figures of the trials: read from pytest's own report, and put into the page."""

from tests.trials import BEGIN, Tried, read_report, with_figures

REPORT = """<testsuites><testsuite>
<testcase name="a" time="1.5"><properties>
  <property name="runner's peak" value="80 MB"/></properties></testcase>
<testcase name="b" time="2"><properties><property name="runner's peak" value="91 MB"/></properties>
  <failure message="no"/></testcase>
<testcase name="c" time="0"><skipped/></testcase>
<testcase name="d" time="0"><error/></testcase>
</testsuite></testsuites>"""
END = "<!-- as far as here -->\n"
EMPTY = f"before\n{BEGIN}{END}after\n"
ROW = Tried(count=59, wrong=0, seconds=12.4, peak=None)
COLUMNS = "| engine | suite | tried | wrong | seconds | the runner's peak |"


def test_failures_and_errors_are_wrong_and_what_was_skipped_was_not_tried() -> None:
    assert read_report(REPORT) == Tried(count=3, wrong=2, seconds=3.5, peak=91)


def test_a_test_that_tries_many_things_counts_them_all() -> None:
    value = "100000, of which 8000 fit the schema; 200 s"
    case = f'<testcase time="1"><property name="malformed manifests" value="{value}"/></testcase>'
    assert read_report(f"<x>{case}</x>").count == 100_000


def test_a_suite_that_is_tried_again_has_one_row_and_other_engines_keep_theirs() -> None:
    page = with_figures(EMPTY, "Docker 20", {"verdicts": ROW, "hostile": ROW}, "head of one")
    page = with_figures(page, "Podman 4", {"verdicts": ROW}, "head of one")
    page = with_figures(page, "Docker 20", {"verdicts": ROW}, "head of one")
    assert page.startswith("before\n")
    assert page.endswith(f"{END}after\n")
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert rows[0] == COLUMNS
    assert sorted(row.partition(" | 59")[0] for row in rows[2:]) == [
        "| Docker 20 | hostile",
        "| Docker 20 | verdicts",
        "| Podman 4 | verdicts",
    ]


def test_figures_of_another_runner_do_not_stay() -> None:
    page = with_figures(EMPTY, "Docker 20", {"hostile": ROW}, "head of one")
    page = with_figures(page, "Docker 20", {"verdicts": ROW}, "head of another")
    assert "hostile" not in page
    assert "head of one\n" not in page
