"""The leaderboard out of real logs: figures, failed and pending apart, controls, and hostile texts that stay inert."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("inspect_ai")

from typer.testing import CliRunner

from skingpt_r1.dermbench.judges import offline_judge, reference_judge
from skingpt_r1.dermbench.leaderboard import words
from skingpt_r1.dermbench.leaderboard.comparing import compare_systems
from skingpt_r1.dermbench.leaderboard.markdown import escaped, markdown
from skingpt_r1.dermbench.leaderboard.page import write_pages
from skingpt_r1.dermbench.leaderboard.standing import Board, boards, mean_estimates, scores_of
from skingpt_r1.dermbench.reading import Runs, read_logs
from skingpt_r1.dermbench.statistics import estimate
from skingpt_r1.dermeval.raters import MEAN
from skingpt_r1.records import SkinGPTError
from tests.dermbench.bench_app import app
from tests.dermbench.evals import bad, good, graded, run, sample, says
from tests.dermeval.subjects import subject

N = 14
JUDGE = "reference_judge:mockllm/judge"
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)> [a](javascript:alert(3)) \u202e **5/5** | \x1b[31m"
EVIL = "mockllm/evil<script>|*_`"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    samples = [sample(n) for n in range(N)]

    def judge(*nonsense: int) -> list:
        told = [graded(2 + n % 6 / 2, ATTACK) for n in range(N)]
        for n in sorted(nonsense, reverse=True):
            told[n : n + 1] = ["nonsense", "nonsense"]
        return [reference_judge(says("mockllm/judge", told), cache=False)]

    run(samples, [offline_judge(), *judge()], folder, says("mockllm/good", [good(n) for n in range(N)]))
    run(samples, judge(4), folder, says(EVIL, [bad(n) + ATTACK if n else "" for n in range(N)]))
    run(samples[:10], judge(), folder, says("mockllm/x", [subject(n).text for n in range(10)]), "skingpt/reference")
    return folder


@pytest.fixture(scope="module")
def runs(logs: Path) -> Runs:
    return read_logs(logs)


@pytest.fixture(scope="module")
def board(runs: Runs) -> Board:
    return next(b for b in boards(runs) if b.judge == JUDGE)


def test_logs_of_another_suite_or_question_are_no_table(tmp_path: Path) -> None:
    for name, about in (("one", {"digest": "a"}), ("two", {"digest": "b"})):
        run(
            [sample(0)], [offline_judge()], tmp_path / name, says("mockllm/x", [good(0)]), f"system {name}", about=about
        )
    assert [r.name for r in read_logs(tmp_path / "one").systems] == ["system one"]
    with pytest.raises(SkinGPTError, match="are of another digest"):
        read_logs(tmp_path)
    run([sample(0)], [], tmp_path / "three", says("mockllm/x", [good(0)]), "x", about={"benchmark": "classify"})
    with pytest.raises(SkinGPTError, match="classify-table"):
        read_logs(tmp_path / "three")


def test_logs_become_records(runs: Runs) -> None:
    assert [r.name for r in runs.systems] == [EVIL, "mockllm/good", "skingpt/reference"]
    assert [r.control for r in runs.systems] == [False, False, True]
    assert runs.judges == ("offline_judge", JUDGE) and len(runs.cases) == N
    case = runs.cases["made/3"]
    assert case.group == "patient 3" and case.reference == subject(3).text and case.category
    told = runs.system("mockllm/good").written["made/3"]
    assert told.text == good(3) and told.tokens == 1000 and told.seconds is not None


def test_failed_and_pending_are_counted_apart_and_are_no_zeros(runs: Runs, board: Board) -> None:
    rows = {row.system: row for row in board.rows}
    evil, fine, control = rows[EVIL], rows["mockllm/good"], rows["skingpt/reference"]
    assert (evil.scored, evil.n_failed, evil.n_pending) == (N - 2, 1, 1)
    assert dict(evil.failed) == {"the text is empty": 1} and dict(evil.pending) == {"nonsense": 1}
    assert (fine.scored, fine.n_failed, fine.n_pending) == (N, 0, 0)
    assert (control.scored, dict(control.pending)) == (10, {"the system was not asked": N - 10})
    given = [scores[MEAN] for scores in scores_of(runs.system(EVIL), JUDGE).values()]
    assert evil.means[MEAN].value == pytest.approx(np.mean(given)) and min(given) >= 2


def test_ranks_are_of_systems_on_shared_cases_and_controls_come_last(board: Board) -> None:
    assert board.shared == N - 2
    assert [row.control for row in board.rows] == [False, False, True]
    assert all((row.rank is None) == row.control for row in board.rows)


def test_intervals_are_those_of_the_statistics_room() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.normal(3, 1, (40, 2)), [f"g{n // 2}" for n in range(40)]
    ours = mean_estimates(values, groups)
    for column, told in enumerate(ours):
        theirs = estimate(lambda rows, c=column: float(values[rows, c].mean()), groups)
        assert told.value == pytest.approx(theirs.value)
        assert told.low == pytest.approx(theirs.low, abs=0.05) and told.high == pytest.approx(theirs.high, abs=0.05)
    assert mean_estimates(values[:9], groups[:9])[0].low is None
    assert mean_estimates(values[:0], [])[0].value is None


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_pages_hold_everything_and_what_is_hostile_is_inert(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "board.html"
    assert write_pages(runs, boards(runs), out) == N + 2
    pages = [out, *sorted((tmp_path / "board-cases").glob("*.html"))]
    assert len(pages) == N + 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = _Tags()
        found.feed(text)
        assert not {"script", "iframe", "object", "form", "link"} & {tag for tag, _ in found.tags}
        assert not [a for _, attributes in found.tags for a in attributes if a.startswith("on")]
        for tag, attributes in found.tags:
            place = str(attributes.get("src") or attributes.get("href") or "")
            assert tag != "img" or place.startswith("data:image/jpeg;base64,")
            assert not re.match(r"(?i)\s*(javascript|https?|//)", place)
        assert "default-src 'none'" in text and "\u202e" not in text and "\x1b" not in text
        assert "".join(found.words).count(words.NOTICE) == 2
    (case,) = [p for p in pages if p.name.startswith("made-3-")]
    said = "".join(_said(case))
    for part in (good(3), bad(3), subject(3).text, "<script>alert(1)</script>", "\\u202e", JUDGE, "skingpt/reference"):
        assert " ".join(part.split()) in " ".join(said.split())


def _said(page: Path) -> list[str]:
    found = _Tags()
    found.feed(page.read_text(encoding="utf-8"))
    return found.words


def test_the_picture_is_small_and_without_metadata(runs: Runs, tmp_path: Path) -> None:
    write_pages(runs, boards(runs), tmp_path / "b.html")
    (case,) = (tmp_path / "b-cases").glob("made-3-*.html")
    (told,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', case.read_text())
    picture = Image.open(io.BytesIO(base64.b64decode(told)))
    assert max(picture.size) <= 320 and not picture.getexif() and not {"icc_profile", "comment"} & set(picture.info)


def test_a_picture_that_is_gone_is_said_and_no_error(logs: Path, tmp_path: Path) -> None:
    runs_ = read_logs(logs)
    gone = {k: type(c)(c.id, c.group, c.reference, "/nowhere/a.jpg") for k, c in runs_.cases.items()}
    write_pages(Runs(runs_.systems, gone, runs_.judges, runs_.logs), [], tmp_path / "b.html")
    assert "cannot be shown" in next((tmp_path / "b-cases").glob("made-3-*.html")).read_text()


def test_markdown_is_a_table_that_shows_names_and_does_nothing(runs: Runs) -> None:
    text = markdown(boards(runs))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == 2 * (2 + 3) and {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {16}
    assert words.NOTICE in text and "<script>" not in text and "control" in text
    assert escaped(EVIL) == "mockllm/evil&lt;script&gt;\\|\\*\\_\\`"
    assert escaped("a\nb\u202ec") == "a\\\\nb\\\\u202ec"


def test_two_systems_are_compared_case_by_case(runs: Runs) -> None:
    found = compare_systems(runs, "mockllm/good", "skingpt/reference", "reference")
    assert found.judge == JUDGE and found.only == (N - 10, 0) and found.overall.n == 10
    assert found.overall.told is not None and found.overall.told.difference.value == pytest.approx(0)
    assert {line.name for line in found.dimensions} == set(words.names().values())
    assert found.categories and all(line.told is None and line.n < 10 for line in found.categories)


@pytest.mark.parametrize(
    ("names", "judge", "says_"),
    [(("mockllm/good", "nobody"), "reference", "no log holds the system 'nobody'"),
     (("mockllm/good", "skingpt/reference"), None, "--judge: name one of the judges"),
     (("mockllm/good", "skingpt/reference"), "offline", "scored no case of both")],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(runs: Runs, names: tuple[str, str], judge: str | None, says_: str) -> None:
    with pytest.raises(SkinGPTError, match=re.escape(says_)):
        compare_systems(runs, *names, judge)


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SkinGPTError, match=r"holds no \.eval log"):
        read_logs(tmp_path)
    (tmp_path / "a.eval").write_bytes(b"not a zip")
    with pytest.raises(SkinGPTError, match="cannot be read as a log"):
        read_logs(tmp_path)


def test_a_newer_log_of_a_system_takes_over_but_loses_no_verdict(tmp_path: Path) -> None:
    samples = [sample(n) for n in range(2)]
    run(samples, [offline_judge()], tmp_path, says("mockllm/a", [good(0), good(1)]))
    judge = reference_judge(says("mockllm/judge", [graded(3)]), cache=False)
    run(samples[:1], [judge], tmp_path, says("mockllm/a", [good(0)]))
    found = read_logs(tmp_path).system("mockllm/a").written
    assert set(found["made/0"].verdicts) == {"offline_judge", JUDGE}
    assert set(found["made/1"].verdicts) == {"offline_judge"}


def test_commands(logs: Path, tmp_path: Path) -> None:
    html, table = tmp_path / "b.html", tmp_path / "b.md"
    done = CliRunner().invoke(
        app, ["leaderboard", str(logs), "--html", str(html), "--markdown", str(table), "--no-cases"]
    )
    assert done.exit_code == 0, done.output
    assert html.exists() and table.read_text().startswith("# Leaderboard") and not (tmp_path / "b-cases").exists()
    assert "All cases" not in html.read_text()
    words_ = ["compare", "mockllm/good", "skingpt/reference", "--logs", str(logs), "--judge", "reference"]
    done = CliRunner().invoke(app, [*words_, "--json"])
    assert json.loads(done.output)["overall"]["n"] == 10
    assert "too few cases" in CliRunner().invoke(app, words_).output


def test_a_browser_shows_the_page(runs: Runs, tmp_path: Path) -> None:
    out, shot = tmp_path / "b.html", tmp_path / "b.png"
    write_pages(runs, boards(runs), out)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}", out.as_uri()]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("no chromium")
    assert len(np.unique(np.asarray(Image.open(shot).convert("L")))) > 50
