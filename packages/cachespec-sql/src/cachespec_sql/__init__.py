"""A store for cachespec on SQLAlchemy: SQLite, PostgreSQL, MySQL and MariaDB, shared by workers and machines."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
