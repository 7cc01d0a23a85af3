"""The store in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cachespec.stores.files import FileStore
from cachespec.testing import StoreKit


class TestFileStore(StoreKit):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.tmp_path = tmp_path
        self.made = 0

    @property
    def folder(self) -> Path:
        return self.tmp_path / str(self.made)

    def make(self) -> FileStore:
        self.made += 1
        return FileStore(self.folder)

    def again(self) -> FileStore:
        return FileStore(self.folder)

    def bounded(self, items: int) -> FileStore:
        self.made += 1
        return FileStore(self.folder, max_entries=items)

    def damage(self, key: bytes) -> bool:
        spoil(self.folder, key.hex())
        return True

    def damage_body(self, body_id: str) -> bool:
        spoil(self.folder, body_id)
        return True

    def octets(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    @property
    def address(self) -> str:
        return self.folder.as_uri()


def spoil(folder: Path, name: str) -> None:
    """Change an octet near the end of the file with this name."""
    (path,) = folder.rglob(name)
    octets = bytearray(path.read_bytes())
    octets[-10] ^= 1
    path.write_bytes(octets)
