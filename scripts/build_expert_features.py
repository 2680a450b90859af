"""Rebuilds skingpt_r1/knowledge/expert_features.json: which findings experts marked in pictures of which diagnosis.

    python scripts/build_likelihoods.py --data ../shared/data       rebuilds this file too
    python scripts/build_expert_features.py --data ../shared/data   this file alone

Counts only: no row, file name, address, age, sex, skin type or site gets into the file. A diagnosis with fewer than
five pictures in a table and a finding marked in fewer than five of them are left out; the output tells how many rows
that costs, and names every label that the table of diagnoses does not know.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from expert_tally import Tally, majority, table

from skingpt_r1.knowledge.criteria import MELANOMA, NEVUS
from skingpt_r1.knowledge.diagnoses import lineage, preferred

TARGET = Path(__file__).resolve().parents[1] / "skingpt_r1" / "knowledge" / "expert_features.json"

SKINCON = {
    "lesion": "Vesicle,Papule,Macule,Plaque,Abscess,Pustule,Bulla,Patch,Nodule,Ulcer,Wheal,Comedo,Burrow,Cyst",
    "surface": "Crust,Erosion,Excoriation,Atrophy,Exudate,Fissure,Induration,Xerosis,Scale,Scar,Friable,Sclerosis,"
    "Lichenification",
    "shape": "Pedunculated,Exophytic/Fungating,Warty/Papillomatous,Dome-shaped,Flat topped,Umbilicated,Acuminate",
    "colour": "Brown(Hyperpigmentation),White(Hypopigmentation),Translucent,Purple,Yellow,Black,Erythema,Blue,"
    "Poikiloderma,Salmon,Gray,Pigmented",
    "vessels": "Purpura/Petechiae,Telangiectasia",
}
DERMXDB = {
    "lesion": "Plaque,Papule,Patch,Pustule,Open comedo,Closed comedo,Macule,Nodule,Cyst",
    "surface": "Scale,Scar,Hyperkeratosis,Dermatoglyph disruption",
    "vessels": "Telangiectasia,Thrombosed capillaries",
    "hair": "Leukotrichia",
    "surrounding skin": "Sun damage",
    "distribution": "Symmetrical,Seborrheic region,Exposed areas,Acral distribution,Palmo-plantar distribution,"
    "Extensor sites,Periorificial,Intertriginous,Köbnerization",
}
REWORDED = {
    "normal-pigmentation-island": "islands of normal pigmentation",
    "convex-margins": "convex margins",
    "flat-surface": "flat surface",
    "köbnerization": "Köbner phenomenon",
}
DERMXDB_DIAGNOSES = {"Acne", "Actinic keratosis", "Psoriasis", "Seborrheic dermatitis", "Viral warts", "Vitiligo"}
LABELLERS = 8
DERM7PT = {  # column -> concept; what feature_likelihoods.json counts already stays there
    "pigment_network": ("network", {"typical"}),
    "dots_and_globules": ("dots and globules", {"regular", "irregular"}),
    "pigmentation": ("blotches", {"diffuse regular", "localized regular", "diffuse irregular", "localized irregular"}),
    "vascular_structures": (
        "vessels",
        {"arborizing", "comma", "hairpin", "within regression", "wreath", "dotted", "linear irregular"},
    ),
}
HAM10000 = {"melanoma": MELANOMA, "melanocytic nevus": NEVUS | {"MS": "melanoma simulator"}}


def keys(groups: Mapping[str, str]) -> dict[str, str]:
    """ "Brown(Hyperpigmentation)" -> "colour|brown (hyperpigmentation)", for every word of every group."""
    return {word: f"{concept}|{_plain(word)}" for concept, words in groups.items() for word in words.split(",")}


def _plain(word: str) -> str:
    word = word.lower().replace("/", " or ").removesuffix(" distribution").replace("gray", "grey")
    word = REWORDED.get(word, word)
    return re.sub(r"^(hyper|hypo)-", r"\1", re.sub(r"(?<=\w)\(", " (", word))


def skincon(annotations: Path) -> Tally:
    """SkinCon's concepts with Fitzpatrick17k's labels, joined by the picture's hash."""
    tally = Tally(
        "SkinCon",
        "SkinCon (Daneshjou et al. 2022): 48 concepts marked by dermatologists in pictures of Fitzpatrick17k "
        "(Groh et al. 2021), whose labels are the diagnoses",
        "CC BY-NC-SA 3.0 (annotations)",
        "one row a picture of two atlases, several may show one patient; the label is the atlas's",
    )
    labels = {row["md5hash"]: row for row in table(annotations / "fitzpatrick17k" / "fitzpatrick17k.csv")}
    names = keys(SKINCON)
    tally.left_out["no label in Fitzpatrick17k"] = 0  # told even where every row joins
    for row in table(annotations / "skincon" / "fitzpatrick17k_skincon_annotations.csv"):
        tally.rows += 1
        joined = labels.get(row["ImageID"].removesuffix(".jpg"))
        if joined is None:
            tally.left_out["no label in Fitzpatrick17k"] += 1
        elif row["Do not consider this image"] == "1":
            tally.left_out["annotators: do not consider this image"] += 1
        elif joined["qc"].startswith("3"):
            tally.left_out["quality check: wrongly labelled"] += 1
        else:
            found = [names[word] for word in names if row[word] == "1"]
            tally.add(joined["label"], preferred(joined["label"]), found)
    return tally


def marks(row: Mapping[str, str]) -> set[str]:
    """What one labeller marked: characteristics, their attributes ("plaque|red") and the distribution."""
    names = keys(DERMXDB)
    found = {names[tag] for tag in _parts(row["tags_diagnosis_or_nonlocalisable"]) if tag in names}
    for part in _parts(row["localised_characteristics"]):
        characteristic, _, attributes = part.partition(":")
        found.add(names[characteristic])
        found |= {f"{_plain(characteristic)}|{_plain(attribute)}" for attribute in attributes.split("/") if attribute}
    return found


def dermxdb(annotations: Path) -> Tally:
    """DermXDB merged to one row a picture: present where more than half of its labellers mark it.

    Votes have the labellers who named one of the six diagnoses, whichever: the others marked next to nothing. A
    picture needs half of the eight. Second readings of 61 pictures and guesses of age, sex and skin tone are left out.
    """
    tally = Tally(
        "DermXDB",
        "DermXDB (Jalaboi et al. 2022): characteristics that eight dermatologists marked in pictures of DermNet NZ and "
        "SD-260; present where more than half of the labellers who named one of the six diagnoses marks it",
        "CC0 (annotations)",
        "marks explain the labeller's own diagnosis: they favour what is typical of it",
    )
    known = {Path(row["current_filename"]).stem: row for row in table(annotations / "dermxdb" / "metadata.csv", ";")}
    votes: dict[str, list[set[str]]] = defaultdict(list)
    for row in table(annotations / "dermxdb" / "dermxdb_characteristics.csv"):
        tally.rows += 1
        reader = re.match(r"labeller(\d)(2?)_", row["annotation_file"])
        if reader is None or reader[2]:
            tally.left_out["second readings"] += 1
            continue
        votes[row["annotation_file"][reader.end() :]] += (
            [marks(row)] if DERMXDB_DIAGNOSES & set(_parts(row["tags_diagnosis_or_nonlocalisable"])) else []
        )
    for picture, ballots in votes.items():
        if picture not in known:
            tally.left_out["pictures without a diagnosis in the metadata"] += 1
        elif len(ballots) < LABELLERS / 2:
            tally.left_out["pictures in which fewer than four labellers saw one of the six diagnoses"] += 1
        else:
            label = known[picture]["diagnosis"]
            tally.add(label, preferred(label), majority(ballots))
    return tally


def derm7pt(annotations: Path) -> Tally:
    """Derm7pt's criteria that have no word in the narrative vocabulary; kinds of nevus and melanoma are merged."""
    tally = Tally(
        "Derm7pt",
        "Derm7pt (Kawahara et al. 2019): seven-point checklist, the criteria outside the narrative vocabulary",
        "MIT (the copied table), images for research",
        "one row a lesion of a teaching atlas",
    )
    for row in table(annotations / "derm7pt" / "meta.csv"):
        tally.rows += 1
        name = preferred(row["diagnosis"])
        merged = [n for n in ("melanocytic nevus", "melanoma") if name and n in lineage(name) and "metast" not in name]
        found = [f"{said}|{row[column]}" for column, (said, values) in DERM7PT.items() if row[column] in values]
        tally.add(row["diagnosis"], merged[0] if merged else name, found)
    return tally


def ham10000(annotations: Path) -> Iterator[Tally]:
    """The HAM10000 concepts, a table a diagnosis: the other's criteria were never asked for, so no ratio exists."""
    pictures = table(annotations / "ham10000_concepts" / "metadata_ham10000_gt.csv")
    for diagnosis, criteria in HAM10000.items():
        tally = Tally(
            f"HAM10000 concepts, {diagnosis} criteria",
            "HAM10000 concepts (Chanda et al. 2024): criteria marked by dermatologists; present where more than half "
            "of a lesion's pictures show it; criteria of acral, facial and scarred lesions and test rows left out",
            "not stated by the copy that was counted; images CC BY-NC 4.0",
            f"filled in knowing the diagnosis, for {diagnosis} only: never a likelihood ratio",
        )
        lesions: dict[str, list[set[str]]] = defaultdict(list)
        for row in pictures:
            if preferred(row["dx"]) != diagnosis:
                continue
            tally.rows += 1
            if row["split"] == "test":
                tally.left_out["test rows"] += 1
                continue
            lesions[row["lesion_id"]].append({f"structure|{said}" for c, said in criteria.items() if row[c] == "1"})
        for ballots in lesions.values():
            tally.add(diagnosis, diagnosis, majority(ballots))
        yield tally


def count(data: Path) -> list[Tally]:
    """Every table, counted."""
    annotations = data / "annotations"
    return [skincon(annotations), dermxdb(annotations), derm7pt(annotations), *ham10000(annotations)]


def rebuild(data: Path) -> str:
    """Write the file; returns what was counted and left out."""
    tallies = count(data)
    body = json.dumps({"tables": [tally.to_json() for tally in tallies]}, indent=1, ensure_ascii=False)
    body = re.sub(r"\{\s+\"n\": (\d+),\s+\"present\": \{([^}]*)\}\s+\}", _one_line, body)  # a diagnosis a line
    TARGET.write_text(body + "\n", encoding="utf-8")
    return "\n".join([f"{TARGET.name}: {len(tallies)} tables", *(tally.told() for tally in tallies)])


def _one_line(match: re.Match[str]) -> str:
    return f'{{"n": {match[1]}, "present": {{{" ".join(match[2].split())}}}}}'


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def main() -> None:
    """Write the file and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of the open dermatology data")
    sys.stdout.write(rebuild(parser.parse_args().data) + "\n")


if __name__ == "__main__":
    main()
