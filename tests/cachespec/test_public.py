from __future__ import annotations

import inspect
import sys
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import pytest

import cachespec

# Type aliases and constants have no documentation of their own.
DOCUMENTED = [name for name in cachespec.__all__ if callable(getattr(cachespec, name))]


def test_every_public_name_is_there_once_and_in_order() -> None:
    assert len(set(cachespec.__all__)) == len(cachespec.__all__)
    constants = [name for name in cachespec.__all__ if name.isupper()]
    classes = [name for name in cachespec.__all__ if name[0].isupper() and not name.isupper()]
    functions = [name for name in cachespec.__all__ if name[0].islower()]
    assert cachespec.__all__ == [*sorted(constants), *sorted(classes), *sorted(functions)]
    for name in cachespec.__all__:
        assert hasattr(cachespec, name)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_public_name_says_what_it_is(name: str) -> None:
    thing = getattr(cachespec, name)
    assert inspect.getdoc(thing)
    # That is, in words of its own.
    assert thing.__doc__ is not None
    assert not thing.__doc__.startswith(f"{name}(")
    if inspect.isclass(thing):
        for member, value in vars(thing).items():
            if inspect.isfunction(value) and not member.startswith("_"):
                assert value.__doc__, f"{name}.{member}"


@pytest.mark.parametrize("name", ["Policy", "Wish"])
def test_options_are_given_by_name(name: str) -> None:
    option = getattr(cachespec, name)
    assert is_dataclass(option)
    assert all(field.kw_only for field in fields(option))


def test_a_store_is_opened_by_its_url() -> None:
    assert isinstance(cachespec.open_store("memory:"), cachespec.MemoryStore)
    for url in ("", "memory", "ftp://x", "memory://x", "redis://x"):
        with pytest.raises(ValueError, match="store"):
            cachespec.open_store(url)


@pytest.mark.parametrize(
    "url", ["sqlite:///cache.db", "postgresql+psycopg://host/name", "mysql://host/name", "mariadb+x://host/name"]
)
def test_a_store_in_a_database_comes_from_its_own_package(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cachespec_sql", None)
    with pytest.raises(ImportError, match="pip install cachespec-sql"):
        cachespec.open_store(url)
    monkeypatch.setitem(
        sys.modules, "cachespec_sql", SimpleNamespace(SQLStore=lambda given, namespace: (given, namespace))
    )
    assert cachespec.open_store(url) == (url, "")
    assert cachespec.open_store(f"{url}#shop") == (url, "shop")
