"""HTTP caching, RFC 9111: the rules, the flow and the stores, without dependencies.

The rules are pure functions on frozen values, and every decision is a `Verdict` with its reason.  `Cache` and
`AsyncCache` run the whole flow around a function that sends a request.
"""

from __future__ import annotations

from . import forks
from .content import AsyncContent, Content
from .dates import format_date, parse_date
from .declarations import CacheControl
from .directives import format_directives, request_directives, response_directives
from .drive import Answer, Course, lines_added
from .drive_async import AsyncCache
from .drive_sync import Cache
from .entries import Entry
from .exchange import exchange
from .fields import EntityTag, field_names, parse_entity_tag
from .gateway import SCOPE_KEY, Gateway
from .headers import Headers
from .info import CacheInfo
from .invalidation import MAX_GROUP, MAX_GROUPS, SAFE_METHODS
from .live import AsyncLiveResponse, LiveResponse
from .messages import Request, Response
from .plain import Looked
from .policy import HEURISTICALLY_CACHEABLE, Override, Policy, Wish
from .preconditions import evaluate_conditions, not_modified_headers
from .record import Recording
from .reuse import BEARING as BEARING_ON_REUSE
from .reuse import decide
from .status import CacheStatus, parse_cache_status
from .steps import Drain, Live, Made, Send, Stored
from .stores import AsyncStore, FileStore, MemoryStore, Store, open_store
from .storing import BEARING as BEARING_ON_STORING
from .storing import FORBIDDEN, assess, may_store
from .structured import serialise_list
from .verdicts import Verdict
from .waiting import Waiter, in_thread

__version__ = "0.1.0"
__all__ = [
    "BEARING_ON_REUSE",
    "BEARING_ON_STORING",
    "FORBIDDEN",
    "HEURISTICALLY_CACHEABLE",
    "MAX_GROUP",
    "MAX_GROUPS",
    "SAFE_METHODS",
    "SCOPE_KEY",
    "Answer",
    "AsyncCache",
    "AsyncContent",
    "AsyncLiveResponse",
    "AsyncStore",
    "Cache",
    "CacheControl",
    "CacheInfo",
    "CacheStatus",
    "Content",
    "Course",
    "Drain",
    "EntityTag",
    "Entry",
    "FileStore",
    "Gateway",
    "Headers",
    "Live",
    "LiveResponse",
    "Looked",
    "Made",
    "MemoryStore",
    "Override",
    "Policy",
    "Recording",
    "Request",
    "Response",
    "Send",
    "Store",
    "Stored",
    "Verdict",
    "Waiter",
    "Wish",
    "assess",
    "decide",
    "evaluate_conditions",
    "exchange",
    "field_names",
    "forks",
    "format_date",
    "format_directives",
    "in_thread",
    "lines_added",
    "may_store",
    "not_modified_headers",
    "open_store",
    "parse_cache_status",
    "parse_date",
    "parse_entity_tag",
    "request_directives",
    "response_directives",
    "serialise_list",
]
