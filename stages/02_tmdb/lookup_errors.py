"""Why there are no details of a film.

NoDetailsError                the job goes on without; the stage is skipped
├── NotAskedError             there is nothing to ask with: no token, no title
├── UnknownFilmError          TMDB knows no such film
├── TokenRefusedError         TMDB does not accept the token
├── TooManyRequestsError      TMDB asks for patience, more of it than we have
├── TooSlowError              no complete answer in time
├── UnreachableError          no connection: network, name, proxy or certificates
├── ServerTroubleError        TMDB says that it is in trouble
└── UnreadableAnswerError     what came back is no answer of TMDB's
WrongSettingError             the user's to mend; the stage fails
"""

from __future__ import annotations


class NoDetailsError(Exception):
    """There are no details, and the job can go on without them."""

    outcome = "no_details"


class NotAskedError(NoDetailsError):
    """Nothing was asked, because something to ask with is missing."""

    outcome = "not_asked"


class UnknownFilmError(NoDetailsError):
    """TMDB knows no such film."""

    outcome = "unknown_film"


class TokenRefusedError(NoDetailsError):
    """TMDB does not accept the token."""

    outcome = "token_refused"


class TooManyRequestsError(NoDetailsError):
    """TMDB asked to wait, as often or as long as nobody waits."""

    outcome = "too_many_requests"


class TooSlowError(NoDetailsError):
    """The answer was not complete in time."""

    outcome = "too_slow"


class UnreachableError(NoDetailsError):
    """No connection came about."""

    outcome = "unreachable"


class ServerTroubleError(NoDetailsError):
    """The server answered that it is in trouble."""

    outcome = "server_trouble"


class UnreadableAnswerError(NoDetailsError):
    """The answer is not one of TMDB's."""

    outcome = "unreadable_answer"


class WrongSettingError(Exception):
    """A setting cannot be used; the message names it."""
