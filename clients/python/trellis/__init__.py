"""The client of Trellis for Python: README.md has examples, docs/protocol.md what the commands mean."""
from .answer import Answer, Document, Key, Page
from .async_client import AsyncClient
from .client import Client
from .errors import (AlreadyExists, DeadlineExceeded, ExactlyOnceError, FailedPrecondition, Internal, InvalidArgument, NotFound,
                     NotGuaranteed, PermissionDenied, ResourceExhausted, TrellisError, Unauthenticated, Unavailable,
                     Unimplemented)
from .item import Item
from .user_key import UserKeyError

__all__ = ["AlreadyExists", "Answer", "AsyncClient", "Client", "DeadlineExceeded", "Document", "ExactlyOnceError",
           "FailedPrecondition", "Internal", "InvalidArgument", "Item", "Key", "NotFound", "NotGuaranteed", "Page",
           "PermissionDenied", "ResourceExhausted", "TrellisError", "Unauthenticated", "Unavailable", "Unimplemented",
           "UserKeyError"]
