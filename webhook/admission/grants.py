"""Grants for sessions that a policy lets happen."""

from collections.abc import Callable
from typing import Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.grants import LIFETIME_SECONDS, Grant, GrantSigner, Limits, argv_digest, issue
from sidecar.contract.identifiers import fresh_id
from sidecar.contract.sealing import NONCE_BYTES, Identity, Sealed, seal, unseal
from sidecar.contract.sealing import Decision as SealedDecision
from webhook.admission.main_process import Wanted, digest_of, holds_content
from webhook.admission.pods import Container
from webhook.approvals.programs import encode_approval
from webhook.policy.decision import Decision, Question

_MAIN_PROCESS: Final = "main-process"
"""In the place of a rule: no policy decides about it, the pod asks for it."""


class Keys(msgspec.Struct, frozen=True):
    """What grants are made with now."""

    signer: GrantSigner
    seal_key: bytes
    roots: tuple[bytes, ...]
    """Raw public keys that recorders may trust."""

    def __repr__(self) -> str:
        return "Keys(…)"


class Granter:
    """Issues grants. ``clock`` gives Unix nanoseconds, ``randomness`` that many fresh random bytes.

    ``keys`` gives the keys of the moment, and raises ClusterError as long as there are none; ``shown`` gives
    who asks without card data, as the record of the session keeps it.
    """

    def __init__(
        self,
        keys: Callable[[], Keys],
        *,
        shown: Callable[[Identity], Identity],
        clock: Callable[[], int],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._keys = keys
        self._shown = shown
        self._clock = clock
        self._randomness = randomness

    def now(self) -> int:
        """Give the time grants are issued at, in Unix seconds."""
        return self._clock() // 1_000_000_000

    def trusted_roots(self) -> tuple[bytes, ...]:
        """Give the roots that a recorder must know to accept the grants issued here."""
        return self._keys().roots

    def new_session(self) -> str:
        """Give a fresh session id."""
        return fresh_id(self._clock(), self._randomness)

    def grant(
        self,
        question: Question,
        decision: Decision,
        *,
        session: str,
        pod_uid: str,
        request_uid: str,
        approval: str | None = None,
        seconds: int = LIFETIME_SECONDS,
    ) -> str:
        """Give the token for one session. Raises GrantError when identity or masking rules are too large.

        ``approval`` names the approval request that was spent on it; ``seconds`` is how long it may be used.
        """
        keys, now = self._keys(), self._clock()
        decided = _sealed(decision, request_uid, now, approval)
        approvals = {rule: encode_approval(terms) for rule, terms in decision.program_approvals.items()}
        content = Sealed(self._shown(question.identity), decided, approvals)
        sealed = seal(keys.seal_key, session, content, nonce=self._randomness(NONCE_BYTES))
        issued_at = now // 1_000_000_000
        grant = Grant(
            session=session,
            issued_at=issued_at,
            expires_at=issued_at + seconds,
            namespace=question.namespace,
            pod=question.name,
            pod_uid=pod_uid,
            container=question.container,
            argv_digest=argv_digest([argument.encode() for argument in question.argv]),
            tty=question.tty,
            profile=decision.profile,
            limits=decision.limits,
            sealed=sealed,
            rules=decision.masking_rules,
            commands=decision.commands,
            traced=decision.traced,
            untraced=decision.untraced,
        )
        return issue(grant, keys.signer)

    def is_for(self, grant: Grant, who: Identity) -> bool:
        """Tell whether a grant was issued to somebody, with the key of now."""
        try:
            sealed = unseal((self._keys().seal_key,), grant.session, grant.sealed)
        except CallerError:
            return False
        return sealed.identity == self._shown(who)

    def grant_application(
        self, container: Container, namespace: str, who: Identity, request_uid: str, asked: Wanted
    ) -> str:
        """Give the token for a container's own program, sealed with who made the pod. Raises GrantError."""
        keys, now, name = self._keys(), self._clock(), self.new_session()
        digest, unbound = digest_of(container)
        decided = SealedDecision("allow", "", _MAIN_PROCESS, request_uid, now)
        content = Sealed(self._shown(who), decided)
        grant = Grant(
            session=name,
            issued_at=now // 1_000_000_000,
            expires_at=0,
            namespace=namespace,
            pod="",
            pod_uid="",
            container=container.name,
            argv_digest=digest,
            tty=container.tty,
            profile=asked.masking.profile,
            limits=Limits(idle_seconds=0, total_seconds=0),
            sealed=seal(keys.seal_key, name, content, nonce=self._randomness(NONCE_BYTES)),
            rules=asked.masking.rules,
            application=True,
            content=holds_content(container, asked),
            unbound=unbound,
        )
        return issue(grant, keys.signer)


def _sealed(decision: Decision, request_uid: str, now: int, approval: str | None) -> SealedDecision:
    would = decision.would
    told = f"{would.action.value} by {would.policy}/{would.rule}" if would else None
    return SealedDecision(
        decision.action.value, decision.policy, decision.rule, request_uid, now, approval=approval, would=told
    )
