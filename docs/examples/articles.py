"""A small newspaper: what each kind of response is to do with caches, in one application.

    pip install cachespec-fastapi cachespec-asgi cachespec-sql uvicorn
    uvicorn --app-dir docs/examples articles:app --workers 2

The articles lie in one SQLite file, the cache in another one.  Both workers share them: what one stores answers
requests to the other, and what is purged through one is gone for both.

    curl -i localhost:8000/articles                                 fresh for a minute, kept here for an hour
    curl -i localhost:8000/articles/1                               the same, with an entity-tag
    curl -i localhost:8000/articles/1 -H 'If-None-Match: "1-0"'     304, and nobody loads the article
    curl -i -X PUT 'localhost:8000/articles/1?title=New' -H 'If-Match: "1-0"'
    curl -i localhost:8000/users/me -H 'Authorization: Bearer ada'  for this user's browser only
    curl -N localhost:8000/events                                   what changes, as it changes
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from cachespec_asgi import CacheMiddleware
from cachespec_fastapi import CacheDep, cache, etag, install, never_cache, vary

FOLDER = Path(os.environ.get("ARTICLES_FOLDER", "."))
STORE = os.environ.get("ARTICLES_STORE", f"sqlite:///{FOLDER / 'cache.db'}")


# --- the articles themselves: nothing about caches here


class Article(BaseModel):
    number: int
    title: str
    revision: int


def connection() -> Iterator[sqlite3.Connection]:
    """The database, for one request."""
    with closing(sqlite3.connect(FOLDER / "articles.db", isolation_level=None, check_same_thread=False)) as database:
        database.row_factory = sqlite3.Row
        yield database


Database = Annotated[sqlite3.Connection, Depends(connection)]
opened = contextmanager(connection)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    with opened() as database:
        database.execute("create table if not exists article (number integer primary key, title, revision)")
        first = [(1, "Squirrels seen in the park", 0), (2, "Park closed", 0)]
        database.executemany("insert or ignore into article values (?, ?, ?)", first)
    yield


app = FastAPI(lifespan=lifespan)
install(app)


# --- public pages: browsers ask again after a minute, the cache around us keeps them until they change


def revision(number: int, database: Database) -> str | None:
    """The entity-tag of an article: one short look, instead of the work for the whole response."""
    row = database.execute("select revision from article where number = ?", (number,)).fetchone()
    return None if row is None else f"{number}-{row['revision']}"


def group(request: Request) -> str:
    """The group that an article's responses belong to."""
    return f"article-{request.path_params['number']}"


@app.get("/articles", dependencies=[cache(max_age=60, ttl=3600, public=True, groups="articles")])
def list_articles(database: Database) -> list[Article]:
    return [Article(**row) for row in database.execute("select * from article order by number")]


@app.get("/articles/{number}", dependencies=[etag(revision), cache(max_age=60, ttl=3600, public=True, groups=group)])
def read_article(number: int, database: Database) -> Article:
    row = database.execute("select * from article where number = ?", (number,)).fetchone()
    if row is None:
        raise HTTPException(404)
    return Article(**row)


# --- changes: only by who has seen what is there, and gone from the cache before the answer is out


@app.put("/articles/{number}", dependencies=[etag(revision)])
async def rename_article(number: int, title: str, database: Database, local: CacheDep) -> Article:
    changed = database.execute(
        "update article set title = ?, revision = revision + 1 where number = ? returning *", (title, number)
    ).fetchone()
    if changed is None:
        raise HTTPException(404)
    await local.purge(groups=["articles", f"article-{number}"])
    return Article(**changed)


# --- one user's own: browsers may keep it, nobody else


@app.get("/users/me", dependencies=[cache(max_age=300, private=True), vary("Authorization")])
async def read_user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, str]:
    return {"name": credentials.credentials}


# --- static files: the name changes when the content does

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3"/></svg>'


@app.get("/static/logo.v1.svg", dependencies=[cache(max_age=31536000, public=True, immutable=True)])
async def logo() -> Response:
    return Response(LOGO, media_type="image/svg+xml")


# --- events: a stream, sent as it comes and kept by nobody


async def changes() -> AsyncIterator[str]:
    """The number of changes so far, whenever it grows."""
    seen = None
    with opened() as database:
        while True:
            (count,) = database.execute("select sum(revision) from article").fetchone()
            if count != seen:
                seen = count
                yield f"event: changes\ndata: {count}\n\n"
            await asyncio.sleep(0.1)


@app.get("/events", dependencies=[never_cache])
async def events() -> StreamingResponse:
    return StreamingResponse(changes(), media_type="text/event-stream")


# The cache stands around everything above, so it comes last.
app.add_middleware(CacheMiddleware, store=STORE)
