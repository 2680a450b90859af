"""Small folders in the layouts in which the sets are handed out, and what must not be read out of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.images.reading import read_photo
from skingpt_r1.records import CaseError, Modality, SkinGPTError
from skingpt_r1.sources.dermamnist import LABELS
from skingpt_r1.sources.published import LAYOUTS, read_published


def _pictures(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 40), (200, 150, 140)).save(folder / name)


def _write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


FITZPATRICK = "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,three_partition_label,qc,url"


def fitzpatrick17k(folder: Path) -> None:
    _write(
        folder / "fitzpatrick17k.csv",
        FITZPATRICK,
        "aa,3,3,psoriasis,inflammatory,non-neoplastic,,http://x",
        "bb,-1,2,malignant melanoma,malignant melanoma,malignant,1 Diagnostic,http://x",
        "cc,6,6,acne,inflammatory,non-neoplastic,3 Wrongly labelled,http://x",
        "dd,6,6,an unheard-of disease,genodermatoses,non-neoplastic,,http://x",
        "ee,6,6,acne,inflammatory,non-neoplastic,,http://gone",
    )
    _pictures(folder, "images/aa.jpg", "data/finalfitz17k/bb.jpg", "images/cc.jpg", "dd.jpg")


def skincon(folder: Path) -> None:
    fitzpatrick17k(folder)
    _write(
        folder / "annotations_fitzpatrick17k.csv",
        ",ImageID,Vesicle,Papule,Warty/Papillomatous,Do not consider this image",
        "0,aa.jpg,0,1,1,0",
        "1,bb.jpg,0,0,0,0",
        "2,dd.jpg,1,0,0,1",
        "3,zz.jpg,1,0,0,0",
    )


def ddi(folder: Path) -> None:
    _write(
        folder / "ddi_metadata.csv",
        ",DDI_ID,DDI_file,skin_tone,malignant,disease",
        "0,1,000001.png,56,True,melanoma-in-situ",
        "1,2,000002.png,12,False,melanocytic-nevi",
        "2,3,000003.png,34,False,foreign-body-granuloma",
    )
    _pictures(folder, "images/000001.png", "000002.png", "images/000003.png")


def derm7pt(folder: Path) -> None:
    _write(
        folder / "meta" / "meta.csv",
        "case_num,diagnosis,seven_point_score,pigment_network,streaks,location,sex,clinic,derm,notes",
        "1,basal cell carcinoma,0,absent,absent,back,female,NEL/NEL027.JPG,NEL/Nel026.jpg,",
        '2,clark nevus,1,typical,absent,head neck,male,NEL/c2.jpg,NEL/d2.jpg,"two, words"',
        "3,miscellaneous,1,,absent,back,male,NEL/c3.jpg,NEL/d3.jpg,",
    )
    for name, rows in (("train", "0"), ("valid", "2"), ("test", "1")):
        _write(folder / "meta" / f"{name}_indexes.csv", "indexes", rows)
    _pictures(folder, *(f"images/NEL/{n}.jpg" for n in ("Nel026", "d2", "d3", "c2", "c3")), "images/NEL/NEL027.JPG")


def scin(folder: Path) -> None:
    _write(
        folder / "scin_cases.csv",
        "case_id,age_group,sex_at_birth,fitzpatrick_skin_type,body_parts_arm,body_parts_leg,condition_symptoms_itching,"
        "image_1_path,image_2_path",
        "-1,AGE_30_TO_39,FEMALE,FST4,YES,,YES,dataset/images/1.png,dataset/images/9.png",
        "-2,AGE_UNKNOWN,OTHER_OR_UNSPECIFIED,NONE_IDENTIFIED,YES,YES,,dataset/images/2.png,",
        "-3,AGE_80_OR_ABOVE,MALE,,,,,dataset/images/3.png,",
        "-4,AGE_30_TO_39,MALE,FST1,,,,dataset/images/1.png,",
    )
    _write(
        folder / "scin_labels.csv",
        "case_id,dermatologist_fitzpatrick_skin_type_label_1,dermatologist_fitzpatrick_skin_type_label_2,"
        "weighted_skin_condition_label",
        "-1,FST2,FST2,\"{'Eczema': 0.41, 'Tinea': 0.2}\"",
        "-2,FST5,,\"{'Psoriasis': 1.0}\"",
        "-3,FST1,FST2,\"{'Eczema': 0.5, 'Psoriasis': 0.5}\"",
        "-4,,,{}",
    )
    _pictures(folder, "images/1.png", "dataset/images/2.png", "images/3.png")


def dermamnist(folder: Path, side: int = 28) -> None:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 3), ("val", 1), ("test", 2)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(n, dtype=np.uint8)[:, None] + (4 if split == "test" else 0)
    np.savez_compressed(folder / f"dermamnist{'' if side == 28 else f'_{side}'}.npz", **arrays)


def test_fitzpatrick17k(tmp_path: Path) -> None:
    fitzpatrick17k(tmp_path)
    told = read_published("fitzpatrick17k", tmp_path, tmp_path / "cache")
    assert [(c.id, c.label, c.diagnosis) for c in told.cases] == [
        ("aa", "psoriasis", "psoriasis"),
        ("bb", "malignant melanoma", "melanoma"),
        ("dd", "an unheard-of disease", None),
    ]
    assert {c.split for c in told.cases} == {"test"} and {c.modality for c in told.cases} == {Modality.CLINICAL}
    assert [told.described[c.id] for c in told.cases] == [{"skin_type": "III"}, {}, {"skin_type": "VI"}]
    assert len(told.problems) == 3
    for problem, part in zip(
        told.problems, ("wrongly labelled (qc): cc", "not in the folder: ee", "unheard"), strict=True
    ):
        assert part in problem
    parted = read_published("fitzpatrick17k", tmp_path, tmp_path / "cache", "three_partition_label")
    assert [c.label for c in parted.cases] == ["non-neoplastic", "malignant", "non-neoplastic"]
    with pytest.raises(SkinGPTError, match="its label can be label, nine_partition_label"):
        read_published("fitzpatrick17k", tmp_path, tmp_path / "cache", "url")


def test_skincon(tmp_path: Path) -> None:
    skincon(tmp_path)
    told = read_published("skincon", tmp_path, tmp_path / "cache")
    assert [(c.id, c.label, c.concepts) for c in told.cases] == [
        ("aa", "psoriasis", ("Papule", "Warty/Papillomatous")),
        ("bb", "malignant melanoma", ()),
    ]
    assert "Do not consider this image" in told.problems[0] and "zz" in told.problems[1]


def test_ddi(tmp_path: Path) -> None:
    ddi(tmp_path)
    told = read_published("ddi", tmp_path, tmp_path / "cache")
    assert [c.diagnosis for c in told.cases][:2] == ["melanoma in situ", "melanocytic nevus"]
    assert [told.described[c.id]["skin_type"] for c in told.cases] == ["V-VI", "I-II", "III-IV"]
    assert not any(c.history.known() for c in told.cases)
    coarse = read_published("ddi", tmp_path, tmp_path / "cache", "malignant")
    assert [c.label for c in coarse.cases] == ["malignant", "benign", "benign"]


def test_derm7pt(tmp_path: Path) -> None:
    derm7pt(tmp_path)
    told = read_published("derm7pt", tmp_path, tmp_path / "cache").cases
    assert [(c.label, c.split) for c in told] == [
        ("basal cell carcinoma", "train"),
        ("clark nevus", "test"),
        ("miscellaneous", "val"),
    ]
    assert (told[1].modality, told[1].diagnosis, told[1].group) == (
        Modality.DERMOSCOPY,
        "dysplastic nevus",
        "derm7pt:2",
    )
    assert told[1].history.known() == {"sex": "male", "site": "head neck"}
    assert told[1].concepts == ("pigment_network: typical", "streaks: absent")
    clinical = read_published("derm7pt_clinical", tmp_path, tmp_path / "cache").cases
    assert {c.modality for c in clinical} == {Modality.CLINICAL} and clinical[0].image.endswith("NEL027.JPG")
    assert [c.split for c in clinical] == [c.split for c in told]
    for path in tmp_path.glob("meta/*_indexes.csv"):
        path.unlink()
    assert {c.split for c in read_published("derm7pt", tmp_path, tmp_path / "cache").cases} == {"test"}


def test_derm7pt_row_on_two_sides(tmp_path: Path) -> None:
    derm7pt(tmp_path)
    _write(tmp_path / "meta" / "test_indexes.csv", "indexes", "1", "0")
    with pytest.raises(CaseError, match=r"test_indexes\.csv:3: row 0 is in train already"):
        read_published("derm7pt", tmp_path, tmp_path / "cache")


def test_scin(tmp_path: Path) -> None:
    scin(tmp_path)
    told = read_published("scin", tmp_path, tmp_path / "cache")
    first, second = told.cases
    assert (first.label, second.label) == ("Eczema", "Psoriasis")
    assert first.history.known() == {"sex": "female", "site": "arm", "skin_type": 4, "itch": True}
    assert told.described[first.id] == {"age": "30-39", "skin_type": "II"}
    assert second.history.known() == {} and told.described[second.id] == {"skin_type": "V"}
    assert told.problems[0].endswith("no single condition weighs most: -3, -4.")


@pytest.mark.parametrize("side", [28, 64])
def test_dermamnist(tmp_path: Path, side: int) -> None:
    dermamnist(tmp_path, side)
    told = read_published("dermamnist", tmp_path, tmp_path / "cache").cases
    assert [(c.id, c.split) for c in told][-2:] == [("test/00000", "test"), ("test/00001", "test")]
    assert [c.label for c in told] == [LABELS[i] for i in (0, 1, 2, 0, 4, 5)]
    assert told[0].diagnosis == "actinic keratosis" and told[2].diagnosis == "benign keratosis"
    pixels = read_photo(told[-1].image).pixels
    with np.load(tmp_path / f"dermamnist{'' if side == 28 else '_64'}.npz", allow_pickle=False) as arrays:
        original = arrays["test_images"][1]
    if side == 64:
        assert (pixels == original).all()
    else:
        assert pixels.shape == (224, 224, 3) and np.abs(pixels.mean((0, 1)) - original.mean((0, 1))).max() < 3
    assert read_published("dermamnist", tmp_path, tmp_path / "cache").cases == told  # unpacked once


def test_a_table_may_have_its_label_in_another_column(tmp_path: Path) -> None:
    _pictures(tmp_path, "1.png")
    _write(tmp_path / "cases.csv", "image,label,grade", "1.png,nevus,benign")
    for column, label in ((None, "nevus"), ("grade", "benign")):
        (case,) = read_published("table", tmp_path, tmp_path / "cache", column).cases
        assert case.label == label


def test_two_that_unpack_at_once_both_find_all_pictures(tmp_path: Path) -> None:
    dermamnist(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: read_published("dermamnist", tmp_path, tmp_path / "cache").cases, range(4)))
    assert all(cases == told[0] and all(Path(c.image).is_file() for c in cases) for cases in told)
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_shared_set_is_a_table(tmp_path: Path) -> None:
    _write(tmp_path / "160.csv", "image,label", "a.jpg,psoriasis", "b.jpg,acne")
    _pictures(tmp_path, "a.jpg", "b.jpg")
    told = read_published("table", tmp_path / "160.csv", tmp_path / "cache").cases
    assert [(c.label, c.split) for c in told] == [("psoriasis", "test"), ("acne", "test")]


def _pickled(folder: Path) -> None:
    np.savez(folder / "dermamnist.npz", train_labels=np.array([{"a": 1}], dtype=object))


def _cut(folder: Path) -> None:
    dermamnist(folder)
    content = (folder / "dermamnist.npz").read_bytes()
    (folder / "dermamnist.npz").write_bytes(content[: len(content) // 2])


def _eight(folder: Path) -> None:
    arrays = {f"{s}_labels": np.array([[7]], np.uint8) for s in ("train", "val", "test")}
    np.savez(folder / "dermamnist.npz", **arrays)


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("ddi", lambda f: None, "no ddi_metadata.csv there"),
        (
            "ddi",
            lambda f: _write(f / "ddi_metadata.csv", "DDI_file,disease", "a,b"),
            "no column skin_tone. Columns: DDI_file",
        ),
        (
            "ddi",
            lambda f: _write(f / "ddi_metadata.csv", "DDI_file,skin_tone,disease", "a,12,b"),
            "no usable row.*picture",
        ),
        (
            "ddi",
            lambda f: _write(f / "ddi_metadata.csv", "DDI_file,skin_tone,disease", "a,12"),
            r"csv:2: the row is cut off",
        ),
        (
            "ddi",
            lambda f: _write(
                f / "ddi_metadata.csv", "DDI_file,skin_tone,disease", "../x.png,12,b", f"{f.parent}/x.png,12,b"
            ),
            "no usable row",
        ),
        ("scin", lambda f: _write(f / "scin_cases.csv", "case_id,image_1_path", "1,1.png"), "no scin_labels.csv"),
        ("dermamnist", lambda f: None, "0 files"),
        ("dermamnist", _pickled, "train_labels"),
        ("dermamnist", _cut, "this is no DermaMNIST"),
        ("dermamnist", _eight, r"not 0\.\.6"),
    ],
)
def test_folders_that_are_not_as_published(tmp_path: Path, name: str, spoil: Callable[[Path], None], said: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    _pictures(tmp_path, "x.png")  # outside the folder, where no row may point
    spoil(folder)
    with pytest.raises(CaseError, match=said):
        read_published(name, folder, tmp_path / "cache")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such folder"):
        read_published("ddi", tmp_path / "gone", tmp_path)
    with pytest.raises(SkinGPTError, match="Use one of: fitzpatrick17k, skincon, derm7pt"):
        read_published("isic", tmp_path, tmp_path)


def test_the_real_tables_have_the_columns_that_are_read(data_root: Path, tmp_path: Path) -> None:
    """The tables that are here without pictures: every row fails for its picture only, none for its columns."""
    tables = data_root / "annotations"
    for name, files in {
        "fitzpatrick17k": {"fitzpatrick17k/fitzpatrick17k.csv": "fitzpatrick17k.csv"},
        "skincon": {
            "fitzpatrick17k/fitzpatrick17k.csv": "fitzpatrick17k.csv",
            "skincon/fitzpatrick17k_skincon_annotations.csv": "annotations_fitzpatrick17k.csv",
        },
        "derm7pt": {"derm7pt/meta.csv": "meta/meta.csv"},
    }.items():
        folder = tmp_path / name
        for there, here in files.items():
            if not (tables / there).is_file():
                pytest.skip(f"{there} is not here")
            (folder / here).parent.mkdir(parents=True, exist_ok=True)
            (folder / here).write_bytes((tables / there).read_bytes())
        drafts = list(LAYOUTS[name].rows(folder, LAYOUTS[name].columns[0], tmp_path))
        assert len(drafts) == {"fitzpatrick17k": 16577, "skincon": 3690, "derm7pt": 1011}[name]
        assert all(draft.label for draft in drafts if not draft.left_out)
        with pytest.raises(CaseError, match="picture is not in the folder"):
            read_published(name, folder, tmp_path)
