"""What an administrator decides about cases and outgoing mail; two sections of the settings."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aggregates.values import Value

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Cases(Value):
    """How cases are opened, wait and end.

    `channels`: inbound interactions of these open a case or join the one of their thread; none by
    default. `sender_mails_an_hour`: from more mails of one sender than this no further case is opened,
    they join the sender's last one. `pending_reasons` and `dispositions`: what a case may wait for, and
    how it may end. `close_after_days`: a case that was resolved so long ago is closed by the sweep.
    """

    channels: tuple[str, ...] = ()
    sender_mails_an_hour: Annotated[int, Field(ge=1, le=100)] = 5
    pending_reasons: tuple[Code, ...] = ("customer", "colleague", "third_party")
    dispositions: tuple[Code, ...] = ("solved", "not_solved", "withdrawn", "no_answer_needed")
    close_after_days: Annotated[int, Field(ge=1, le=3_650)] = 14


class OutgoingMail(Value):
    """How mail goes out: nothing is sent until `host` and `sender` are set.

    `sender`: the address that mail comes from. `reply_to`: the address that answers go to, with the
    token of the case behind a plus sign; None leaves the token to the subject. `tls`: `starttls`,
    `tls` from the first byte, or `none`. `user_variable` and `password_variable` name the environment
    variables that hold the login; the login itself stands nowhere. `seconds`: how long the server may
    take for one answer. `attempts`: how often a mail is tried; from one try to the next the wait
    doubles, beginning with `retry_minutes`.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$", max_length=254)] | None = None
    reply_to: Annotated[str, Field(pattern=r"^[^\s@<>+]+@[^\s@<>]+$", max_length=230)] | None = None
    user_variable: str | None = None
    password_variable: str | None = None
    seconds: Annotated[int, Field(ge=1, le=600)] = 30
    attempts: Annotated[int, Field(ge=1, le=50)] = 8
    retry_minutes: Annotated[int, Field(ge=1, le=1_440)] = 1

    @model_validator(mode="after")
    def _login_is_whole(self) -> "OutgoingMail":
        if (self.user_variable is None) != (self.password_variable is None):
            raise ValueError("user_variable and password_variable are given together or not at all")
        if self.user_variable is not None and self.tls == "none":
            raise ValueError("a login is sent over TLS only; set tls to starttls or tls")
        return self
