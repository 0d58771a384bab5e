"""Which Redis a URL of the conf file means."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from attrs import field, frozen

PORT = 6379
"""Redis's own."""

_FORMS = "redis://[user:password@]host[:6379][/db], rediss://..., redis+unix:/path/to.sock"


@frozen
class RedisUrl:
    """Where a Redis is, which of its databases, and as whom. Neither its str nor its repr shows the password."""

    host: str = ""
    """Empty where it is reached by a Unix socket."""
    port: int = PORT
    path: str = ""
    """Of the Unix socket; empty where it is reached by host and port."""
    tls: bool = False
    db: int = 0
    user: str = ""
    """Empty: Redis's user `default`."""
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> RedisUrl:
        """The URL of a conf file: `redis:` in plain text, `rediss:` by TLS (verified), `redis+unix:` by a Unix socket.

        User and password may be percent-encoded. With a Unix socket the form is, in full,
        `redis+unix://user:password@/path/to.sock?db=1`. Raises ValueError, with a text for operators that does not
        show the password.
        """
        url, port = _split(text)
        user, password = _who(url)
        if url.scheme == "redis+unix":
            return cls(path=_socket(url), db=_db_of_query(url), user=user, password=password)
        if url.scheme not in ("redis", "rediss"):
            raise ValueError(f"none of {_FORMS}")
        if not url.hostname:
            raise ValueError(f"a host is missing: {_FORMS}")
        if url.query or url.fragment:
            raise ValueError(f"nothing may follow the number of the database: {_FORMS}")
        return cls(
            host=url.hostname,
            port=PORT if port is None else port,
            tls=url.scheme == "rediss",
            db=_db(url.path.removeprefix("/")),
            user=user,
            password=password,
        )

    def __str__(self) -> str:
        who = f"{self.user}:***@" if self.password is not None else ""
        if self.path:
            return f"redis+unix:{who and f'//{who}'}{self.path}{f'?db={self.db}' if self.db else ''}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{who}{host}:{self.port}/{self.db}"


def _split(text: str) -> tuple[SplitResult, int | None]:
    if not text.isprintable() or " " in text:
        raise ValueError("no space may stand in the URL of Redis")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        # Its text may show the password.
        raise ValueError(f"no host and port from 1 to 65535 (is the password percent-encoded?): {_FORMS}") from None
    if port == 0:
        raise ValueError("no port from 1 to 65535")
    return url, port


def _who(url: SplitResult) -> tuple[str, str | None]:
    who, at, _ = url.netloc.rpartition("@")
    if not at:
        return "", None
    user, colon, password = who.partition(":")
    if not colon or not password:
        raise ValueError("user:password or :password is wanted before the @")
    return unquote(user), unquote(password)


def _socket(url: SplitResult) -> str:
    if url.hostname or not url.path.startswith("/") or url.path == "/":
        raise ValueError("the whole path of a socket is wanted: redis+unix:/run/redis/redis.sock")
    return unquote(url.path)


def _db_of_query(url: SplitResult) -> int:
    if url.fragment:
        raise ValueError("nothing may follow the number of the database")
    if not url.query:
        return 0
    said = parse_qs(url.query, keep_blank_values=True)
    if set(said) != {"db"} or len(said["db"]) != 1 or not said["db"][0]:
        raise ValueError("only ?db=NUMBER may follow the path of the socket")
    return _db(said["db"][0])


def _db(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal()):
        raise ValueError("the database is a number: redis://host/0")
    return int(text or "0")
