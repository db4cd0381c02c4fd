"""Every error that Tieline raises, split by whose fault it is.

```
TielineError
├── RemoteError             the peer or the caller is wrong; answered with `status`, never retried
│   ├── MalformedError          400  not decodable, or a value outside its limits
│   │   └── InvalidFieldError   422  one named field is wrong; says the cure
│   ├── SignatureError          401  anything that fails before a signature is verified
│   ├── ClockError              401  signed well, but outside the window of time
│   ├── UnauthenticatedError    401  REST: no token, or one that is not (or no longer) valid
│   ├── ForbiddenError          403  known, but not allowed (missing role, control)
│   │   └── DisabledError           403  the sync config is switched off
│   ├── NotFoundError           404  no such record
│   │   └── UnknownLinkError    404  no such sync config
│   ├── StaleError              409  replayed or overtaken post, lost race on a record
│   ├── TooLargeError           413  over a size cap
│   └── IncompatibleError       426  a protocol version we do not speak
├── TransientError          nobody's fault, now; retried by `protocol.pacing`
│   ├── ConflictError           a conditional write met another version
│   ├── StoreUnavailableError   disk full, database locked
│   ├── PeerUnavailableError    no answer, or none that can be trusted
│   │   └── PeerRefusedError        the peer refused the post and signed that it did
│   └── ThrottledError          the peer asked for a pause (`retry_after_seconds`)
├── LocalError              ours or the operator's; 500, never shown to the peer
│   ├── SettingsError           a setting is missing or wrong; names it
│   ├── KeyMissingError         a private key is not there or not readable
│   ├── InvalidTransitionError  a status change that the tables do not allow
│   └── RunnerError             the flow process could not be started or died unheard
└── FlowError               the script's author; recorded on the execution
    ├── ScriptError             cannot be compiled, no handler
    └── OutputError             a value that is not JSON; names the path
```
"""

from __future__ import annotations


class TielineError(Exception):
    """The root of every error raised by Tieline."""


class RemoteError(TielineError):
    """The peer or the caller is wrong; `status` is the HTTP status to answer with."""

    status = 400
    code = "bad-request"


class MalformedError(RemoteError):
    """Not decodable, or a value is outside its limits."""

    code = "malformed"


class InvalidFieldError(MalformedError):
    """One field is wrong; the message says what would be right."""

    status = 422
    code = "invalid-field"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class SignatureError(RemoteError):
    """A post failed before or at its signature; the detail is for our log only."""

    status = 401
    code = "unauthorized"


class ClockError(RemoteError):
    """The signature is good, but created or expired outside the window of time."""

    status = 401
    code = "clock"


class UnauthenticatedError(RemoteError):
    """The REST call carries no valid token."""

    status = 401
    code = "unauthenticated"


class ForbiddenError(RemoteError):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"


class DisabledError(ForbiddenError):
    """The sync config is switched off on the side that was asked."""

    code = "disabled"


class NotFoundError(RemoteError):
    """There is no such record."""

    status = 404
    code = "not-found"


class UnknownLinkError(NotFoundError):
    """There is no sync config of that name."""

    code = "unknown-link"


class StaleError(RemoteError):
    """A replayed or overtaken post, or a lost race on a record."""

    status = 409
    code = "stale"


class TooLargeError(RemoteError):
    """Larger than a cap allows."""

    status = 413
    code = "too-large"


class IncompatibleError(RemoteError):
    """A protocol version that this side does not speak."""

    status = 426
    code = "incompatible"


class TransientError(TielineError):
    """Nobody's fault, now; the same call may succeed later."""


class ConflictError(TransientError):
    """A conditional write met another version of the row.

    `kind` and `id` name the row. `name_taken` tells that another row has the name.
    """

    def __init__(self, kind: str, row_id: str, *, name_taken: bool = False) -> None:
        super().__init__(f"{kind} {row_id} was changed meanwhile")
        self.kind = kind
        self.id = row_id
        self.name_taken = name_taken


class StoreUnavailableError(TransientError):
    """The store cannot be written or read now (disk full, locked, throttled)."""


class PeerUnavailableError(TransientError):
    """No answer from the peer, or none that can be trusted; `reason` is one word for health."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class PeerRefusedError(PeerUnavailableError):
    """The peer refused the post and signed that it did; `code` is its word for why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__("refused", f"the peer refused the post ({status} {code}): {message}")
        self.status = status
        self.code = code


class ThrottledError(TransientError):
    """The peer asked for a pause of `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: float, detail: str) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class LocalError(TielineError):
    """Ours or the operator's to mend; never shown to a peer."""


class SettingsError(LocalError):
    """A setting of this host is missing or wrong; the message names it."""


class KeyMissingError(LocalError):
    """A private key is missing, unreadable or open to others."""


class InvalidTransitionError(LocalError):
    """A status change that `protocol.states` does not allow."""


class RunnerError(LocalError):
    """The flow process could not be started, or died without a word."""


class FlowError(TielineError):
    """The script's author has to mend it; recorded on the execution."""


class ScriptError(FlowError):
    """The script cannot be compiled or has no usable handler."""


class OutputError(FlowError):
    """A value that cannot be written as JSON; the message names its path."""
