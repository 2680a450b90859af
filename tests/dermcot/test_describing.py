"""A describing model behind a real server: what it is sent, what of its words counts, and every way it can fail."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skingpt_r1.dermcot.build import build
from skingpt_r1.dermcot.chat import Chat, ChatUnavailable
from skingpt_r1.dermcot.describing import Asked, understood
from skingpt_r1.dermcot.evidence import look
from skingpt_r1.dermcot.scoring import LintScorer
from skingpt_r1.dermcot.stages import BuildConfig, Tools, blind
from skingpt_r1.records import Case, History, Modality, SkinGPTError
from tests.dermcot.server import Reply, chat, serving
from tests.dermcot.test_evidence import disc

KEY = "sk-test-0123456789"
SAW = "A dermoscopic image: a symmetric lesion with a regular border. Dark brown areas, white lines in the centre."


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A dark round lesion of a known patient, its file full of what must not be told."""
    pixels = np.full((200, 200, 3), (222, 184, 160), np.uint8)
    pixels[disc() > 0] = (92, 56, 40)
    exif = Image.Exif()
    exif[0x013B] = "Jane Doe"  # Artist
    path = tmp_path / "SECRETNAME_melanoma.jpg"
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    return Case(
        "SECRETID",
        str(path),
        Modality.DERMOSCOPY,
        "secretset",
        History(age=70, site="back", bleed=True, skin_type=2),
        label="SECRETLABEL mel",
        diagnosis="melanoma",
        group="secretset:SECRETPATIENT",
    )


def segment(pixels: np.ndarray) -> np.ndarray:
    return disc(*pixels.shape[:1])


def asked(url: str, **changes: object) -> Asked:
    made = Chat(url, "seer", pause=0.01, timeout=5.0)
    return Asked(dataclasses.replace(made, **changes), segment)  # type: ignore[arg-type]


def test_the_server_gets_pixels_history_and_measurements_and_nothing_that_tells(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_KEY", KEY)
    with serving([Reply(SAW)]) as server:
        asked(server.url, key_variable="SEER_KEY")(blind(case))
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    text, picture = body["messages"][0]["content"]
    sent = json.dumps([headers, {**body, "messages": text}]).lower()
    for secret in ("secret", "melanoma", "mel.", ".jpg", "jane"):
        assert secret not in sent
    assert " History: age 70, site back, bleed yes. " in text["text"]  # the skin type stays here
    assert "asymmetry is 0.0" in text["text"]
    jpeg = base64.b64decode(picture["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    assert b"Jane" not in jpeg
    image = Image.open(io.BytesIO(jpeg))
    assert image.size == (200, 200) and not image.getexif()
    assert np.abs(np.asarray(image).astype(int)[100, 100] - (92, 56, 40)).max() < 12


def test_only_observations_that_the_picture_can_show_and_no_measurement_denies_count(case: Case) -> None:
    said = (
        "This melanoma has an asymmetric shape and a regular border, on the left arm of a man. "
        "Dark brown areas. There is no red. White lines are seen. It bleeds. It could be pink."
    )
    measurement = look(case, segment)[1]
    claims, dropped = understood(said, Modality.DERMOSCOPY, measurement)
    keys = {scored.claim.key for scored in claims}
    assert keys == {
        ("border", "regular", True),
        ("colour", "dark brown", True),
        ("colour", "red", False),
        ("structure", "white lines or white structureless area", True),
    }
    assert all(0.5 <= scored.support <= 1 for scored in claims)
    told = dict(dropped)
    assert "diagnosis" in told["melanoma"]
    assert "measurement contradicts" in told["symmetry asymmetric"]
    assert "history" in told["bleed yes"] and "history" in told["sex male"]
    photo, dropped = understood(said, Modality.CLINICAL, None)
    assert "structure" not in {scored.claim.concept for scored in photo}
    assert "dermatoscope" in dict(dropped)["structure white lines or white structureless area"]
    ((_, why),) = understood("It is a clinical photograph.", Modality.DERMOSCOPY, None)[1]
    assert why == "not how the picture was taken"


def test_busy_then_broken_then_an_answer(case: Case) -> None:
    replies = [
        Reply(b"slow down", 429, {"Retry-After": "0.02"}),
        Reply(b"oops", 503),
        Reply("late", after=1.5),
        Reply(SAW),
    ]
    with serving(replies) as server:
        made = asked(server.url, timeout=1.0)(blind(case))
    assert len(server.requests) == 4
    assert made.said == SAW and not made.fault
    assert len({json.dumps(body) for _, _, body in server.requests}) == 1


@pytest.mark.parametrize(
    ("reply", "fault", "said"),
    [
        (Reply(b'{"choices": [{"mess'), "no chat answer", '{"choices": [{"mess'),
        (Reply(b"[" * 100_000), "no chat answer", "[" * 20_000),
        (Reply(b"null"), "no chat answer", "null"),
        (Reply(b'{"choices": []}'), "no chat answer", '{"choices": []}'),
        (Reply(chat({"role": "assistant", "content": 7})), "no chat answer", None),
        (Reply(chat({"role": "assistant", "content": None, "refusal": "I cannot help."})), "refused", "I cannot help."),
        (Reply(chat({"role": "assistant", "content": None})), "empty", ""),
        (Reply("I'm sorry, but I can't look at pictures of people."), "nothing that counts", None),
        (Reply("This is melanoma."), "nothing that counts", "This is melanoma."),
        (Reply("brown " * 10_000), "over 20,000", None),
        (Reply(b" " * (3 * 2**20)), "longer than 1 MB", ""),
        (Reply(b'{"error": "no pictures, please"}', 400), "status 400", ""),
        (Reply(chat({"role": "assistant", "content": [{"type": "text", "text": SAW}]})), "", SAW),
        (Reply(chat({"role": "assistant", "content": SAW + " \ud800"})), "", SAW + " ?"),
    ],
)
def test_no_answer_costs_one_case_and_is_kept(case: Case, reply: Reply, fault: str, said: str | None) -> None:
    with serving([reply]) as server:
        made = asked(server.url)(blind(case))
    assert (fault in made.fault) if fault else not made.fault
    assert said is None or made.said == said
    assert bool(made.claims) is not bool(fault)
    made.said.encode()


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_what_no_case_would_survive_stops_with_one_line(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEER_KEY", KEY)
    for reply, words in (
        (Reply(f"bad key {KEY}".encode(), 401), "check the key in $SEER_KEY"),
        (Reply(b"no such model", 404), "ending in /v1"),
        (Reply(b"", 302, {"Location": "http://127.0.0.1:1/"}), "no chat there"),
        (Reply(f"down {KEY}".encode(), 500), "status 500, 3 times"),
    ):
        with serving([reply]) as server, pytest.raises(ChatUnavailable) as caught:
            asked(server.url, key_variable="SEER_KEY", tries=3)(blind(case))
        message = str(caught.value)
        assert words in message and "\n" not in message and KEY not in message
        assert len(server.requests) == (3 if reply.status == 500 else 1)
    with pytest.raises(ChatUnavailable, match=r"no connection.*--resume"):
        asked(f"http://127.0.0.1:{closed_port()}/v1")(blind(case))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://host/v1", "no address"),
        ("localhost:8000", "no address"),
        ("http://", "no address"),
        ("http://[", "no address"),
        ("http://host:99999999/v1", "no address"),
        (f"http://me:{KEY}@host/v1", "no user, password or query"),
        (f"http://host/v1?key={KEY}", "no user, password or query"),
    ],
)
def test_addresses_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(SkinGPTError, match=words) as caught:
        Chat(url, "seer")
    assert KEY not in str(caught.value)


def test_a_key_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "  ", "two\nlines", "schlüssel"):
        monkeypatch.setenv("SEER_KEY", value)
        with pytest.raises(SkinGPTError, match=r"\$SEER_KEY: holds no API key"):
            Chat("http://localhost/v1", "seer", "SEER_KEY")
    with pytest.raises(SkinGPTError, match="do not write the key itself") as caught:
        Chat("http://localhost/v1", "seer", KEY)
    assert KEY not in str(caught.value)
    with pytest.raises(SkinGPTError, match="--describer-model"):
        Chat("http://localhost/v1", " ")


def test_a_corpus_by_a_model_keeps_its_words_and_never_the_key(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEER_KEY", KEY)
    leaky = f"{SAW} It is a melanoma. The key was {KEY}."
    cases = [dataclasses.replace(case, id=f"p{n}") for n in range(3)]
    with serving([Reply(SAW), Reply(leaky), Reply(b"not json"), Reply(SAW)]) as server:
        describe = asked(server.url, key_variable="SEER_KEY")
        config = BuildConfig(describer=describe.chat.name)
        build(config, Tools(describe, LintScorer(), {}), cases, tmp_path / "out", False, workers=1)
    entries = [json.loads(line) for line in (tmp_path / "out" / "journal.jsonl").read_text().splitlines()]
    assert [entry["kept"] for entry in entries] == [True, True, False], [entry["why"] for entry in entries]
    assert entries[0]["said"] == SAW
    assert ["melanoma", "a diagnosis, not an observation"] in entries[1]["dropped"]
    assert entries[1]["said"] == leaky.replace(KEY, "[key]")
    assert entries[2]["said"] == "not json" and "not described" in entries[2]["why"]
    told = [claim[:2] for claim in entries[0]["described"]]
    assert ["modality", "dermoscopy"] in told and ["age", "70"] in told and ["border", "regular"] in told
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["describer"] == f"seer at {server.url.split('/')[2]}"
    assert all(KEY not in path.read_text() for path in (tmp_path / "out").iterdir())


def test_a_server_that_goes_away_stops_the_run_and_resume_goes_on(case: Case, tmp_path: Path) -> None:
    cases = [dataclasses.replace(case, id=f"p{n}") for n in range(4)]
    with serving([Reply(SAW), Reply(SAW), Reply(b"", 401)]) as server:
        tools = Tools(asked(server.url), LintScorer(), {})
        with pytest.raises(ChatUnavailable):
            build(BuildConfig(), tools, cases, tmp_path / "a", False, workers=1)
    assert len((tmp_path / "a" / "journal.jsonl").read_text().splitlines()) <= 2
    with serving([Reply(SAW)]) as server:
        build(BuildConfig(), Tools(asked(server.url), LintScorer(), {}), cases, tmp_path / "a", True, workers=1)
        build(BuildConfig(), Tools(asked(server.url), LintScorer(), {}), cases, tmp_path / "b", False, workers=1)
    assert (tmp_path / "a" / "corpus.jsonl").read_bytes() == (tmp_path / "b" / "corpus.jsonl").read_bytes()
