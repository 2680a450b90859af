"""Expert features: intervals and ratios are right, nothing personal ships, and drafts and verifier never see them."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skingpt_r1.knowledge import expert, likelihoods
from skingpt_r1.knowledge.diagnoses import table as diagnosis_table
from skingpt_r1.knowledge.likelihoods import LikelihoodRatio, probability

CONCEPTS = {
    "SkinCon": {"lesion", "surface", "shape", "colour", "vessels"},
    "DermXDB": {"lesion", "surface", "vessels", "hair", "surrounding skin", "distribution"}
    | {"plaque", "papule", "patch", "pustule", "macule", "nodule", "scale"},
    "Derm7pt": {"network", "dots and globules", "blotches", "vessels"},
    "HAM10000 concepts, melanoma criteria": {"structure"},
    "HAM10000 concepts, melanocytic nevus criteria": {"structure"},
}


def ratio(source: str, feature: str, one: str, other: str) -> LikelihoodRatio:
    found = [r for name, r in expert.ratios(one, other) if name == feature and r.source == source]
    assert len(found) == 1, (source, feature, one, other)
    return found[0]


def test_wilson_by_hand() -> None:
    """8 of 10: middle (8 + 1.9208) / 13.8416 = 0.7167, reach 1.96 sqrt(8 * 2 / 10 + 0.9604) / 13.8416 = 0.2266."""
    assert expert.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert expert.wilson(0, 10)[0] == 0 and expert.wilson(10, 10)[1] == 1


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_smoothed_or_not(counts: tuple[int, int]) -> None:
    present, n = counts
    low, high = expert.wilson(present, n)
    assert 0 <= low <= present / n <= high <= 1
    assert low < probability(present, n) < high


def test_every_shipped_share_lies_within_its_interval() -> None:
    for name in {name for table in expert.tables() for name in table.counts}:
        found = expert.shares(name)
        assert found, name
        for share in found:
            assert 0 <= share.low < share.p < share.high <= 1
            assert 0 < share.present <= share.n
            assert share.small == (share.present < 5 or share.n - share.present < 5)
        for _, group in itertools.groupby(found, key=lambda share: share.source):
            shown = [share.p for share in group]
            assert shown == sorted(shown, reverse=True)


def test_shipped_counts_are_whole_and_small_groups_are_left_out() -> None:
    assert [table.name for table in expert.tables()] == list(CONCEPTS)
    for table in expert.tables():
        assert table.source and table.licence and table.note
        assert set(table.counts) <= set(diagnosis_table())
        assert table.n == sum(next(iter(features.values()))[1] for features in table.counts.values())
        marked: dict[str, int] = {}
        for features in table.counts.values():
            for feature, (present, n) in features.items():
                assert 0 <= present <= n and n >= 5
                marked[feature] = marked.get(feature, 0) + present
        assert min(marked.values()) >= 5
        assert {feature.partition("|")[0] for feature in marked} <= CONCEPTS[table.name]


def test_nothing_that_leads_to_a_picture_or_a_person_ships() -> None:
    text = resources.files("skingpt_r1.knowledge").joinpath("expert_features.json").read_text(encoding="utf-8")
    for trace in (r"https?:", r"\.jpe?g", r"\b[0-9a-f]{32}\b", r"ISIC_\d", r"HAM_\d", r"IMD\d", r"labeller\d"):
        assert not re.search(trace, text), trace
    for word in ("age|", "sex|", "site|", "skin type|", "skin tone|", "male", "elderly", "light skin", "dark skin"):
        assert word not in text, word


def test_turned_round_each_ratio_is_inverted_and_telling_ones_agree_with_the_raw_shares() -> None:
    """Smoothing pulls the smaller group towards one half: it must never turn a telling ratio round."""
    counted = {table.name: table.counts for table in expert.tables()}
    pairs = list(itertools.combinations(sorted(counted["SkinCon"]), 2))[::7]
    pairs += itertools.combinations(counted["DermXDB"], 2)
    pairs += itertools.combinations(counted["Derm7pt"], 2)
    for one, other in pairs:
        back = {(feature, r.source): r for feature, r in expert.ratios(other, one)}
        for feature, r in expert.ratios(one, other):
            turned = back.pop((feature, r.source))
            assert r.value * turned.value == pytest.approx(1)
            assert r.low * turned.high == pytest.approx(1) and r.low < r.value < r.high
            ours, theirs = counted[r.source][one][feature], counted[r.source][other][feature]
            assert ours[0] + theirs[0] >= 5 and r.n == ours[1] + theirs[1]
            if r.low > 1 or r.high < 1:
                assert (r.value > 1) == (ours[0] / ours[1] > theirs[0] / theirs[1]), (one, other, feature)
        assert not back


def test_no_ratio_between_criteria_that_were_asked_for_within_one_diagnosis() -> None:
    for table in expert.tables():
        if "HAM10000" in table.name:
            assert len(table.counts) == 1, table.name
    assert not any("HAM10000" in r.source for _, r in expert.ratios("melanoma", "melanocytic nevus"))
    assert {s.source for s in expert.shares("melanoma") if "HAM10000" in s.source} == {
        "HAM10000 concepts, melanoma criteria"
    }


@pytest.mark.parametrize(
    ("source", "feature", "one", "other"),
    [
        ("SkinCon", "surface|scale", "psoriasis", "melanocytic nevus"),
        ("SkinCon", "surface|scale", "psoriasis", "acne"),
        ("SkinCon", "lesion|comedo", "acne", "psoriasis"),
        ("SkinCon", "lesion|pustule", "folliculitis", "lichen planus"),
        ("SkinCon", "lesion|patch", "vitiligo", "psoriasis"),
        ("SkinCon", "colour|white (hypopigmentation)", "vitiligo", "psoriasis"),
        ("SkinCon", "lesion|wheal", "urticaria", "drug eruption"),
        ("SkinCon", "lesion|bulla", "gestational pemphigoid", "psoriasis"),
        ("SkinCon", "colour|purple", "lichen planus", "psoriasis"),
        ("SkinCon", "vessels|telangiectasia", "basal cell carcinoma", "squamous cell carcinoma"),
        ("SkinCon", "colour|translucent", "basal cell carcinoma", "melanoma"),
        ("SkinCon", "colour|black", "melanoma", "basal cell carcinoma"),
        ("SkinCon", "surface|xerosis", "ichthyosis vulgaris", "eczema"),
        ("SkinCon", "surface|scar", "keloid", "sarcoidosis"),
        ("DermXDB", "lesion|open comedo", "acne", "seborrheic dermatitis"),
        ("DermXDB", "vessels|thrombosed capillaries", "wart", "psoriasis"),
        ("DermXDB", "surrounding skin|sun damage", "actinic keratosis", "psoriasis"),
        ("DermXDB", "scale|greasy", "seborrheic dermatitis", "psoriasis"),
        ("DermXDB", "patch|depigmented", "vitiligo", "seborrheic dermatitis"),
        ("DermXDB", "distribution|extensor sites", "psoriasis", "seborrheic dermatitis"),
        ("Derm7pt", "vessels|arborizing", "basal cell carcinoma", "melanoma"),
        ("Derm7pt", "vessels|linear irregular", "melanoma", "melanocytic nevus"),
        ("Derm7pt", "network|typical", "melanocytic nevus", "melanoma"),
    ],
)
def test_shipped_numbers_mean_what_textbooks_say(source: str, feature: str, one: str, other: str) -> None:
    """Directions only, as Bolognia's Dermatology has them: the finding is commoner in the first diagnosis."""
    assert ratio(source, feature, one, other).low > 1


def test_unknown_pairs_have_no_ratio_and_no_shares() -> None:
    assert expert.ratios("wart", "melanoma") == []  # DermXDB has one, SkinCon the other
    assert expert.shares("tinea nigra") == []


def test_drafts_and_verifier_never_load_the_expert_features() -> None:
    code = (
        "import sys, skingpt_r1.dermcot.draft, skingpt_r1.narrative.verify, skingpt_r1.narrative.report;"
        "sys.exit('skingpt_r1.knowledge.expert' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert likelihoods.likelihood_ratio("surface", "scale", True, "psoriasis", ["acne"]) is None


def test_what_drafts_and_verifier_weigh_has_not_moved() -> None:
    """Shipped adapters learned from drafts of these counts. After new measurements and new drafts, renew the digest."""
    body = json.dumps([[table.source, table.counts] for table in likelihoods.tables()], sort_keys=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    assert digest == "295327a6cc7c890f2f822bc68dfc2254513987f7c3006168935444fe56fd07a8"


def test_the_documentation_tells_the_shipped_figures() -> None:
    told = (Path(__file__).resolve().parents[2] / "docs" / "knowledge.md").read_text(encoding="utf-8")
    for table in expert.tables():
        features = {feature for counts in table.counts.values() for feature in counts}
        counted = rf"{table.n:,} (pictures|lesions), ({len(table.counts)} diagnoses, )?{len(features)} findings"
        assert re.search(counted, told), f"docs/knowledge.md: {table.name}: {counted}"
