"""Both databases, a small corpus, and people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from argon2 import PasswordHasher
from PIL import Image
from sqlalchemy import create_engine, text

from skingpt_r1.dermcot.stages import BuildConfig, as_line, entry_of
from skingpt_r1.records import Case, History, Modality
from skingpt_r1.serve.certify.accounts import Viewer
from skingpt_r1.serve.certify.intake import load
from skingpt_r1.serve.certify.store import Store, now
from skingpt_r1.serve.certify.tables import Role, User
from tests.dermcot.test_build import tools
from tests.serve.databases import binaries, postgresql

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    if binaries() is None:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    with postgresql() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An emptied database (a new one for each test would be thousands of files)."""
    engine = create_engine(postgres_server.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    engine.dispose()
    return postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'certify.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus", 6)


@pytest.fixture
def queued(store: Store, corpus: Path) -> Store:
    """A store with six cases."""
    load(store, corpus)
    return store


@pytest.fixture(scope="session")
def hashed() -> str:
    """PASSWORD, hashed once: it is slow on purpose."""
    return PasswordHasher().hash(PASSWORD)


@pytest.fixture
def person(store: Store, hashed: str) -> Callable[..., Viewer]:
    """Makes people of a role."""

    def make(name: str, role: Role = Role.RATER) -> Viewer:
        with store.begin() as session:
            user = User(name=name, folded=name.casefold(), role=role, password=hashed, created_at=now())
            session.add(user)
            session.flush()
            return Viewer(user.id, name, role, "", 0)

    return make


def make_corpus(folder: Path, n: int) -> Path:
    """Cases of three diagnoses and two skin types; each picture names a person and its label in its metadata."""
    names = ("melanoma", "melanocytic nevus", "basal cell carcinoma")
    (folder / "pictures").mkdir(parents=True)
    lines = []
    for i in range(n):
        name = names[i % 3]
        exif = Image.Exif()
        exif[0x013B] = "Jane Doe"
        Image.fromarray(np.full((60, 80, 3), 10 + 7 * i % 240, np.uint8)).save(
            folder / "pictures" / f"secret-{i}.jpg", exif=exif, comment=b"label-in-comment"
        )
        history = History(age=40.0 + i, skin_type=1 + i % 2, diameter_mm=6.25)
        case = Case(f"secret-{i}", f"pictures/secret-{i}.jpg", Modality.DERMOSCOPY, "hidden-set", history, name, name)
        lines.append(as_line(entry_of(case, tools(), BuildConfig(seed=i))))
    assert all(json.loads(line)["kept"] for line in lines)
    (folder / "corpus.jsonl").write_text("".join(lines))
    return folder
