"""The report's contract: JSON keys, a page nothing breaks out of, words that never send a patient home."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from PIL import Image, PngImagePlugin
from rich.console import Console

from skingpt_r1.images.quality import QualityIssue
from skingpt_r1.knowledge.diagnoses import table
from skingpt_r1.narrative import plain
from skingpt_r1.narrative.report import as_json, claim_rows, counted_as, one_line
from skingpt_r1.narrative.report_html import Pictures, html
from skingpt_r1.narrative.report_terminal import print_report
from skingpt_r1.narrative.verify import lowered
from skingpt_r1.records import Claim, Status, Urgency
from tests.narrative.samples import TEXT, disc, report

CONTRACT = [
    "image", "text", "diagnosis", "label", "confidence",
    "differential", "claims", "abstained", "reason", "urgency",
]  # fmt: skip
EVIL = 'a"><script>alert(1)</script><img src=x onerror=alert(2)>\n\x1b[2J\u202egpj.exe'


def photo(size: tuple[int, int] = (240, 240)) -> Image.Image:
    return Image.fromarray(disc()[0]).resize(size)


def page(**changes: object) -> str:
    return html(report(**changes), Pictures(photo(), photo(), photo(), photo()))  # type: ignore[arg-type]


def printed(**changes: object) -> str:
    console = Console(file=io.StringIO(), width=80, no_color=True)
    print_report(report(**changes), console)  # type: ignore[arg-type]
    return console.file.getvalue()  # type: ignore[attr-defined]


class Tags(HTMLParser):
    """Every tag with its attributes, and what is nested wrongly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_json_starts_with_the_contract_in_order_and_is_one_line() -> None:
    found = as_json(report())
    assert list(found)[: len(CONTRACT)] == CONTRACT
    assert {"quality", "measurement", "disclaimer", "model", "seconds"} <= set(found)
    line = json.dumps(found, allow_nan=False)
    assert "\n" not in line
    assert json.loads(line) == found


def test_json_tells_every_claim_with_status_support_and_evidence_in_the_narratives_order() -> None:
    found = as_json(report())
    assert [(c["concept"], c["value"], c["polarity"]) for c in found["claims"]] == [
        c.key for c in report().narrative.claims
    ]
    assert {c["status"] for c in found["claims"]} == {"supported", "contradicted"}
    assert all(c["evidence"][0]["independent"] for c in found["claims"])
    assert found["text"] == TEXT
    assert found["confidence"] == 0.62


def test_json_keeps_a_path_as_given() -> None:
    assert as_json(report(image=EVIL))["image"] == EVIL
    json.dumps(as_json(report(image="bad\udcff.jpg"))).encode("utf-8")


def test_html_escapes_file_name_and_model_text() -> None:
    text = page(image=EVIL, text=TEXT + "<script>alert(3)</script>", reason="<b>x</b>", label=EVIL, abstained=True)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;script&gt;alert(3)" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    tags = Tags(text)
    assert not any(name.startswith("on") for _, attrs in tags.seen for name in attrs)
    assert tags.open == []
    text.encode("utf-8")
    page(image="bad\udcff.jpg").encode("utf-8")


def test_html_asks_nothing_of_anybody() -> None:
    text = page()
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+", "", text))
    tags = Tags(text).seen
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "form", "base"}
    images = [attrs for tag, attrs in tags if tag == "img"]
    assert len(images) == 4
    assert all((a["src"] or "").startswith("data:image/jpeg;base64,") and a["alt"] for a in images)


def test_html_is_accessible_in_structure() -> None:
    tags = Tags(page()).seen
    assert ("html", {"lang": "en"}) in tags
    assert sum(tag == "h1" for tag, _ in tags) == 1
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    assert {attrs["aria-labelledby"] for _, attrs in tags if "aria-labelledby" in attrs} <= ids


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_contrast_reaches_wcag_aa_in_light_and_dark(theme: int) -> None:
    block = re.findall(r":root \{(.*?)\}", page(), re.DOTALL)[theme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    pairs = [("ink", "card"), ("soft", "card"), ("soft", "page"), ("ink", "no-wash"), ("ink", "urgent-wash")]
    pairs += [(name, "card") for name in ("yes", "no", "open", "urgent")]
    pairs += [(name, f"{name}-wash") for name in ("yes", "no", "open", "urgent")]
    pairs += [("soft", f"{name}-wash") for name in ("yes", "no", "urgent")]
    assert {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs if
            contrast(colours[pair[0]], colours[pair[1]]) < 4.5} == {}  # fmt: skip


def test_every_claim_is_signed_and_not_only_coloured() -> None:
    text = page()
    rows = [row for _, group in claim_rows(report()) for row in group]
    assert len(rows) == len(report().narrative.claims)
    for word in ("Supported", "Contradicted"):
        assert text.count(f">{word}") == sum(r.claim.status.value == word.lower() for r in rows)


def test_pictures_are_small_and_carry_no_metadata() -> None:
    secret = PngImagePlugin.PngInfo()
    secret.add_text("comment", "patient Jane Doe")
    buffer = io.BytesIO()
    photo((2000, 1000)).save(buffer, "PNG", pnginfo=secret)
    tagged = Image.open(buffer)
    tagged.info["comment"] = b"patient Jane Doe"
    text = html(report(), Pictures(tagged))
    data = base64.b64decode(re.findall(r"base64,([A-Za-z0-9+/=]+)", text)[0])
    assert b"Jane" not in data
    with Image.open(io.BytesIO(data)) as small:
        assert (small.format, small.size) == ("JPEG", (640, 320))
        corner = small.getpixel((5, 5))
    assert corner == pytest.approx((205, 165, 145), abs=6)  # the disc's skin
    assert tagged.size == (2000, 1000)


def test_html_stands_without_claims_pictures_or_diagnosis() -> None:
    text = html(
        report(
            text="", narrative=report().narrative.__class__(), diagnosis=None, differential=(), judgements=(),
            measurement=None, abstained=True, reason="no skin is visible", label=None, urgency=Urgency.SOON,
        ),
        Pictures(photo()),
    )  # fmt: skip
    assert "Not sure enough" in text
    assert "No skin is visible" in text
    assert plain.DISCLAIMER in text


def test_an_abstention_never_prints_its_closest_match_as_the_result() -> None:
    text = page(abstained=True, reason="confidence below the limit")
    headline = re.search(r"<h1.*?</h1>", text, re.DOTALL)
    assert headline
    assert "elanoma" not in headline.group()
    assert "Closest match, not a result" in text
    assert "Of 100 photos" not in text


def test_the_disclaimer_and_limits_stand_everywhere() -> None:
    assert as_json(report())["disclaimer"] == plain.DISCLAIMER
    assert plain.DISCLAIMER in page()
    flat = " ".join(printed().split())
    assert plain.DISCLAIMER in flat
    assert all(limit.split(".")[0] in flat for limit in plain.LIMITS)


def test_terminal_signs_every_claim_without_colour_and_stays_in_its_width() -> None:
    text = printed()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"^-\*? +Asymmetric shape", text, re.MULTILINE)
    assert re.search(r"^\+ +Dark brown areas", text, re.MULTILINE)
    assert "When to be seen: within two weeks" in text


def test_terminal_ignores_markup_and_control_characters_of_others() -> None:
    text = printed(image="[red]x[/red]\x1b[2J\n.jpg", reason="[bold]y", abstained=True)
    assert "[red]x[/red]\\x1b[2J\\n.jpg" in text
    assert "[bold]y" in text
    assert "\x1b" not in text


def test_terminal_without_unicode_needs_no_blocks() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80, no_color=True)
    print_report(report(), console)
    console.file.flush()
    assert b"####" in console.file.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(table()))
def test_no_result_says_that_no_doctor_is_needed(name: str) -> None:
    told = " ".join(plain.summary(name, 0.99, [(name, 0.99)], (), abstained=False))
    assert not re.search(r"no (doctor|need|worry)|not need|safe|definitely|certainly", told)
    assert name in told


def test_every_urgency_says_when_and_names_a_doctor() -> None:
    assert set(plain.ADVICE) == set(plain.WHEN) == set(Urgency)
    assert all(re.search("doctor|dermatologist", text) for text in plain.ADVICE.values())
    assert "two weeks" in plain.ADVICE[Urgency.URGENT]


def test_a_rival_as_likely_as_the_diagnosis_is_said_to_be_so() -> None:
    def told(rival: float) -> str:
        ranked = [("melanoma", 0.44), ("melanocytic nevus", rival), ("seborrheic keratosis", 0.05)]
        return " ".join(plain.summary("melanoma", 0.44, ranked, (), abstained=False))

    assert "melanocytic nevus (45%) is as likely" in told(0.45)
    assert "as likely" not in told(0.43)


def test_a_benign_match_still_names_the_cancer_it_cannot_rule_out() -> None:
    told = " ".join(
        plain.summary("melanocytic nevus", 0.8, [("melanocytic nevus", 0.8), ("melanoma", 0.12)], (), False)
    )
    assert "cannot rule out melanoma (12%)" in told


def test_red_flags_that_a_check_contradicts_are_not_repeated_as_found() -> None:
    assert "recent growth or change" in report().red_flags
    assert "bleeding or ulceration" not in report().red_flags  # claimed, but never told


def test_a_ratio_says_in_which_group_an_age_or_a_site_was_counted() -> None:
    assert counted_as(Claim("age", "30")) == "younger than 60"
    assert counted_as(Claim("site", "back")) == "trunk"
    assert counted_as(Claim("colour", "red")) is None


def test_notes_and_quality_are_shown() -> None:
    confidence, reasons = lowered(0.62, report().narrative)
    issue = QualityIssue("blur", 0.2, 0.3, "The photo is blurred: hold still.", False)
    changes = {"notes": reasons, "quality": (issue,), "confidence": confidence}
    for text in (page(**changes), printed(**changes)):
        flat = " ".join(text.replace("&#34;", '"').split())
        assert "The photo is blurred" in flat
        assert 'rests on "asymmetric shape"' in flat
    assert as_json(report(**changes))["quality"][0]["name"] == "blur"  # type: ignore[arg-type]


def test_one_line_spells_out_what_cannot_be_printed() -> None:
    assert one_line("naïve 猫.jpg") == "naïve 猫.jpg"
    assert one_line("a\nb\u2028\x07\udcff") == "a\\nb\\u2028\\x07\\udcff"


def test_percentages_never_promise() -> None:
    assert [plain.percent(p) for p in (0.0, 0.004, 0.5, 0.999)] == [
        "under 1%",
        "under 1%",
        "50%",
        "over 99%",
    ]


def test_status_counts_are_told_in_plain_words() -> None:
    claims = report().narrative.claims
    assert f"contradict {sum(c.status is Status.CONTRADICTED for c in claims)}" in plain.checks(claims)


def test_a_prediction_set_is_told_everywhere_with_its_promise() -> None:
    told = report(among=("melanoma", "melanocytic nevus"), coverage=0.9)
    sentence = "The set of this photo, made for 90% coverage: melanoma or melanocytic nevus."
    assert sentence in told.summary[-1]
    assert as_json(told)["among"] == {"coverage": 0.9, "diagnoses": ["melanoma", "melanocytic nevus"]}
    assert sentence in html(told, Pictures(Image.new("RGB", (8, 8))))
    assert as_json(report())["among"] is None


def test_a_refused_picture_gets_no_diagnosis_in_words_and_no_comfort() -> None:
    refused = report(
        abstained=True,
        outside="It shows a page.",
        reason="It shows a page.",
        urgency=Urgency.ROUTINE,
        advice=plain.outside_advice(Urgency.ROUTINE),
    )
    assert refused.summary == (plain.OUTSIDE,)
    assert refused.red_flags == ()
    page = html(refused, Pictures(Image.new("RGB", (8, 8))))
    assert "Not a picture that this model can judge" in page
    assert "Closest match" not in page
    assert "neither good nor bad" in page
    shown = printed(
        abstained=True,
        outside="It shows a page.",
        reason="It shows a page.",
        advice=plain.outside_advice(Urgency.ROUTINE),
    )
    for text in (page, shown):  # nothing of what was written about it stands as a finding
        assert not any(word in text for word in ("Differential", "What it could be", "elanoma", "When to be seen"))
    assert "within two weeks" in plain.outside_advice(Urgency.URGENT)  # a lesion may be refused by mistake
