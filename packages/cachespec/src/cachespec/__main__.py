"""The command `cachespec`: look into a store, remove from it, move it; and explain what header fields mean.

cachespec ls                                 what is stored
cachespec show https://example.com/          what is stored for one URL
cachespec purge --prefix https://example.com/articles/
cachespec stats
cachespec export cache.bin                   into a file, and with `import` back
cachespec explain --status 200 -H 'Cache-Control: max-age=60'
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TextIO, TypeVar

from . import __version__
from .entries import Entry
from .explain import explain
from .keys import normalise_url
from .messages import Request, Response
from .policy import Policy
from .stores import FileStore, Store, open_store
from .stores.contract import scope
from .stores.listing import described, fitting, row, shown, size, state
from .stores.transfer import export_store, import_store

T = TypeVar("T")

STORE: Final = "CACHESPEC_STORE"
"""The environment variable with the store's URL, where the option is not given."""
STEP: Final = 500
"""How often progress is told, in items."""


class RefusalError(Exception):
    """What the user asked for cannot be done, for the reason given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status: 0, 1 for nothing found, 2 where it could not be done."""
    asked = parser().parse_args(arguments)
    try:
        status: int = asked.run(asked)
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - of any store, for a person
        # Databases say more than one line, and the first one says it.
        said = str(error).strip().partition("\n")[0]
        print(f"cachespec: {shown(said or type(error).__name__)}", file=sys.stderr)
        return 2
    return status


def parser() -> argparse.ArgumentParser:
    """What may be asked for."""
    top = argparse.ArgumentParser(prog="cachespec", description="Look into an HTTP cache, and explain what it does.")
    top.add_argument("--version", action="version", version=f"cachespec {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--store",
        metavar="URL",
        default=os.environ.get(STORE) or "file:",
        help="file:///folder, sqlite:///file, postgresql+psycopg://host/name, …, with #namespace behind it if need be; "
        f"without it ${STORE}, or else files in your cache directory",
    )

    def command(name: str, run: Callable[[Any], int], about: str, **options: Any) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about, **options)
        added.set_defaults(run=run)
        return added

    ls = command("ls", list_items, "List what is stored.", parents=[store])
    ls.add_argument("--prefix", default="", help="only URLs that begin so")
    ls.add_argument("--limit", type=number, metavar="N", help="at most so many")
    show = command("show", show_url, "Show what is stored for a URL.", parents=[store])
    show.add_argument("url", metavar="URL")
    purge = command("purge", purge_items, "Remove what is stored.", parents=[store])
    purge.add_argument("url", nargs="?", metavar="URL", help="one URL, with all its variants")
    purge.add_argument("--group", action="append", default=[], metavar="NAME", help="what belongs to a cache group")
    purge.add_argument("--prefix", metavar="URL", help="what begins so")
    purge.add_argument("--expired", action="store_true", help="what nobody can use any more")
    purge.add_argument("--all", action="store_true", help="everything")
    purge.add_argument("--soft", action="store_true", help="keep it, but stale from now on")
    command("stats", show_stats, "Tell how much is stored.", parents=[store])
    out = command("export", export_items, "Write what is stored to a file.", parents=[store])
    out.add_argument("file", metavar="FILE")
    back = command("import", import_items, "Store what was exported.", parents=[store])
    back.add_argument("file", metavar="FILE")
    why = command("explain", explain_fields, "Tell in words what a response's fields mean for a cache.")
    why.add_argument("--status", type=int, default=200, help="the response's status (200)")
    why.add_argument("--url", default="https://example.com/", help="what was asked for")
    why.add_argument("--method", default="GET", help="how (GET)")
    why.add_argument("--shared", action="store_true", help="to a shared cache, not a private one")
    why.add_argument("--gateway", action="store_true", help="to the middleware in front of an application")
    why.add_argument("-H", "--header", action="append", metavar="LINE", help="a response field; else they are read")
    why.add_argument("-R", "--request-header", action="append", default=[], metavar="LINE", help="a request field")
    return top


def number(text: str) -> int:
    """A number above 0, from the command line."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def url_of(text: str) -> str:
    """A URL from the command line, as the store knows it."""
    if "://" not in text:
        raise RefusalError(f"{text!r} is no URL; write it in full, as in https://example.com/")
    return normalise_url(text)


# --- the store's commands


def opened(url: str, *, new: bool = False) -> Store:
    """The store at `url`; a folder or a file that is not there is made only where it may be `new`."""
    if url == "memory:":
        raise RefusalError("a store in memory ends with its process: there is nothing in a new one")
    if not new and url.startswith("sqlite:") and not os.path.exists(path := url.partition("#")[0].partition(":///")[2]):
        raise RefusalError(f"there is no cache in {path}")
    store = open_store(url)
    if isinstance(store, FileStore) and not new and not store.folder.is_dir():
        raise RefusalError(f"there is no cache in {store.folder}")
    return store


def list_items(asked: argparse.Namespace) -> int:
    """List responses, one a line; for a person with a heading, and as wide as the terminal."""
    store, now, listed = opened(asked.store), time.time(), 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for item in responses(store):
        if item.url.startswith(asked.prefix):
            if width and not listed:
                print(row("", "", "bytes", "URL"))
            print(fitting(row(str(item.status), state(item, now), f"{item.length:,}", shown(item.url)), width))
            listed += 1
            if listed == asked.limit:
                break
    store.close()
    if not listed:
        print("nothing is stored" + (f" below {shown(asked.prefix)}" if asked.prefix else ""), file=sys.stderr)
    return 0 if listed else 1


def show_url(asked: argparse.Namespace) -> int:
    """Show every response that is stored for a URL."""
    url = url_of(asked.url)
    store, now, found = opened(asked.store), time.time(), 0
    for item in responses(store):
        if item.url == url:
            found += 1
            print("\n".join(described(item, now)))
    store.close()
    if not found:
        print(f"nothing is stored for {shown(url)}", file=sys.stderr)
    return 0 if found else 1


def purge_items(asked: argparse.Namespace) -> int:
    """Remove what is named."""
    named = asked.url is not None or asked.group or asked.prefix is not None or asked.all
    if not named and not asked.expired:
        raise RefusalError("name a URL, --group, --prefix, --expired or --all")
    url = None if asked.url is None else url_of(asked.url)
    store, now, removed = opened(asked.store), time.time(), 0
    if asked.expired:
        for swept in told(iter(lambda: store.sweep(now), 0), "swept", each=1000):
            removed += swept
    if named:
        hit = scope(
            url=url,
            groups=asked.group,
            prefix=asked.prefix,
            everything=asked.all,
            stale_at=now if asked.soft else None,
        )
        removed += store.purge(hit)
    store.close()
    print(f"{removed} {'made stale' if asked.soft else 'removed'}")
    return 0


def show_stats(asked: argparse.Namespace) -> int:
    """Tell how much there is."""
    store = opened(asked.store)
    stats = store.stats()
    store.close()
    print(f"entries  {stats.entries:>15,}")
    print(f"bytes    {stats.bytes:>15,}{f'  ({size(stats.bytes)})' if stats.bytes >= 1024 else ''}")
    return 0


def export_items(asked: argparse.Namespace) -> int:
    """Write the store to a file that only its owner may read."""
    store = opened(asked.store)
    with os.fdopen(os.open(asked.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        count = sum(1 for _ in told(export_store(store, file), "exported"))
    store.close()
    print(f"{count} exported")
    return 0


def import_items(asked: argparse.Namespace) -> int:
    """Put what is in a file into the store."""
    with open(asked.file, "rb") as file:
        store = opened(asked.store, new=True)
        count = sum(1 for _ in told(import_store(store, file), "imported"))
    store.close()
    print(f"{count} imported")
    return 0


def responses(store: Store) -> Iterator[Entry]:
    """The responses in a store."""
    for _, item in told(store.items(), "looked at"):
        if isinstance(item, Entry):
            yield item


def told(items: Iterable[T], done: str, *, each: int = 1, out: TextIO | None = None) -> Iterator[T]:
    """`items`, while a person at a terminal is told how far it has got."""
    out = out or sys.stderr
    shows = out.isatty()
    count = 0
    for item in items:
        yield item
        count += each
        if shows and count % STEP == 0:
            print(f"\r{count:,} {done}", end="", file=out, flush=True)
    if shows and count >= STEP:
        print("\r\x1b[K", end="", file=out, flush=True)


# --- explain


def explain_fields(asked: argparse.Namespace) -> int:
    """Tell what a response's fields mean."""
    now = time.time()
    status, lines = asked.status, asked.header
    if lines is None:
        status, lines = read_head(sys.stdin, status)
    response = Response(status, [line_of(line) for line in lines])
    request = Request(asked.method, asked.url, [line_of(line) for line in asked.request_header])
    policy = Policy.gateway() if asked.gateway else Policy(shared=asked.shared, credentials=credentials(asked))
    print("\n".join([shown(sentence) for sentence in explain(request, response, policy, now)]))
    return 0


def credentials(asked: argparse.Namespace) -> Any:
    """How such a cache treats credentials, unless told otherwise."""
    return "rfc" if asked.shared else "partition"


def read_head(file: TextIO, status: int) -> tuple[int, list[str]]:
    """Status and field lines from a response's head as ``curl -i`` prints it; the status line may be missing."""
    lines = []
    for line in file:
        line = line.rstrip("\r\n")
        if not line:
            break
        if line.startswith("HTTP/"):
            code = line.split(" ")[1:2]
            if not (code and len(code[0]) == 3 and code[0].isascii() and code[0].isdigit()):
                raise RefusalError(f"{line!r} is no status line")
            status = int(code[0])
        else:
            lines.append(line)
    return status, lines


def line_of(line: str) -> tuple[str, str]:
    """Name and value of a field line."""
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip():
        raise RefusalError(f"{line!r} is no field line; write it as Name: value")
    return name, value.strip(" \t")


if __name__ == "__main__":  # pragma: no cover - in a process of its own
    sys.exit(main())
