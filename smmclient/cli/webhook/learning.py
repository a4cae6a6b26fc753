"""``smm webhook learn``: how a panel signs, told by a recorded delivery and the secret."""

from __future__ import annotations

import getpass
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from attrs import fields, frozen

from smmclient.cli.outcome import OK, CallError
from smmclient.cli.output import Out
from smmclient.cli.profiles import no_secret, webhook_secrets
from smmclient.cli.session import Access, Session
from smmclient.cli.webhook.choices import read_scheme
from smmclient.cli.webhook.lines import as_line
from smmclient.errors import UsageError, WebhookRejected
from smmclient.webhooks import KNOWN_SCHEMES, Findings, Scheme, learn, verify
from smmclient.webhooks.recorded import Recorded, read_all
from smmclient.webhooks.scheme import OF_SIGNING
from smmclient.webhooks.times import EARLIEST, LATEST

__all__ = ["learn_from"]

#: Recorded deliveries that are looked at until one fits, the newest first: others may send to the address, too.
_MOST = 10
#: Bytes of a file that is read: a recording stops growing before.
_LARGEST = 80 * 1024 * 1024


@frozen(kw_only=True)
class _Learnt:
    """What was found, and how many of the recorded deliveries it fits."""

    findings: Findings
    scheme: Scheme
    fits: int
    deliveries: int
    tried: int

    @property
    def known(self) -> str | None:
        """The name of the well-known scheme that it is."""
        return next((name for name, one in KNOWN_SCHEMES.items() if _signing(one) == _signing(self.scheme)), None)


def learn_from(
    session: Session, access: Access, file: Path, *, save: Path | None, is_forced: bool, names: Path | None
) -> int:
    """Show the scheme that fits, and what of the payload is read; a `UsageError` says what to try where none does."""
    out, scheme = session.out, read_scheme(names)
    if save is not None and save.exists() and not is_forced:
        raise CallError(f"{save} is there already", hint="name another file, or write over it with --force")
    deliveries = _read(file)
    learnt = _learn(deliveries, _secrets(session, access), scheme)
    if save is not None:
        _save(save, learnt.scheme)
    if out.json:
        out.write_json(_plain(learnt, save))
    else:
        _show(out, learnt, save)
    return OK


def _secrets(session: Session, access: Access) -> tuple[str, ...]:
    """The account's secrets; asked for on a terminal where there are none, or no panel is named."""
    is_asked = sys.stdin is not None and sys.stdin.isatty()
    is_named = access.panel or access.profile or session.environ.get("SMM_PANEL") or session.environ.get("SMM_PROFILE")
    if is_named or not is_asked:
        account = session.account_of(access)
        if secrets := webhook_secrets(session.environ, account):
            return secrets
        if not is_asked:
            raise no_secret(session.environ, account.panel)
    try:
        typed = getpass.getpass("The webhook's secret (it is not shown): ").strip()
    except EOFError:
        typed = ""
    if not typed:
        raise CallError("no secret was given", hint="run the same command again, with the one that the panel showed")
    return (typed,)


def _read(file: Path) -> list[Recorded]:
    """The deliveries of a file."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise CallError(
            f"{str(file)[:200]} cannot be read: {error.strerror}",
            hint="`smm webhook listen --record FILE` writes one",
        ) from error
    if len(content) > _LARGEST:
        raise CallError(f"{file} is too large to be a recording", hint="give a file with one delivery")
    if not content.strip():
        raise CallError(f"{file} holds no delivery yet", hint="record one with `smm webhook listen --record FILE`")
    return read_all(content)


def _learn(deliveries: Sequence[Recorded], secrets: Sequence[str], names: Scheme) -> _Learnt:
    tried, notes = 0, list[Sequence[str]]()
    # The plain ones first: what somebody else has stuffed with headers takes long.
    newest = sorted(deliveries[: -_MOST - 1 : -1], key=lambda one: len(one.headers))
    for delivery in newest:
        for secret in secrets:
            found = learn(delivery, secret, scheme=names)
            tried += found.tried
            if found.scheme is not None:
                fits = sum(_fits(one, secrets, found.scheme) for one in deliveries)
                return _Learnt(findings=found, scheme=found.scheme, fits=fits, deliveries=len(deliveries), tried=tried)
            notes.append(found.notes)
    of = "the delivery" if len(deliveries) == 1 else f"any of {min(len(deliveries), _MOST)} deliveries"
    # What is so of all: others may send to the address, too.
    why = "; ".join(one for one in notes[0] if all(one in each for each in notes))
    raise CallError(
        f"no scheme fits {of} ({tried:,} ways of signing were tried): {why}",
        hint="add a new webhook (`smm webhook add`), keep its secret, and record what comes to that very one with `smm "
        "webhook listen --record FILE`: a copy from a request bin may have other bytes. If the panel's documents tell "
        "how it signs, write scheme.toml by hand (docs/webhooks.md)",
    )


def _fits(recorded: Recorded, secrets: Sequence[str], scheme: Scheme) -> bool:
    # By the time that it came; where that is not recorded, any time that it can have come at will do.
    now, tolerance = (recorded.at, 300.0) if recorded.at is not None else (EARLIEST, LATEST - EARLIEST)
    # A recording by hand may have added a line end, which `learn` sees through.
    for body in {recorded.body, recorded.body.rstrip(b"\r\n")}:
        with suppress(WebhookRejected, UsageError):
            verify(body, recorded.headers, secrets, scheme=scheme, now=now, tolerance=tolerance)
            return True
    return False


def _signing(scheme: Scheme) -> dict[str, object]:
    return {name: getattr(scheme, name) for name in OF_SIGNING}


def _save(path: Path, scheme: Scheme) -> None:
    try:
        path.write_text(scheme.dump(), encoding="utf-8")
    except OSError as error:
        raise CallError(
            f"{str(path)[:200]} cannot be written: {error.strerror}", hint="name another file with --save"
        ) from error


# ------------------------------------------------------------------------------------------------------ what is shown


def _show(out: Out, learnt: _Learnt, save: Path | None) -> None:
    findings = learnt.findings
    known = {"ours": "our defaults", None: "no well-known one"}.get(learnt.known, f"as {learnt.known} does")
    rows: list[tuple[str, object]] = [("scheme", known)]
    rows += [(name, value) for name, value in _signing(learnt.scheme).items() if value not in ("", False)]
    out.table(("signed", "how"), rows)
    out.line("")
    if findings.event is not None:
        out.table(("read as", "field"), [(what, path or "-") for what, path in findings.reads.items()])
        if findings.unread:
            out.line(f"not read: {', '.join(findings.unread)}")
        out.line(f"so it says: {as_line(findings.event, is_verified=True)}")
        out.line("")
    for line in _told(learnt):
        out.line(line)
    if save is None:
        out.note("  -> keep it with --save scheme.toml")
    else:
        out.note(f"smm: written to {save}")
        out.note(f"  -> smm webhook listen --scheme {shlex.quote(str(save))}")


def _told(learnt: _Learnt) -> Iterator[str]:
    if learnt.deliveries > 1:
        yield f"it verifies {learnt.fits} of {learnt.deliveries} recorded deliveries"
    for note in learnt.findings.notes:
        if learnt.fits < 2 or not note.startswith("one delivery"):
            yield f"note: {note}"


def _plain(learnt: _Learnt, save: Path | None) -> dict[str, object]:
    findings = learnt.findings
    return {
        "scheme": {one.name: getattr(learnt.scheme, one.name) for one in fields(Scheme)},
        "known_as": learnt.known,
        "deliveries": learnt.deliveries,
        "verified": learnt.fits,
        "tried": learnt.tried,
        "reads": dict(findings.reads),
        "unread": findings.unread,
        "notes": findings.notes,
        "saved": None if save is None else str(save),
    }
